/**
 * The zero router: no router at all, only a coin between two models. Any router must lie above the line it draws.
 *
 * Models are points (cost, quality). Sending a share p of the prompts to model b and the rest to a reaches every point
 * of the segment between them, so the non-decreasing upper convex hull of the points is what chance alone attains.
 *
 * Source: RouterBench, arXiv 2403.12031, section 3 (linear interpolation, non-decreasing convex hull, zero router).
 */
import { TuttiError } from "../../support/errors.ts";
import { RandomStream, streamOf } from "../../tensor/random.ts";

export interface CostQualityPoint {
  readonly model: string;
  /** Mean cost of one prompt, in any currency. */
  readonly cost: number;
  /** Mean quality, higher is better. */
  readonly quality: number;
}

/** Which model answers: `dearer` with this probability, else `cheaper`. */
export interface ZeroMixture {
  readonly cheaper: CostQualityPoint;
  readonly dearer: CostQualityPoint;
  /** Share of the prompts sent to the dearer model, 0 to 1. */
  readonly dearerShare: number;
  /** Expected cost and quality of the mixture. */
  readonly cost: number;
  readonly quality: number;
}

/**
 * Models on the non-decreasing upper convex hull, by ascending cost: each better than all cheaper ones, and above
 * every mixture of the others.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for no models or for a cost or quality that is not a number
 */
export function costQualityHull(models: readonly CostQualityPoint[]): CostQualityPoint[] {
  if (models.length === 0) throw new TuttiError("INVALID_ARGUMENT", "no models, expected at least one");
  for (const { model, cost, quality } of models) {
    if (!(cost >= 0 && Number.isFinite(cost) && Number.isFinite(quality))) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `model ${JSON.stringify(model)} has cost ${cost} and quality ${quality}, expected finite numbers and a cost from 0`,
        { details: { model } },
      );
    }
  }
  const hull: CostQualityPoint[] = [];
  for (const point of [...models].sort((a, b) => a.cost - b.cost || b.quality - a.quality)) {
    if (hull.length > 0 && point.quality <= hull.at(-1)!.quality) continue;
    while (hull.length > 1 && isBelow(hull.at(-1)!, hull.at(-2)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

/** Whether `middle` lies on or under the segment from `left` to `right`. */
function isBelow(middle: CostQualityPoint, left: CostQualityPoint, right: CostQualityPoint): boolean {
  return (
    (middle.quality - left.quality) * (right.cost - left.cost) <=
    (right.quality - left.quality) * (middle.cost - left.cost)
  );
}

/**
 * The mixture of two neighbours on the hull that costs `costTarget` on average; the cheapest or the best model alone
 * where the target lies outside the hull.
 *
 * @param hull from {@link costQualityHull}
 * @throws {TuttiError} INVALID_ARGUMENT for an empty hull or a target that is not a number
 */
export function zeroMixture(hull: readonly CostQualityPoint[], costTarget: number): ZeroMixture {
  const [first] = hull;
  if (first === undefined || Number.isNaN(costTarget)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `zero router: received ${hull.length} models and a cost target of ${costTarget}, expected a hull and a number`,
    );
  }
  const above = hull.findIndex(({ cost }) => cost > costTarget);
  const cheaper = above === 0 ? first : hull.at(above === -1 ? -1 : above - 1)!;
  const dearer = above === -1 ? cheaper : hull[above]!;
  const range = dearer.cost - cheaper.cost;
  const dearerShare = range > 0 && costTarget > cheaper.cost ? (costTarget - cheaper.cost) / range : 0;
  return {
    cheaper,
    dearer,
    dearerShare,
    cost: cheaper.cost + dearerShare * range,
    quality: cheaper.quality + dearerShare * (dearer.quality - cheaper.quality),
  };
}

/** The model for one prompt: a coin that is a pure function of the prompt's text and the seed. */
export function zeroChoice(mixture: ZeroMixture, prompt: string, seed: number): string {
  const coin = new RandomStream({ seed, stream: streamOf(prompt) }).nextUniform();
  return (coin < mixture.dearerShare ? mixture.dearer : mixture.cheaper).model;
}
