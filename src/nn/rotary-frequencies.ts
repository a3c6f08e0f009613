/**
 * Frequencies of rotary position embedding (arXiv 2104.09864) and their scalings for longer contexts.
 *
 * A pair i of a head of width D turns by position x f(i); unscaled, f(i) = theta^(-2i/D). Numbers are float64 until
 * the last step; D head width, P positions.
 */

/** f(i) = theta^(-2i/D) */
interface DefaultRotary {
  readonly kind: "default";
  readonly theta: number;
}

/** Position interpolation: every frequency divided by the factor (arXiv 2306.15595). */
interface LinearRotary {
  readonly kind: "linear";
  readonly theta: number;
  readonly factor: number;
}

/** A base that grows with the sequence once it is longer than the model was trained for ("dynamic NTK"). */
interface DynamicRotary {
  readonly kind: "dynamic";
  readonly theta: number;
  readonly factor: number;
  /** Trained context in tokens. */
  readonly originalPositions: number;
}

/** Long wavelengths divided by the factor, short ones kept, a ramp between (Llama 3.1, arXiv 2407.21783). */
interface Llama3Rotary {
  readonly kind: "llama3";
  readonly theta: number;
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  /** Trained context in tokens. */
  readonly originalPositions: number;
}

/** YaRN (arXiv 2309.00071): interpolation by number of turns, and warmer attention. */
interface YarnRotary {
  readonly kind: "yarn";
  readonly theta: number;
  readonly factor: number;
  /** Trained context in tokens. */
  readonly originalPositions: number;
  /** Pairs with more turns than this over the trained context keep their frequency. */
  readonly betaFast: number;
  /** Pairs with fewer turns than this are interpolated. */
  readonly betaSlow: number;
  /** Whether the ends of the ramp are rounded outwards to whole pairs. */
  readonly isTruncated: boolean;
  /** Factor on queries and keys alike. */
  readonly attentionFactor: number;
}

export type RotarySettings = DefaultRotary | LinearRotary | DynamicRotary | Llama3Rotary | YarnRotary;

/** YaRN's default attention factor, 0.1 m ln(s) + 1 for a scale s above 1; with two m, their ratio. */
export function yarnAttentionFactor(factor: number, mscale?: number, mscaleAllDimensions?: number): number {
  const at = (m: number): number => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  return mscale && mscaleAllDimensions ? at(mscale) / at(mscaleAllDimensions) : at(1);
}

/** theta^(-2i/D), i = 0 .. D/2 - 1 */
function plainFrequencies(theta: number, headWidth: number): number[] {
  return Array.from({ length: headWidth / 2 }, (_, i) => theta ** ((-2 * i) / headWidth));
}

function dynamicFrequencies(settings: DynamicRotary, headWidth: number, positions: number): number[] {
  const { factor, originalPositions } = settings;
  const length = Math.max(positions, originalPositions);
  const stretch = (factor * length) / originalPositions - (factor - 1);
  return plainFrequencies(settings.theta * stretch ** (headWidth / (headWidth - 2)), headWidth);
}

function llama3Frequencies(settings: Llama3Rotary, headWidth: number): number[] {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = settings;
  return plainFrequencies(settings.theta, headWidth).map((frequency) => {
    const turns = (originalPositions * frequency) / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const kept = (turns - low) / (high - low);
    return ((1 - kept) * frequency) / factor + kept * frequency;
  });
}

function yarnFrequencies(settings: YarnRotary, headWidth: number): number[] {
  const { theta, factor, originalPositions, isTruncated } = settings;
  /** The (fractional) pair that makes `turns` turns over the trained context. */
  const pairWithTurns = (turns: number): number =>
    (headWidth * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairWithTurns(settings.betaFast), pairWithTurns(settings.betaSlow)];
  const from = Math.max(isTruncated ? Math.floor(first) : first, 0);
  const to = Math.min(isTruncated ? Math.ceil(last) : last, headWidth - 1);
  const width = from === to ? 0.001 : to - from;
  return plainFrequencies(theta, headWidth).map((frequency, i) => {
    const interpolated = Math.min(Math.max((i - from) / width, 0), 1);
    return (interpolated * frequency) / factor + (1 - interpolated) * frequency;
  });
}

/**
 * Frequencies in radians per position, float32 [D/2].
 *
 * @param positions number of positions of the sequence; only dynamic scaling depends on it
 */
export function rotaryFrequencies(
  settings: RotarySettings,
  headWidth: number,
  positions: number,
): Float32Array {
  switch (settings.kind) {
    case "default":
      return Float32Array.from(plainFrequencies(settings.theta, headWidth));
    case "linear":
      return Float32Array.from(plainFrequencies(settings.theta, headWidth), (f) => f / settings.factor);
    case "dynamic":
      return Float32Array.from(dynamicFrequencies(settings, headWidth, positions));
    case "llama3":
      return Float32Array.from(llama3Frequencies(settings, headWidth));
    case "yarn":
      return Float32Array.from(yarnFrequencies(settings, headWidth));
  }
}

/** Factor on the rotated queries and keys: 1 for all but YaRN. */
export function rotaryAttentionFactor(settings: RotarySettings): number {
  return settings.kind === "yarn" ? settings.attentionFactor : 1;
}
