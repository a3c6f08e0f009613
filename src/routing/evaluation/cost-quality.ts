/**
 * Cost and quality of a router as its willingness to pay changes, and the hull of what can be had without a router.
 *
 * Source: RouterBench, arXiv 2403.12031 (non-decreasing hull, zero router).
 */

/** What one setting of a router, or one model by itself, achieves. */
export interface OperatingPoint {
  /** Mean cost of a prompt, in whatever unit the caller's costs have. */
  readonly cost: number;
  readonly quality: number;
  /** The setting that led here: a lambda or a threshold. */
  readonly setting?: number;
}

/** What a choice of candidate for each prompt is graded with. All rows are [prompt][candidate]. */
export interface GradedCosts {
  readonly quality: readonly Float64Array[];
  readonly costs: readonly Float64Array[];
  /** Weight of each prompt; they sum to 1. */
  readonly weights: Float64Array;
}

export function operatingPoint(
  choices: ArrayLike<number>,
  { quality, costs, weights }: GradedCosts,
): OperatingPoint {
  let [cost, score] = [0, 0];
  for (let prompt = 0; prompt < weights.length; prompt++) {
    cost += weights[prompt]! * costs[prompt]![choices[prompt]!]!;
    score += weights[prompt]! * quality[prompt]![choices[prompt]!]!;
  }
  return { cost, quality: score };
}

/** argmax of score - lambda x cost; ties go to the cheaper, then to the lower index. */
export function chooseAtLambda(scores: Float64Array, costs: Float64Array, lambda: number): number {
  let best = 0;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (let candidate = 0; candidate < scores.length; candidate++) {
    const value = scores[candidate]! - lambda * costs[candidate]!;
    if (value > bestValue || (value === bestValue && costs[candidate]! < costs[best]!)) {
      best = candidate;
      bestValue = value;
    }
  }
  return best;
}

/**
 * Lambdas between those at which choices change, thinned to about `count` of equal rank distance, with 0 before and
 * one after them that always takes the cheapest. A grid that follows the data needs no knowledge of the scale of
 * scores or costs.
 */
export function lambdaGrid(
  scores: readonly Float64Array[],
  costs: readonly Float64Array[],
  count: number,
): number[] {
  const changes: number[] = [];
  for (const [prompt, row] of scores.entries()) {
    for (let a = 0; a < row.length; a++) {
      for (let b = 0; b < row.length; b++) {
        const lambda = (row[a]! - row[b]!) / (costs[prompt]![a]! - costs[prompt]![b]!);
        if (a !== b && costs[prompt]![a]! > costs[prompt]![b]! && lambda > 0 && Number.isFinite(lambda))
          changes.push(lambda);
      }
    }
  }
  if (changes.length === 0) return [0];
  const sorted = [...new Set(Float64Array.from(changes).sort())];
  const between = sorted.slice(1).map((change, index) => (sorted[index]! + change) / 2);
  const kept = Math.min(count, between.length);
  const thinned = Array.from(
    { length: kept },
    (_, index) => between[Math.floor(((index + 0.5) / kept) * between.length)]!,
  );
  return [0, ...thinned, 2 * sorted.at(-1)!];
}

/**
 * The curve of a router that takes argmax(score - lambda x expected cost), from lambda = 0 (quality only) to the
 * cheapest model throughout.
 *
 * @param scores what the router expects of each candidate, [prompt][candidate]
 * @param expectedCosts what it can know of costs before an answer exists, in the same layout
 */
export function sweepLambda(
  scores: readonly Float64Array[],
  expectedCosts: readonly Float64Array[],
  graded: GradedCosts,
  count = 40,
): OperatingPoint[] {
  return lambdaGrid(scores, expectedCosts, count).map((lambda) => {
    const choices = scores.map((row, prompt) => chooseAtLambda(row, expectedCosts[prompt]!, lambda));
    return { ...operatingPoint(choices, graded), setting: lambda };
  });
}

/** Points that no other point beats in cost without losing quality, or in quality without costing more; by cost. */
export function paretoFront(points: readonly OperatingPoint[]): OperatingPoint[] {
  const front: OperatingPoint[] = [];
  for (const point of points.toSorted((a, b) => a.cost - b.cost || b.quality - a.quality)) {
    if (front.length === 0 || point.quality > front.at(-1)!.quality) front.push(point);
  }
  return front;
}

/**
 * Upper convex hull of points in (cost, quality), cut where quality stops rising. Every point of the line between
 * two corners can be had by choosing between them at random.
 */
export function nonDecreasingHull(points: readonly OperatingPoint[]): OperatingPoint[] {
  const hull: OperatingPoint[] = [];
  for (const point of paretoFront(points)) {
    while (hull.length >= 2 && isBelowChord(hull.at(-2)!, hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

const isBelowChord = (from: OperatingPoint, middle: OperatingPoint, to: OperatingPoint): boolean =>
  (middle.quality - from.quality) * (to.cost - from.cost) <=
  (to.quality - from.quality) * (middle.cost - from.cost);

/**
 * RouterBench's zero router: the hull of the single models, reached without looking at any prompt. A router is worth
 * its while where its curve lies above.
 */
export const zeroRouter = (models: readonly OperatingPoint[]): OperatingPoint[] => nonDecreasingHull(models);

/** Quality of a hull at a cost: linear between corners, flat to their right, undefined where nothing is that cheap. */
export function qualityAtCost(hull: readonly OperatingPoint[], cost: number): number | undefined {
  const next = hull.findIndex((point) => point.cost > cost);
  if (next === 0 || hull.length === 0) return undefined;
  if (next < 0) return hull.at(-1)!.quality;
  const [from, to] = [hull[next - 1]!, hull[next]!];
  return from.quality + ((cost - from.cost) / (to.cost - from.cost)) * (to.quality - from.quality);
}
