/**
 * Routing between a strong and a weak model, measured as RouteLLM does (arXiv 2406.18665, `routellm/evals`): quality
 * as the share of prompts that go to the strong model grows.
 */
import { TuttiError } from "../../support/errors.ts";

/** Quality when a share of the prompts goes to the strong model. */
export interface StrongSharePoint {
  /** Share of prompts answered by the strong model, 0 to 1. */
  readonly strongShare: number;
  readonly quality: number;
  readonly threshold?: number;
}

/** What each of the two models would achieve on every prompt. */
export interface PairScores {
  readonly strong: ArrayLike<number>;
  readonly weak: ArrayLike<number>;
}

/** RouteLLM's number of quantile bins, so of thresholds less one. */
const QUANTILES = 10;

/**
 * RouteLLM's curve: thresholds at the 0, 10 ... 100 % quantiles (linear between order statistics) of the router's
 * preference for the strong model; at each, prompts at or above the threshold go to the strong model, at the last
 * one only those above. From weak to strong share, ascending.
 *
 * @param preference higher means rather the strong model
 */
export function strongShareCurve(preference: ArrayLike<number>, scores: PairScores): StrongSharePoint[] {
  const sorted = Float64Array.from(preference).sort();
  const n = sorted.length;
  const thresholds = Array.from({ length: QUANTILES + 1 }, (_, index) => {
    const position = (index / QUANTILES) * (n - 1);
    const low = Math.floor(position);
    const high = Math.min(low + 1, n - 1);
    return sorted[low]! + (position - low) * (sorted[high]! - sorted[low]!);
  });
  return thresholds
    .map((threshold, index) => {
      const isLast = index === QUANTILES;
      let [strong, quality] = [0, 0];
      for (let prompt = 0; prompt < n; prompt++) {
        const value = preference[prompt]!;
        const takesStrong = isLast ? value > threshold : value >= threshold;
        strong += takesStrong ? 1 : 0;
        quality += (takesStrong ? scores.strong[prompt]! : scores.weak[prompt]!) / n;
      }
      return { strongShare: strong / n, quality, threshold };
    })
    .reverse();
}

/**
 * The curve at evenly spaced shares: the round(share x n) prompts with the highest preference go to the strong model,
 * ties in the order of the data. With `preference` = strong minus weak score it is the best a router can do when
 * made to use the strong model that often.
 */
export function evenShareCurve(
  preference: ArrayLike<number>,
  scores: PairScores,
  steps: number,
): StrongSharePoint[] {
  const n = preference.length;
  const order = Array.from({ length: n }, (_, index) => index).sort(
    (a, b) => preference[b]! - preference[a]!,
  );
  const weak = order.reduce((sum, prompt) => sum + scores.weak[prompt]!, 0);
  const gained = new Float64Array(n + 1);
  for (const [rank, prompt] of order.entries())
    gained[rank + 1] = gained[rank]! + scores.strong[prompt]! - scores.weak[prompt]!;
  return Array.from({ length: steps + 1 }, (_, index) => {
    const taken = Math.round((index / steps) * n);
    return { strongShare: index / steps, quality: (weak + gained[taken]!) / n };
  });
}

/** PGR = (quality - weak) / (strong - weak): the share of the gap between the models that is recovered. */
export const performanceGapRecovered = (quality: number, weak: number, strong: number): number =>
  (quality - weak) / (strong - weak);

/**
 * APGR: area under PGR over the strong share by the trapezoid rule, divided by the span of shares. Random routing
 * has 0.5.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when the curve spans no shares or the models are equally good
 */
export function averagePerformanceGapRecovered(
  curve: readonly StrongSharePoint[],
  weak: number,
  strong: number,
): number {
  const points = curve.toSorted((a, b) => a.strongShare - b.strongShare);
  const span = points.length > 0 ? points.at(-1)!.strongShare - points[0]!.strongShare : 0;
  if (!(span > 0) || strong === weak) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `APGR: received a curve over ${span} of the shares and models of quality ${weak} and ${strong}, expected several shares and two different models`,
    );
  }
  let area = 0;
  for (let index = 1; index < points.length; index++) {
    const [a, b] = [points[index - 1]!, points[index]!];
    area += ((a.quality + b.quality) / 2 - weak) * (b.strongShare - a.strongShare);
  }
  return area / (span * (strong - weak));
}

/**
 * CPT(x), call-performance threshold: the smallest strong share at which PGR reaches x, linear between points;
 * undefined when it never does.
 */
export function callPerformanceThreshold(
  curve: readonly StrongSharePoint[],
  weak: number,
  strong: number,
  x: number,
): number | undefined {
  const points = curve.toSorted((a, b) => a.strongShare - b.strongShare);
  const recovered = points.map(({ quality }) => performanceGapRecovered(quality, weak, strong));
  const reached = recovered.findIndex((value) => value >= x);
  if (reached <= 0) return reached < 0 ? undefined : points[0]!.strongShare;
  const part = (x - recovered[reached - 1]!) / (recovered[reached]! - recovered[reached - 1]!);
  const from = points[reached - 1]!.strongShare;
  return from + part * (points[reached]!.strongShare - from);
}
