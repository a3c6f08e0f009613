/**
 * The calibration table of docs/evaluation.md: what routers expect of answers to prompts that neither they nor their
 * curves have seen, by cross-validation over the shipped judged responses.
 *
 *   npx tsx examples/calibration-table.ts --out runs/calibration [--result FILE.json] [--folds 5]
 *
 * In each fold everything is as `tutti router train` does it: a tenth of the fold's training prompts is held out to fit
 * curves, which come from twins that did not train on it. Logistic regression, which `train` does not fit, is treated
 * likewise. Stopped or killed, the same command goes on with the next fold.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  foldOf,
  type JudgedRecord,
  promptText,
  readJudgedRecords,
  splitByPrompt,
} from "../src/judged/index.ts";
import {
  trainKMeans,
  trainKnn,
  trainLogistic,
  trainRidge,
  trainTwins,
} from "../src/routing/baselines/index.ts";
import {
  CalibratedRouter,
  type CalibrationFile,
  calibrateRouters,
  calibrationOf,
  trainDifficulty,
} from "../src/routing/calibration/index.ts";
import { CachingEmbedder, TfidfLsaEmbedder } from "../src/routing/embedding/index.ts";
import {
  benchmarkWeights,
  bootstrapMeans,
  brierScore,
  expectedCalibrationError,
  logLoss,
  percentileInterval,
  reliabilityBins,
  weightedMean,
} from "../src/routing/evaluation/index.ts";
import { benchmarkRanges, routingTargets } from "../src/routing/labels.ts";
import { trainLatent } from "../src/routing/latent/index.ts";
import { isOutcomeRouter } from "../src/routing/outcome.ts";
import { argmax, type Router } from "../src/routing/router.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";
import { claimFolder, digestsOf, kept } from "./kept.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    result: { type: "string" },
    folds: { type: "string", default: "5" },
  },
});
if (!values.out) throw new Error("give --out DIR");
const out = values.out;
const folds = Number(values.folds);
const names = ["gsm8k", "math", "humaneval", "mbpp", "arenahard", "mtbench"];
const { records, candidates } = await readJudgedRecords(
  names.map((name) => `assets/judged/${name}.jsonl.gz`),
);
const ranges = benchmarkRanges(records, candidates);
const truth = routingTargets(records, candidates, { ranges }).map(({ absolute }) => absolute);
const indexOf = new Map(records.map(({ id }, index) => [id, index]));

/** Of one router on the test prompts of a fold: rows by record id. */
interface Rows {
  readonly method: string;
  readonly usesEasiness: boolean;
  readonly scores: Record<string, number[]>;
  readonly raw: Record<string, number[]>;
  readonly calibrated: Record<string, number[]>;
}

/** What a router says is taken for a quality where it lies in [0, 1], and for the nearest bound elsewhere. */
const asQuality = (row: Float64Array): Float64Array => row.map((score) => Math.min(1, Math.max(0, score)));

async function rowsOf(
  router: Router,
  test: readonly JudgedRecord[],
  file: CalibrationFile,
  difficulty: Awaited<ReturnType<typeof trainDifficulty>>,
): Promise<Rows> {
  const queries = test.map(({ id, prompt }) => ({ id, prompt: promptText(prompt) }));
  const scores = await router.scores(queries);
  const raw = isOutcomeRouter(router)
    ? (await router.outcomes(queries)).map(({ quality }) => quality)
    : scores.map(asQuality);
  const calibrated = new CalibratedRouter(router, calibrationOf(file, router.name)!, { difficulty });
  const expected = (await calibrated.outcomes(queries)).map(({ quality }) => quality);
  const byId = (rows: readonly Float64Array[]) =>
    Object.fromEntries(test.map(({ id }, index) => [id, [...rows[index]!]]));
  const { method, weights } = file.routers[router.name]!;
  return {
    method,
    usesEasiness: weights.easiness > 0,
    scores: byId(scores),
    raw: byId(raw),
    calibrated: byId(expected),
  };
}

async function computeFold(fold: number): Promise<Record<string, Rows>> {
  const test = records.filter((record) => foldOf(record, folds, 0) === fold);
  const known = records.filter((record) => foldOf(record, folds, 0) !== fold);
  const { train, holdout } = splitByPrompt(known, { holdoutShare: 0.1, seed: 7919 });
  const prompts = known.map(({ prompt }) => promptText(prompt));
  const embedder = new CachingEmbedder(TfidfLsaEmbedder.fit(prompts, { seed: 0 }), 16_384);
  const baselines = [
    await trainKnn(known, candidates, embedder),
    await trainKMeans(known, candidates, embedder, { seed: 0 }),
    await trainRidge(known, candidates, embedder),
    await trainLatent("latent", known, candidates, embedder),
  ];
  const twins: Router[] = await trainTwins(baselines, train, candidates);
  const logistic = await trainLogistic(known, candidates, embedder, { seed: 0 });
  twins.push(await trainLogistic(train, candidates, embedder, { seed: 0 }));
  const difficulty = await trainDifficulty(train, candidates, embedder);
  const file = await calibrateRouters(twins, { training: train, heldOut: holdout, difficulty });
  const results: Record<string, Rows> = {};
  for (const router of [...baselines, logistic])
    results[router.name] = await rowsOf(router, test, file, difficulty);
  // What knows nothing of the prompt: each candidate's mean quality.
  const seen = known.map(({ id }) => truth[indexOf.get(id)!]!);
  const means = candidates.map((_, c) => seen.reduce((sum, row) => sum + row[c]!, 0) / seen.length);
  const constant = Object.fromEntries(test.map(({ id }) => [id, means]));
  results["mean quality"] = {
    method: "none",
    usesEasiness: false,
    scores: constant,
    raw: constant,
    calibrated: constant,
  };
  return results;
}

claimFolder(out, {
  data: await digestsOf(names.map((name) => `assets/judged/${name}.jsonl.gz`)),
  folds,
});
const parts: Record<string, Rows>[] = [];
for (let fold = 0; fold < folds; fold++) {
  parts.push(await kept(join(out, `fold-${fold}.json`), () => computeFold(fold)));
  process.stderr.write(`fold ${fold + 1} of ${folds}\n`);
}

/** A router's rows of all folds in record order. */
function gathered(router: string, kind: "scores" | "raw" | "calibrated"): Float64Array[] {
  const rows: Float64Array[] = new Array(records.length);
  for (const part of parts) {
    for (const [id, row] of Object.entries(part[router]![kind]))
      rows[indexOf.get(id)!] = Float64Array.from(row);
  }
  return rows;
}

function measures(rows: readonly Float64Array[], used: readonly number[]) {
  const predicted = used.flatMap((index) => [...rows[index]!]);
  const observed = used.flatMap((index) => [...truth[index]!]);
  const groups = used.flatMap((index) => candidates.map(() => index));
  const bins = reliabilityBins(predicted, observed, { binning: "equal-mass", bins: 10, groups });
  return {
    ece: expectedCalibrationError(bins),
    brier: brierScore(predicted, observed),
    logLoss: logLoss(predicted, observed),
  };
}

const benchmarks = records.map(({ benchmark }) => benchmark);
const everything = records.map((_, index) => index);
const chosenQuality = (rows: readonly Float64Array[]): Float64Array =>
  Float64Array.from(rows, (row, index) => 100 * truth[index]![argmax(row)]!);

/** Mean over benchmarks of the chosen answers' quality, by score and by calibrated quality, and their difference. */
function choices(router: string) {
  const columns = [gathered(router, "scores"), gathered(router, "calibrated")].map(chosenQuality);
  const weights = benchmarkWeights(benchmarks);
  const [byScore, byQuality] = columns.map((column) => weightedMean(column, weights));
  const samples = bootstrapMeans(columns, benchmarks, { samples: 1000, seed: 0 });
  const differences = samples[1]!.map((value, sample) => value - samples[0]![sample]!);
  return { byScore: byScore!, byQuality: byQuality!, difference: percentileInterval(differences) };
}

const result = Object.fromEntries(
  Object.keys(parts[0]!).map((router) => {
    const [raw, calibrated] = [gathered(router, "raw"), gathered(router, "calibrated")];
    const perBenchmark = [...new Set(benchmarks)].map((benchmark) => {
      const used = everything.filter((index) => benchmarks[index] === benchmark);
      return [benchmark, { raw: measures(raw, used), calibrated: measures(calibrated, used) }] as const;
    });
    return [
      router,
      {
        methods: parts.map((part) => part[router]!.method),
        usesEasiness: parts.map((part) => part[router]!.usesEasiness),
        raw: measures(raw, everything),
        calibrated: measures(calibrated, everything),
        benchmarks: Object.fromEntries(perBenchmark),
        choices: choices(router),
      },
    ];
  }),
);
const cells = ({ ece, brier, logLoss: loss }: ReturnType<typeof measures>): string =>
  [ece, brier, loss].map((value) => value.toFixed(3)).join(" / ");
process.stdout.write(
  "| router | as it stands: ECE / Brier / log loss | calibrated | choice by score | by quality |\n|---|---|---|---|---|\n",
);
for (const [router, { raw, calibrated, choices: chosen }] of Object.entries(result)) {
  const [low, high] = chosen.difference.map((bound) => bound.toFixed(1));
  process.stdout.write(
    `| ${router} | ${cells(raw)} | ${cells(calibrated)} | ${chosen.byScore.toFixed(1)} | ${chosen.byQuality.toFixed(1)} [${low}, ${high}] |\n`,
  );
}
if (values.result) {
  const content = { prompts: records.length, folds, candidates, routers: result };
  writeFileAtomic(values.result, `${JSON.stringify(content, null, 1)}\n`);
}
