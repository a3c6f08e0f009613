/**
 * The router table of docs/benchmarks: Lookahead, MLC and the baselines by cross-validation over prompts.
 *
 *   npx tsx examples/router-table.ts --data FILE... --out runs/router-table [--folds 5] [--seeds 0,1]
 *       [--threads 1] [--embedder DIR] [--result FILE.json] [--html FILE.html]
 *
 * Every prompt is routed once per seed, by models that never saw it. Stopped or killed, the same command goes on:
 * finished folds are kept as files (--only 3,4 computes just these, for a second process), a fold under way resumes from its training checkpoints.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "../src/cli/progress.ts";
import {
  foldOf,
  type JudgedRecord,
  promptText,
  readJudgedRecords,
  splitByPrompt,
} from "../src/judged/index.ts";
import { trainBaselines } from "../src/routing/baselines/index.ts";
import { lookaheadDefaults } from "../src/routing/defaults.ts";
import {
  CachingEmbedder,
  type Embedder,
  EncoderEmbedder,
  TfidfLsaEmbedder,
} from "../src/routing/embedding/index.ts";
import { chooseAll, evaluateRouters, formatEvaluationTable } from "../src/routing/evaluation/index.ts";
import { trainLookahead, type Variant } from "../src/routing/lookahead/index.ts";
import { renderEvaluationReport } from "../src/routing/report/index.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string", multiple: true },
    out: { type: "string" },
    folds: { type: "string", default: "5" },
    seeds: { type: "string", default: "0,1" },
    threads: { type: "string", default: "1" },
    embedder: { type: "string" },
    result: { type: "string" },
    html: { type: "string" },
    /** Compute only these folds and stop: several processes can share the work. */
    only: { type: "string" },
  },
});
if (!values.data || !values.out) throw new Error("give --data FILE... and --out DIR");
const out = values.out;
const folds = Number(values.folds);
const seeds = values.seeds.split(",").map(Number);
const { records, candidates } = await readJudgedRecords(values.data);
const encoder = values.embedder ? new CachingEmbedder(new EncoderEmbedder(values.embedder)) : undefined;

/** Candidate index by record id, by router. */
type FoldChoices = Record<string, Record<string, number>>;

async function chooseInto(
  choices: FoldChoices,
  name: string,
  router: Parameters<typeof chooseAll>[0],
  test: readonly JudgedRecord[],
) {
  const indices = await chooseAll(router, test, candidates);
  choices[name] = Object.fromEntries(test.map(({ id }, index) => [id, indices[index]!]));
}

async function baselineChoices(
  train: readonly JudgedRecord[],
  test: readonly JudgedRecord[],
): Promise<FoldChoices> {
  const choices: FoldChoices = {};
  const tfidf = TfidfLsaEmbedder.fit(
    train.map(({ prompt }) => promptText(prompt)),
    { seed: 0 },
  );
  for (const router of await trainBaselines(train, candidates, { seed: 0, embedder: tfidf })) {
    await chooseInto(choices, router.name, router, test);
  }
  if (encoder) {
    for (const router of await trainBaselines(train, candidates, {
      seed: 0,
      embedder: encoder as Embedder,
    })) {
      if (["knn", "kmeans", "ridge"].includes(router.name))
        await chooseInto(choices, `${router.name} (MiniLM)`, router, test);
    }
  }
  return choices;
}

async function modelChoices(
  variant: Variant,
  seed: number,
  fold: number,
  train: readonly JudgedRecord[],
  test: readonly JudgedRecord[],
) {
  const name = `${variant === "mlc" ? "mlc" : "lookahead"} seed ${seed}`;
  const parts = splitByPrompt(train, { holdoutShare: 0.1, seed: seed + 7919 });
  const options = { ...lookaheadDefaults(variant, false), seed, threads: Number(values.threads) };
  let progress: ReturnType<typeof createProgress> | undefined;
  const folder = join(out, `fold-${fold}`, name.replaceAll(" ", "-"));
  const router = await trainLookahead(name, parts.train, parts.holdout, candidates, options, folder, {
    onStart: ({ totalSteps }) => {
      progress = createProgress(process.stderr, {
        label: `fold ${fold} ${name}`,
        total: totalSteps,
        unit: "steps",
      });
    },
    onStep: ({ step, loss }) => progress?.update(step + 1, `loss ${loss.toFixed(3)}`),
  });
  const choices: FoldChoices = {};
  await chooseInto(choices, name, router, test);
  await router.dispose();
  return choices;
}

/** Computes once, then reads back. */
async function cached(path: string, compute: () => Promise<FoldChoices>): Promise<FoldChoices> {
  if (!existsSync(path)) writeFileAtomic(path, JSON.stringify(await compute()));
  return JSON.parse(readFileSync(path, "utf8")) as FoldChoices;
}

const choices: Record<string, Int32Array> = {};
const indexOf = new Map(records.map(({ id }, index) => [id, index]));
const ownFolds = values.only?.split(",").map(Number) ?? Array.from({ length: folds }, (_, fold) => fold);
for (const fold of ownFolds) {
  const test = records.filter((record) => foldOf(record, folds, 0) === fold);
  const train = records.filter((record) => foldOf(record, folds, 0) !== fold);
  const parts = [
    await cached(join(out, `fold-${fold}`, "baselines.json"), () => baselineChoices(train, test)),
  ];
  for (const seed of seeds) {
    for (const variant of ["mlm", "mlc"] as const) {
      const path = join(out, `fold-${fold}`, `${variant}-${seed}.json`);
      parts.push(await cached(path, () => modelChoices(variant, seed, fold, train, test)));
    }
  }
  for (const [router, byId] of parts.flatMap((part) => Object.entries(part))) {
    choices[router] ??= new Int32Array(records.length);
    for (const [id, choice] of Object.entries(byId)) choices[router][indexOf.get(id)!] = choice;
  }
}
if (values.only) process.exit(0);
const trained = seeds.flatMap((seed) => [`lookahead seed ${seed}`, `mlc seed ${seed}`]);
const baselines = Object.keys(choices).filter((name) => !trained.includes(name));
const comparisons = seeds.flatMap((seed) => [
  { router: `lookahead seed ${seed}`, baseline: `mlc seed ${seed}` },
  ...baselines.map((baseline) => ({ router: `lookahead seed ${seed}`, baseline })),
]);
const evaluation = evaluateRouters({ records, candidates, choices, comparisons, seed: 0 });
process.stdout.write(formatEvaluationTable(evaluation));
if (values.result) writeFileAtomic(values.result, `${JSON.stringify(evaluation)}\n`);
if (values.html) {
  const subtitle = `${records.length} prompts, ${folds} folds by prompt, seeds ${seeds.join(", ")}`;
  writeFileAtomic(
    values.html,
    renderEvaluationReport({ title: "Routers on the Lookahead benchmarks", subtitle, evaluation }),
  );
}
