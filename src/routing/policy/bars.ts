/**
 * Bars on expected latency and quality. A bar that nobody reaches is an error under a strict policy; otherwise the
 * candidate nearest to it is kept, and the explanation says so.
 */
import { noCandidate } from "./constraints.ts";
import type { CandidateEstimate, Exclusion, Selection } from "./policy.ts";
import { decimalsApart, lowest, qualityOf, shownMs, shownQuality } from "./words.ts";

interface Bar {
  readonly name: string;
  /** Undefined when the candidate passes. */
  readonly against: (estimate: CandidateEstimate) => string | undefined;
  /** The lower, the nearer. */
  readonly distance: (estimate: CandidateEstimate) => number;
  readonly nearest: (estimate: CandidateEstimate) => string;
}

function applyBar(estimates: readonly CandidateEstimate[], bar: Bar, isStrict: boolean): Selection {
  const excluded: Exclusion[] = [];
  const kept = estimates.filter((estimate) => {
    const reason = bar.against(estimate);
    if (reason !== undefined) excluded.push({ model: estimate.model, reason });
    return reason === undefined;
  });
  if (kept.length > 0) return { kept, excluded };
  if (isStrict) throw noCandidate(`no candidate reaches the ${bar.name}`, excluded);
  const nearest = lowest(estimates, bar.distance);
  return {
    kept: [nearest],
    excluded: excluded.filter(({ model }) => model !== nearest.model),
    note: `no candidate reaches the ${bar.name}, so ${bar.nearest(nearest)} is taken`,
  };
}

/** Why a candidate is too slow; undefined when it is not, or of unknown speed. */
export function latencyAgainst({ latencyMs }: CandidateEstimate, barMs: number): string | undefined {
  if (latencyMs === undefined || latencyMs <= barMs) return undefined;
  const decimals = decimalsApart(latencyMs, barMs, 0);
  return `its expected latency of ${shownMs(latencyMs, decimals)} is above the bar of ${shownMs(barMs, decimals)}`;
}

/** Why an expected quality does not do. */
export function qualityAgainst(quality: number, bar: number): string | undefined {
  if (quality >= bar) return undefined;
  const decimals = decimalsApart(quality, bar, 3);
  return `its expected quality of ${shownQuality(quality, decimals)} is below the bar of ${shownQuality(bar, decimals)}`;
}

/** Leaves out candidates expected to be slower than the bar; those of unknown latency stay. */
export function applyLatencyBar(
  estimates: readonly CandidateEstimate[],
  barMs: number,
  isStrict: boolean,
): Selection {
  return applyBar(
    estimates,
    {
      name: `latency bar of ${shownMs(barMs)}`,
      against: (estimate) => latencyAgainst(estimate, barMs),
      distance: ({ latencyMs }) => latencyMs ?? 0,
      nearest: ({ model, latencyMs }) => `the fastest, ${model} (${shownMs(latencyMs ?? 0)}),`,
    },
    isStrict,
  );
}

/** Leaves out candidates expected to be worse than the bar. */
export function applyQualityBar(
  estimates: readonly CandidateEstimate[],
  bar: number,
  isStrict: boolean,
): Selection {
  return applyBar(
    estimates,
    {
      name: `quality bar of ${shownQuality(bar)}`,
      against: (estimate) => qualityAgainst(qualityOf(estimate), bar),
      distance: (estimate) => -qualityOf(estimate),
      nearest: (estimate) => `the best, ${estimate.model} (${shownQuality(qualityOf(estimate))}),`,
    },
    isStrict,
  );
}
