/** Budgets over whole periods: kept, near the optimum in hindsight, and closer to it the longer the period. */
import { expect, test } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import {
  applyPolicy,
  type BudgetRequest,
  type BudgetTerms,
  budgetAt,
  chargeBudget,
  offlineOptimum,
  settleBudget,
  startBudget,
} from "./index.ts";

const MODELS = ["large", "medium", "small"];
const COSTS = [0.01, 0.002, 0.0002];

/** Requests whose difficulty decides how much the large model adds. */
function traffic(count: number, seed: number): BudgetRequest[] {
  const stream = new RandomStream({ seed, stream: 7 });
  const uniform = () => stream.nextUniform();
  return Array.from({ length: count }, () => {
    const hardness = uniform() ** 2;
    const noise = () => 0.05 * (uniform() - 0.5);
    return {
      qualities: [
        0.95 - 0.2 * hardness + noise(),
        0.95 - 0.5 * hardness + noise(),
        0.9 - 0.8 * hardness + noise(),
      ],
      costsUsd: COSTS.map((cost) => cost * (0.5 + uniform())),
    };
  });
}

function run(requests: readonly BudgetRequest[], terms: BudgetTerms) {
  let budget = startBudget(terms, 0);
  let [quality, spent] = [0, 0];
  for (const { qualities, costsUsd } of requests) {
    const estimates = MODELS.map((model, index) => ({
      model,
      quality: qualities[index]!,
      costUsd: costsUsd[index]!,
    }));
    const prompt = { promptTokens: 10, hasTools: false, hasImages: false };
    const { model } = applyPolicy({ choose: "budget", budget: terms }, { estimates, prompt, budget });
    const index = MODELS.indexOf(model);
    quality += qualities[index]!;
    spent += costsUsd[index]!;
    budget = chargeBudget(budget, terms, costsUsd[index]!);
  }
  return { quality, spent, budget };
}

test("spends the budget and no more, with a regret that shrinks as periods grow", () => {
  const regrets: number[] = [];
  for (const count of [100, 1000, 10_000]) {
    let regret = 0;
    for (const seed of [1, 2, 3]) {
      const requests = traffic(count, seed);
      const terms = { usd: 0.003 * count, periodSeconds: 60, requestsPerPeriod: count };
      const { quality, spent } = run(requests, terms);
      expect(spent).toBeLessThanOrEqual(terms.usd);
      if (count > 100) expect(spent).toBeGreaterThan(0.95 * terms.usd);
      const best = offlineOptimum(requests, terms.usd);
      expect(quality).toBeLessThanOrEqual(best + 1e-9);
      regret += (best - quality) / count / 3;
    }
    regrets.push(regret);
  }
  expect(regrets[0]).toBeLessThan(0.05);
  expect(regrets[1]).toBeLessThan(regrets[0]!);
  expect(regrets[2]).toBeLessThan(regrets[1]!);
  expect(regrets[2]).toBeLessThan(0.003);
});

test("beats spending freely until the money is gone", () => {
  const requests = traffic(2000, 5);
  const terms = { usd: 0.003 * 2000, periodSeconds: 60, requestsPerPeriod: 2000 };
  let [greedy, left] = [0, terms.usd];
  for (const { qualities, costsUsd } of requests) {
    const index = [0, 1, 2].find((candidate) => costsUsd[candidate]! <= left) ?? 2;
    greedy += qualities[index]!;
    left -= costsUsd[index]!;
  }
  expect(run(requests, terms).quality).toBeGreaterThan(greedy + 0.02 * 2000);
});

test("the optimum in hindsight agrees with trying every choice", () => {
  const requests = traffic(7, 9);
  const budget = 0.02;
  let best = Number.NEGATIVE_INFINITY;
  for (let code = 0; code < 3 ** 7; code++) {
    let [quality, cost] = [0, 0];
    for (let index = 0, rest = code; index < 7; index++, rest = Math.floor(rest / 3)) {
      quality += requests[index]!.qualities[rest % 3]!;
      cost += requests[index]!.costsUsd[rest % 3]!;
    }
    if (cost <= budget) best = Math.max(best, quality);
  }
  const bound = offlineOptimum(requests, budget);
  expect(bound).toBeGreaterThanOrEqual(best - 1e-9);
  // The relaxation may split one request between two candidates.
  expect(bound - best).toBeLessThan(0.5);
  expect(offlineOptimum(requests, 100)).toBeCloseTo(
    requests.reduce((sum, { qualities }) => sum + Math.max(...Array.from(qualities)), 0),
    9,
  );
  expect(offlineOptimum(requests, 1e-9)).toBe(Number.NEGATIVE_INFINITY);
});

test("a new period starts empty, keeps the price and expects as many requests as the last", () => {
  const terms = { usd: 1, periodSeconds: 10, requestsPerPeriod: 100 };
  let state = startBudget(terms, 1000);
  for (let request = 0; request < 40; request++) state = chargeBudget(state, terms, 0.05);
  expect(state).toMatchObject({ requests: 40, spentUsd: expect.closeTo(2) });
  expect(state.qualityPerUsd).toBeGreaterThan(0);
  expect(budgetAt(state, terms, 10_999)).toBe(state);
  const next = budgetAt(state, terms, 11_000);
  expect(next).toEqual({
    periodStartMs: 11_000,
    spentUsd: 0,
    requests: 0,
    expectedRequests: 40,
    qualityPerUsd: state.qualityPerUsd,
  });
  expect(budgetAt(state, terms, 95_000)).toMatchObject({ periodStartMs: 91_000, expectedRequests: 100 });
});

test("real costs take the place of expected ones", () => {
  const terms = { usd: 1, periodSeconds: 10, requestsPerPeriod: 100 };
  const charged = chargeBudget(startBudget(terms, 0), terms, 0.05);
  expect(settleBudget(charged, 0.05, 0.02).spentUsd).toBeCloseTo(0.02);
  expect(settleBudget(charged, 0.05, 0).spentUsd).toBe(0);
});
