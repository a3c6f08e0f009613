/**
 * The most quality that a budget could have bought, had all requests been known: the measure of an online policy.
 *
 * The linear relaxation, min over mu >= 0 of mu B + sum_t max_c (q_tc - mu c_tc), is convex and piecewise linear in mu,
 * and never below what any choice within the budget reaches.
 */

/** One request: expected quality and cost per candidate. */
export interface BudgetRequest {
  readonly qualities: ArrayLike<number>;
  readonly costsUsd: ArrayLike<number>;
}

function bound(requests: readonly BudgetRequest[], budgetUsd: number, price: number): number {
  let total = price * budgetUsd;
  for (const { qualities, costsUsd } of requests) {
    let best = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < qualities.length; c++) best = Math.max(best, qualities[c]! - price * costsUsd[c]!);
    total += best;
  }
  return total;
}

const STEPS = 200;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** An upper bound on the total quality of any choices that cost at most the budget; minus infinity when there are none. */
export function offlineOptimum(requests: readonly BudgetRequest[], budgetUsd: number): number {
  const cheapest = requests.reduce((sum, { costsUsd }) => sum + Math.min(...Array.from(costsUsd)), 0);
  if (cheapest > budgetUsd) return Number.NEGATIVE_INFINITY;
  // Beyond this price every request takes its cheapest candidate.
  let high = 1;
  for (const { costsUsd } of requests) {
    const sorted = Array.from(costsUsd).sort((a, b) => a - b);
    const gap = sorted.find((cost) => cost > sorted[0]!);
    if (gap !== undefined) high = Math.max(high, 1 / (gap - sorted[0]!));
  }
  let low = 0;
  for (let step = 0; step < STEPS && high - low > 1e-12 * high; step++) {
    const [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    if (bound(requests, budgetUsd, left) <= bound(requests, budgetUsd, right)) high = right;
    else low = left;
  }
  return Math.min(bound(requests, budgetUsd, low), bound(requests, budgetUsd, (low + high) / 2));
}
