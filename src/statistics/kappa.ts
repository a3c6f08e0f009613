/** Agreement of raters beyond chance. */
import { assert } from "../support/errors.ts";

/** How far apart two categories are: all alike, by their distance, or by its square; the last two for ordered ones. */
export type KappaWeights = "none" | "linear" | "quadratic";

function disagreement(a: number, b: number, weights: KappaWeights): number {
  const distance = Math.abs(a - b);
  if (weights === "none") return distance === 0 ? 0 : 1;
  return weights === "linear" ? distance : distance * distance;
}

/**
 * Cohen's kappa of two raters: 1 - observed disagreement / disagreement expected of independent raters with the same shares
 * of categories. NaN where chance leaves nothing to disagree about: both use one and the same category.
 *
 * Source: Cohen 1960; weighted, Cohen 1968.
 *
 * @param first - category 0..categories-1 of every item
 */
export function cohenKappa(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  categories: number,
  weights: KappaWeights = "none",
): number {
  assert(first.length === second.length, "both raters rate every item");
  const [sharesOfFirst, sharesOfSecond] = [new Float64Array(categories), new Float64Array(categories)];
  let observed = 0;
  for (let item = 0; item < first.length; item++) {
    sharesOfFirst[first[item]!]! += 1 / first.length;
    sharesOfSecond[second[item]!]! += 1 / first.length;
    observed += disagreement(first[item]!, second[item]!, weights) / first.length;
  }
  let expected = 0;
  for (let a = 0; a < categories; a++) {
    for (let b = 0; b < categories; b++)
      expected += sharesOfFirst[a]! * sharesOfSecond[b]! * disagreement(a, b, weights);
  }
  return expected > 0 ? 1 - observed / expected : Number.NaN;
}

/**
 * Fleiss' kappa of any number of raters, each item rated by the same number: (P - P_e) / (1 - P_e), P the mean share of agreeing pairs of
 * raters, P_e the sum of squared shares of the categories. NaN where all ratings are of one category.
 *
 * Source: Fleiss 1971.
 *
 * @param ratings - [items][raters], categories 0..categories-1
 */
export function fleissKappa(ratings: readonly (readonly number[])[], categories: number): number {
  const raters = ratings[0]?.length ?? 0;
  assert(raters >= 2, "agreement needs two raters");
  const shares = new Float64Array(categories);
  let agreement = 0;
  for (const item of ratings) {
    const counts = new Float64Array(categories);
    for (const category of item) counts[category]!++;
    let pairs = 0;
    for (let category = 0; category < categories; category++) {
      pairs += counts[category]! * (counts[category]! - 1);
      shares[category]! += counts[category]! / (ratings.length * raters);
    }
    agreement += pairs / (raters * (raters - 1) * ratings.length);
  }
  const expected = shares.reduce((sum, share) => sum + share * share, 0);
  return expected < 1 ? (agreement - expected) / (1 - expected) : Number.NaN;
}
