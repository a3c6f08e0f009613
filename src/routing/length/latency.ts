/**
 * How long an answer takes: time to its first token plus its tokens over the rate, t = t_0 + n / r. Both come from the
 * pool file or are fitted to answers that the gateway has measured.
 */

export interface LatencyProfile {
  readonly timeToFirstTokenMs: number;
  readonly tokensPerSecond: number;
}

/** One measured answer. */
export interface LatencyObservation {
  readonly completionTokens: number;
  /** From the request to the last token. */
  readonly latencyMs: number;
}

/** Fewer answers say little about two numbers. */
export const FEWEST_LATENCY_OBSERVATIONS = 10;

export function expectedLatencyMs(profile: LatencyProfile, completionTokens: number): number {
  return profile.timeToFirstTokenMs + (1000 * completionTokens) / profile.tokensPerSecond;
}

/**
 * Least squares through (tokens, milliseconds) with neither number below 0. Undefined with fewer than ten answers, or
 * when nothing about the rate can be said because time does not grow with length.
 */
export function fitLatency(observations: readonly LatencyObservation[]): LatencyProfile | undefined {
  const count = observations.length;
  if (count < FEWEST_LATENCY_OBSERVATIONS) return undefined;
  const meanTokens = observations.reduce((sum, { completionTokens }) => sum + completionTokens, 0) / count;
  const meanMs = observations.reduce((sum, { latencyMs }) => sum + latencyMs, 0) / count;
  let [joint, spread] = [0, 0];
  for (const { completionTokens, latencyMs } of observations) {
    joint += (completionTokens - meanTokens) * (latencyMs - meanMs);
    spread += (completionTokens - meanTokens) ** 2;
  }
  const msPerToken = spread > 0 ? joint / spread : 0;
  if (!(msPerToken > 0)) return undefined;
  const timeToFirstTokenMs = meanMs - msPerToken * meanTokens;
  if (timeToFirstTokenMs >= 0) return { timeToFirstTokenMs, tokensPerSecond: 1000 / msPerToken };
  // The best line through the origin, when the free line would start before the request.
  const squares = observations.reduce((sum, { completionTokens }) => sum + completionTokens ** 2, 0);
  const products = observations.reduce((sum, one) => sum + one.completionTokens * one.latencyMs, 0);
  return { timeToFirstTokenMs: 0, tokensPerSecond: (1000 * squares) / products };
}
