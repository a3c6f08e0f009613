/** The score of RouterArena (arXiv 2510.00202, `compute_scores.py`): accuracy and price in one number. */

/** Dollars per 1,000 queries between which the score tells prices apart. */
const HIGHEST_COST_USD = 200;
const LOWEST_COST_USD = 0.0044;
/** Weight of the price against accuracy. */
const BETA = 0.1;

/**
 * C = (log2 200 - log2 cost) / (log2 200 - log2 0.0044), clamped to [0, 1]; score = (1 + beta) A C / (beta A + C)
 * with beta = 0.1: a weighted harmonic mean in which a router has to be far dearer to lose what accuracy gained.
 *
 * @param accuracy in [0, 1]
 * @param costPerThousandUsd dollars for 1,000 queries
 * @returns 0 to 1
 */
export function arenaScore(accuracy: number, costPerThousandUsd: number): number {
  const span = Math.log2(HIGHEST_COST_USD) - Math.log2(LOWEST_COST_USD);
  const cheapness = (Math.log2(HIGHEST_COST_USD) - Math.log2(costPerThousandUsd)) / span;
  const c = Math.min(1, Math.max(0, cheapness));
  return accuracy === 0 || c === 0 ? 0 : ((1 + BETA) * accuracy * c) / (BETA * accuracy + c);
}
