/**
 * A budget kept online against the best that anyone could have bought with it in hindsight, on recorded answers; the
 * table of docs/serve.md.
 *
 *   npx tsx examples/budget-regret.ts [--seeds 10] [--result FILE.json]
 *
 * Three in five prompts of the shipped judged responses train a ridge router, its calibration and the length model; the
 * others are the traffic of one period, in an order of its own per seed, and once benchmark by benchmark. Prices are
 * those of assets/demo/pool.yaml. A budget is a share of what always taking the best expected answer would cost, counted
 * from what the cheapest answers cost.
 *
 * outcomes known    the policy sees each request's real scores and costs: what remains is the price of not knowing
 *                   the requests to come
 * outcomes expected the policy sees expected quality and cost, as `tutti serve` does, and learns the real cost after each
 *                   answer; regret is against the optimum of the same expectations
 */
import { parseArgs } from "node:util";
import { loadPoolConfig } from "../src/config/index.ts";
import { type JudgedRecord, promptText, readJudgedRecords, splitByPrompt } from "../src/judged/index.ts";
import { costUsd, estimateTokens, pricesByModel } from "../src/pool/index.ts";
import { trainRidge } from "../src/routing/baselines/index.ts";
import {
  CalibratedRouter,
  calibrateRouters,
  calibrationOf,
  trainDifficulty,
} from "../src/routing/calibration/index.ts";
import { CachingEmbedder, TfidfLsaEmbedder } from "../src/routing/embedding/index.ts";
import { benchmarkRanges, routingTargets } from "../src/routing/labels.ts";
import { answerTokenRow, trainLengthModel } from "../src/routing/length/index.ts";
import {
  applyPolicy,
  type BudgetRequest,
  type BudgetTerms,
  chargeBudget,
  offlineOptimum,
  settleBudget,
  startBudget,
} from "../src/routing/policy/index.ts";
import { argmax } from "../src/routing/router.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";
import { permutation } from "../src/tensor/random.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "10" }, result: { type: "string" } },
});
const seeds = Number(values.seeds);
const SHARES = [0.05, 0.1, 0.25, 0.5, 0.75];

const names = ["gsm8k", "math", "humaneval", "mbpp", "arenahard", "mtbench"];
const { records, candidates } = await readJudgedRecords(
  names.map((name) => `assets/judged/${name}.jsonl.gz`),
);
const prices = pricesByModel(loadPoolConfig("assets/demo/pool.yaml").models);
const { train: known, holdout: traffic } = splitByPrompt(records, { holdoutShare: 0.4, seed: 1 });

/** What the policy sees of a request, and what is true of it. */
interface Request {
  readonly expected: BudgetRequest;
  readonly real: BudgetRequest;
}

const costs = (record: JudgedRecord, tokens: ArrayLike<number>): Float64Array => {
  const promptTokens = estimateTokens(promptText(record.prompt));
  return Float64Array.from(candidates, (name, c) => costUsd(prices[name]!, promptTokens, tokens[c]!));
};

async function expectedRequests(): Promise<BudgetRequest[]> {
  const { train, holdout } = splitByPrompt(known, { holdoutShare: 0.1, seed: 7919 });
  const prompts = known.map(({ prompt }) => promptText(prompt));
  const embedder = new CachingEmbedder(TfidfLsaEmbedder.fit(prompts, { seed: 0 }), 16_384);
  const difficulty = await trainDifficulty(train, candidates, embedder);
  const twin = await trainRidge(train, candidates, embedder);
  const file = await calibrateRouters([twin], { training: train, heldOut: holdout, difficulty });
  const lengths = await trainLengthModel(known, candidates, embedder);
  const ridge = await trainRidge(known, candidates, embedder);
  const router = new CalibratedRouter(ridge, calibrationOf(file, "ridge")!, { difficulty, lengths });
  const outcomes = await router.outcomes(
    traffic.map(({ id, prompt }) => ({ id, prompt: promptText(prompt) })),
  );
  return outcomes.map(({ quality, completionTokens }, index) => ({
    qualities: quality,
    costsUsd: costs(traffic[index]!, completionTokens!),
  }));
}

/** One period under the budget policy. */
function runPeriod(requests: readonly Request[], terms: BudgetTerms) {
  let budget = startBudget(terms, 0);
  const total = { seenQuality: 0, realQuality: 0, realUsd: 0 };
  for (const { expected, real } of requests) {
    const estimates = candidates.map((model, c) => ({
      model,
      quality: expected.qualities[c]!,
      costUsd: expected.costsUsd[c]!,
    }));
    const prompt = { promptTokens: 0, hasTools: false, hasImages: false };
    const { model } = applyPolicy({ choose: "budget", budget: terms }, { estimates, prompt, budget });
    const c = candidates.indexOf(model);
    budget = chargeBudget(budget, terms, expected.costsUsd[c]!);
    budget = settleBudget(budget, expected.costsUsd[c]!, real.costsUsd[c]!);
    total.seenQuality += expected.qualities[c]!;
    total.realQuality += real.qualities[c]!;
    total.realUsd += real.costsUsd[c]!;
  }
  return total;
}

/** The best expected answer while there is money for it, and the cheapest from then on. */
function spendFreely(requests: readonly Request[], budgetUsd: number): number {
  let [left, quality] = [budgetUsd, 0];
  for (const { expected, real } of requests) {
    const best = argmax(expected.qualities);
    const cheapest = argmax(Float64Array.from(expected.costsUsd, (cost) => -cost));
    const c = expected.costsUsd[best]! <= left ? best : cheapest;
    quality += real.qualities[c]!;
    left -= real.costsUsd[c]!;
  }
  return quality;
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
/** Mean and range over the seeds. */
const spread = (numbers: readonly number[]) => ({
  mean: mean(numbers),
  range: [Math.min(...numbers), Math.max(...numbers)] as const,
});

const truth = routingTargets(traffic, candidates, { ranges: benchmarkRanges(records, candidates) });
const real: BudgetRequest[] = traffic.map((record, index) => ({
  qualities: truth[index]!.absolute,
  costsUsd: costs(record, answerTokenRow(record, candidates)),
}));
const predicted = await expectedRequests();
const settings = {
  "outcomes known": real.map((request) => ({ expected: request, real: request })),
  "outcomes expected": predicted.map((expected, index) => ({ expected, real: real[index]! })),
};
const order = (index: number): number => benchmarks.indexOf(traffic[index]!.benchmark);
const benchmarks = [...new Set(records.map(({ benchmark }) => benchmark))];
const byBenchmark = traffic.map((_, index) => index).sort((a, b) => order(a) - order(b) || a - b);
const shuffles = Array.from({ length: seeds }, (_, seed) => [
  ...permutation(traffic.length, { seed, stream: 1 }),
]);

/** Points of quality for one request; overspending in percent of the budget. */
function measure(requests: readonly Request[], orders: readonly (readonly number[])[], usd: number) {
  const terms = { usd, periodSeconds: 86_400, requestsPerPeriod: requests.length };
  const seen = requests.map(({ expected }) => expected);
  const points = (total: number): number => (100 * total) / requests.length;
  const best = offlineOptimum(seen, usd);
  const runs = orders.map((indices) => {
    const ordered = indices.map((index) => requests[index]!);
    const { seenQuality, realQuality, realUsd } = runPeriod(ordered, terms);
    return {
      regret: points(best - seenQuality),
      quality: points(realQuality),
      spent: (100 * realUsd) / usd,
      freely: points(spendFreely(ordered, usd)),
    };
  });
  return {
    optimum: points(best),
    regret: spread(runs.map(({ regret }) => regret)),
    quality: spread(runs.map(({ quality }) => quality)),
    spentPercent: spread(runs.map(({ spent }) => spent)),
    spendingFreely: spread(runs.map(({ freely }) => freely)),
  };
}

function totalCost(requests: readonly BudgetRequest[], choose: (request: BudgetRequest) => number): number {
  return requests.reduce((sum, request) => sum + request.costsUsd[choose(request)]!, 0);
}

const shown = ({ mean: middle, range: [low, high] }: ReturnType<typeof spread>, digits: number): string =>
  `${middle.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
const rows = Object.entries(settings).flatMap(([knowledge, requests]) => {
  const seen = requests.map(({ expected }) => expected);
  const cheapest = totalCost(seen, ({ costsUsd }) => argmax(Float64Array.from(costsUsd, (cost) => -cost)));
  const dearest = totalCost(seen, ({ qualities }) => argmax(Float64Array.from(qualities)));
  return SHARES.flatMap((share) => {
    const usd = cheapest + share * (dearest - cheapest);
    return [
      { knowledge, share, usd, order: "shuffled", ...measure(requests, shuffles, usd) },
      { knowledge, share, usd, order: "by benchmark", ...measure(requests, [byBenchmark], usd) },
    ];
  });
});
process.stdout.write(
  "| outcomes, order | budget | regret, points | quality | spent, % of budget | spending freely |\n|---|---|---|---|---|---|\n",
);
for (const { knowledge, order: name, share, usd, ...row } of rows) {
  const cells = [
    `${knowledge}, ${name}`,
    `${100 * share} % ($${usd.toFixed(4)})`,
    shown(row.regret, 2),
    shown(row.quality, 1),
    shown(row.spentPercent, 1),
    shown(row.spendingFreely, 1),
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}
if (values.result) {
  const content = { requests: traffic.length, trainingPrompts: known.length, seeds, rows };
  writeFileAtomic(values.result, `${JSON.stringify(content, null, 1)}\n`);
}
