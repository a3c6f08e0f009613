/** Cost-quality curves in one number each. Sources: RouterBench, arXiv 2403.12031; LLMRouterBench, arXiv 2601.07206. */
import { TuttiError } from "../../support/errors.ts";
import { nonDecreasingHull, type OperatingPoint, paretoFront } from "./cost-quality.ts";

export interface CostRange {
  readonly low: number;
  readonly high: number;
}

/**
 * AIQ, average improvement in quality: the mean height of the non-decreasing hull over a range of costs,
 *
 *   1 / (high - low) x integral from low to high of hull(c) dc
 *
 * with the hull extended flat to the right. Costs below its cheapest point contribute nothing, which with low = 0 is
 * what RouterBench's code does. The range decides the number, so the same one has to be used for all that are
 * compared; RouterBench takes the largest cost among them.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for an empty range or no points
 */
export function averageImprovementInQuality(
  points: readonly OperatingPoint[],
  { low, high }: CostRange,
): number {
  if (!(high > low) || points.length === 0) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `AIQ: received ${points.length} points and costs from ${low} to ${high}, expected points and a range that is not empty`,
      { hint: "use 0 and the largest cost among the routers that are compared" },
    );
  }
  const hull = nonDecreasingHull(points);
  const last = hull.at(-1)!;
  const corners = last.cost < high ? [...hull, { cost: high, quality: last.quality }] : hull;
  let area = 0;
  for (let index = 1; index < corners.length; index++)
    area += areaWithin(corners[index - 1]!, corners[index]!, low, high);
  return area / (high - low);
}

function areaWithin(a: OperatingPoint, b: OperatingPoint, low: number, high: number): number {
  const [from, to] = [Math.max(a.cost, low), Math.min(b.cost, high)];
  if (to <= from) return 0;
  const slope = (b.quality - a.quality) / (b.cost - a.cost);
  const middle = a.quality + slope * ((from + to) / 2 - a.cost);
  return middle * (to - from);
}

/** PerfGain: best quality of any setting, relative to the best single model; 0.04 is 4 % better. */
export function performanceGain(points: readonly OperatingPoint[], bestSingle: OperatingPoint): number {
  return points.reduce((best, { quality }) => Math.max(best, quality), 0) / bestSingle.quality - 1;
}

/**
 * CostSave: the largest saving, relative to the cost of the best single model, of a setting whose quality does not
 * fall under that model's. Negative when only dearer settings keep up; undefined when none does, or when that model is
 * free.
 */
export function costSaving(
  points: readonly OperatingPoint[],
  bestSingle: OperatingPoint,
): number | undefined {
  const kept = points.filter(({ quality }) => quality >= bestSingle.quality).map(({ cost }) => cost);
  return kept.length === 0 || bestSingle.cost === 0 ? undefined : 1 - Math.min(...kept) / bestSingle.cost;
}

/**
 * ParetoDist: mean distance of a router's points to the Pareto front of everything that is compared. Both axes are
 * scaled to [0, 1] over `compared`; the distance is the Euclidean one to the nearest point of the front, so points
 * on the front have 0. The papers' scaling is not spelt out: compare these numbers among themselves only.
 */
export function paretoDistance(
  points: readonly OperatingPoint[],
  compared: readonly OperatingPoint[],
): number {
  const front = paretoFront(compared);
  const costScale = spread(compared.map(({ cost }) => cost));
  const qualityScale = spread(compared.map(({ quality }) => quality));
  const distances = points.map((point) =>
    Math.min(
      ...front.map((other) =>
        Math.hypot((point.cost - other.cost) / costScale, (point.quality - other.quality) / qualityScale),
      ),
    ),
  );
  return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
}

/** Largest minus smallest; 1 where all are equal, which leaves distances of 0. */
const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values) || 1;
