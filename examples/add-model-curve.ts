/**
 * The learning curve of `tutti router add-model`: a router of four models takes in the fifth from 50 to 800 judged
 * prompts, against a router that was trained on all five.
 *
 *   npx tsx examples/add-model-curve.ts --data FILE [--data FILE] --out runs/add-model-curve [--models NAME,...]
 *       [--seeds 0,1,2] [--sizes 50,100,200,400,800] [--methods ridge,latent,...] [--folds 5] [--embedder DIR]
 *       [--samples 1000] [--json FILE] [--html FILE]
 *
 * Each of --models (all by default) is held out in turn. Prompts are split into folds, anew with every seed; each prompt
 * is routed by routers that never saw it. The prompts that the new model is judged on are a seeded subset of the
 * training prompts, the smaller ones within the larger. Stopped or killed, the same command goes on: every method, model,
 * seed and size leaves one file. `lookahead`, a small CLM trained from scratch per fold, takes hours and is left out
 * unless named.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "../src/cli/progress.ts";
import { foldOf, type JudgedRecord, promptText, readJudgedRecords } from "../src/judged/index.ts";
import {
  RIVAL_NAMES,
  type RivalName,
  trainDomainBest,
  trainKMeans,
  trainKnn,
  trainRidge,
  trainRivals,
  trainStringRule,
} from "../src/routing/baselines/index.ts";
import { lookaheadDefaults } from "../src/routing/defaults.ts";
import {
  CachingEmbedder,
  type Embedder,
  EncoderEmbedder,
  TfidfLsaEmbedder,
} from "../src/routing/embedding/index.ts";
import { chooseAll, evaluateRouters, evaluateRuns } from "../src/routing/evaluation/index.ts";
import { isGrowable } from "../src/routing/growth/index.ts";
import { trainLatent } from "../src/routing/latent/index.ts";
import { growableLookahead, trainLookahead } from "../src/routing/lookahead/index.ts";
import { readLearningCurves, renderEvaluationReport } from "../src/routing/report/index.ts";
import type { Router } from "../src/routing/router.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";
import { permutation, streamOf } from "../src/tensor/random.ts";

const METHODS = "domain-best,string-rule,knn,kmeans,ridge,soft-clusters,avengers,logistic,latent";
const { values } = parseArgs({
  options: {
    data: { type: "string", multiple: true },
    out: { type: "string" },
    models: { type: "string" },
    seeds: { type: "string", default: "0,1,2" },
    sizes: { type: "string", default: "50,100,200,400,800" },
    methods: { type: "string", default: METHODS },
    folds: { type: "string", default: "5" },
    embedder: { type: "string" },
    samples: { type: "string", default: "1000" },
    json: { type: "string" },
    html: { type: "string" },
  },
});
if (!values.data || !values.out) throw new Error("give --data FILE and --out DIR");
const out = values.out;
const folds = Number(values.folds);
const seeds = values.seeds.split(",").map(Number);
const methods = values.methods.split(",");
const { records, candidates } = await readJudgedRecords(values.data);
const models = values.models?.split(",") ?? candidates;
for (const model of models) {
  if (!candidates.includes(model))
    throw new Error(`no answers of ${model}, only of ${candidates.join(", ")}`);
}
const indexOf = new Map(records.map(({ id }, index) => [id, index]));

interface Fold {
  readonly train: readonly JudgedRecord[];
  readonly test: readonly JudgedRecord[];
  /** Training prompts in the order in which the new model is judged on them. */
  readonly judged: readonly JudgedRecord[];
  readonly embedder: Embedder;
  readonly seed: number;
  readonly fold: number;
}

const encoder = values.embedder
  ? new CachingEmbedder(new EncoderEmbedder(values.embedder), 2 * records.length)
  : undefined;
const foldsBySeed = new Map<number, Fold[]>();

function foldsOf(seed: number): Fold[] {
  const known = foldsBySeed.get(seed);
  if (known) return known;
  const made = Array.from({ length: folds }, (_, fold): Fold => {
    const train = records.filter((record) => foldOf(record, folds, seed) !== fold);
    const order = permutation(train.length, { seed, stream: streamOf(`judged prompts ${fold}`) });
    const prompts = train.map(({ prompt }) => promptText(prompt));
    const own = (): Embedder =>
      new CachingEmbedder(TfidfLsaEmbedder.fit(prompts, { seed }), 2 * records.length);
    return {
      train,
      test: records.filter((record) => foldOf(record, folds, seed) === fold),
      judged: [...order].map((index) => train[index]!),
      embedder: encoder ?? own(),
      seed,
      fold,
    };
  });
  foldsBySeed.set(seed, made);
  return made;
}

/** `label` tells apart what is trained on the same fold. */
async function trainMethod(method: string, part: Fold, names: readonly string[], label: string) {
  const { train, embedder, seed, fold } = part;
  switch (method) {
    case "domain-best":
      return trainDomainBest(train, names);
    case "string-rule":
      return trainStringRule(train, names);
    case "knn":
      return trainKnn(train, names, embedder);
    case "kmeans":
      return trainKMeans(train, names, embedder, { seed });
    case "ridge":
      return trainRidge(train, names, embedder);
    case "latent":
      return trainLatent("latent", train, names, embedder);
    case "lookahead": {
      const folder = join(out, "lookahead-training", `${label}-seed-${seed}-fold-${fold}`);
      const options = { ...lookaheadDefaults("clm", false), seed, threads: 1 };
      const router = await trainLookahead("lookahead", train, [], names, options, folder);
      return growableLookahead(router, undefined);
    }
    default:
      if (!(RIVAL_NAMES as readonly string[]).includes(method)) throw new Error(`unknown method ${method}`);
      return (await trainRivals(train, names, { seed, embedder, names: [method as RivalName] }))[0]!;
  }
}

async function grown(router: Router, model: string, judged: readonly JudgedRecord[]): Promise<Router> {
  if (!isGrowable(router))
    throw new Error(`${router.name} cannot take in a model: leave it out of --methods`);
  return router.withCandidate(model, judged);
}

const fileOf = (method: string, part: string, seed: number): string =>
  join(out, method, `${part.replaceAll(/[^\w.-]/g, "_")}-seed-${seed}.json`);

/** Every prompt's choice, made by the router of the fold that the prompt was held out of. */
async function writeChoices(path: string, parts: readonly Fold[], routerOf: (part: Fold) => Promise<Router>) {
  const choices: Record<string, number> = {};
  for (const part of parts) {
    const chosen = await chooseAll(await routerOf(part), part.test, candidates);
    for (const [index, { id }] of part.test.entries()) choices[id] = chosen[index]!;
  }
  writeFileAtomic(path, JSON.stringify(choices));
}

function readChoices(path: string): Int32Array {
  const choices = new Int32Array(records.length).fill(-1);
  for (const [id, choice] of Object.entries(
    JSON.parse(readFileSync(path, "utf8")) as Record<string, number>,
  )) {
    const index = indexOf.get(id);
    if (index === undefined) throw new Error(`${path}: has prompts of other data; give another --out`);
    choices[index] = choice;
  }
  return choices;
}

const fewestTraining = Math.min(...seeds.flatMap((seed) => foldsOf(seed).map(({ train }) => train.length)));
const sizes = values.sizes.split(",").map(Number);
const tooLarge = sizes.find((size) => !(size >= 1 && size <= fewestTraining));
if (tooLarge !== undefined)
  throw new Error(`--sizes: ${tooLarge} is not in 1..${fewestTraining}, the training prompts`);
const what = JSON.stringify({
  candidates,
  records: records.length,
  folds,
  embedder: values.embedder ?? null,
});
const settingsPath = join(out, "settings.json");
if (existsSync(settingsPath) && readFileSync(settingsPath, "utf8") !== what)
  throw new Error(`${settingsPath}: other data, folds or embedder; give another --out`);
mkdirSync(out, { recursive: true });
writeFileAtomic(settingsPath, what);

const total = methods.length * seeds.length * (1 + models.length * (sizes.length + 1));
const progress = createProgress(process.stderr, { label: "curves", total, unit: "files" });
let done = 0;
for (const seed of seeds) {
  const parts = foldsOf(seed);
  for (const method of methods) {
    mkdirSync(join(out, method), { recursive: true });
    const full = fileOf(method, "all", seed);
    if (!existsSync(full)) {
      await writeChoices(full, parts, (part) => trainMethod(method, part, candidates, "all"));
    }
    progress.update(++done, `${method} of all models`);
    for (const model of models) {
      const others = candidates.filter((name) => name !== model);
      const trained = new Map<Fold, Router>();
      const routerOf = async (part: Fold): Promise<Router> => {
        const router = trained.get(part) ?? (await trainMethod(method, part, others, `without-${model}`));
        trained.set(part, router);
        return router;
      };
      const without = fileOf(method, `without-${model}`, seed);
      if (!existsSync(without)) await writeChoices(without, parts, routerOf);
      progress.update(++done, `${method} without ${model}`);
      for (const size of sizes) {
        const path = fileOf(method, `${model}-from-${size}`, seed);
        if (!existsSync(path)) {
          await writeChoices(path, parts, async (part) =>
            grown(await routerOf(part), model, part.judged.slice(0, size)),
          );
        }
        progress.update(++done, `${method}: ${model} from ${size}`);
      }
    }
  }
}
progress.finish();

const runs: Record<string, Int32Array[]> = {};
const nameOf = (method: string, size: number): string => `${method} from ${size}`;
for (const method of methods) {
  runs[`${method} of all`] = seeds.map((seed) => readChoices(fileOf(method, "all", seed)));
  runs[`${method} without`] = seeds.flatMap((seed) =>
    models.map((model) => readChoices(fileOf(method, `without-${model}`, seed))),
  );
  for (const size of sizes) {
    runs[nameOf(method, size)] = seeds.flatMap((seed) =>
      models.map((model) => readChoices(fileOf(method, `${model}-from-${size}`, seed))),
    );
  }
}
const comparisons = methods.flatMap((method) =>
  [`${method} without`, ...sizes.map((size) => nameOf(method, size))].map((router) => ({
    router,
    baseline: `${method} of all`,
  })),
);
const bootstrapSamples = Number(values.samples);
const { mean, differences } = evaluateRuns({ records, candidates, runs, comparisons, bootstrapSamples });
const against = new Map(differences.map((difference) => [difference.router, difference]));
const signed = (value: number): string => `${value < 0 ? "" : "+"}${value.toFixed(1)}`;
const cell = (name: string): string => {
  const { mean: difference, interval } = against.get(name)!;
  return `${signed(difference)} [${signed(interval[0])}, ${signed(interval[1])}]`;
};
for (const method of methods) {
  const cells = sizes.map((size) => `${size}: ${cell(nameOf(method, size))}`);
  process.stdout.write(
    `${method}: ${mean[`${method} of all`]!.normalised.toFixed(1)} when trained on all; difference without the model ${cell(`${method} without`)}; from ${cells.join(", ")}\n`,
  );
}

const learning = {
  unit: "judged prompts of the new model",
  measure: "mean normalised score minus that of full retraining",
  curves: methods.map((name) => ({
    name,
    points: sizes.map((examples) => {
      const { mean: value, interval } = against.get(nameOf(name, examples))!;
      return { examples, value, interval, score: mean[nameOf(name, examples)]! };
    }),
  })),
  references: [{ name: "full retraining", value: 0 }],
  full: Object.fromEntries(methods.map((method) => [method, mean[`${method} of all`]!])),
  without: Object.fromEntries(
    methods.map((method) => [
      method,
      { score: mean[`${method} without`]!, difference: against.get(`${method} without`)! },
    ]),
  ),
  models,
  seeds,
  folds,
  prompts: records.length,
};
const json = values.json ?? join(out, "learning-curve.json");
writeFileAtomic(json, `${JSON.stringify(learning, null, 1)}\n`);
if (values.html) {
  const largest = Math.max(...sizes);
  const choices = Object.fromEntries(
    methods.flatMap((method) => [
      [`${method} of all`, runs[`${method} of all`]![0]!],
      [nameOf(method, largest), runs[nameOf(method, largest)]![0]!],
    ]),
  );
  const page = renderEvaluationReport({
    title: "Taking a model into a trained router",
    subtitle: `${models.length} held out in turn, seeds ${seeds.join(", ")}, ${folds} folds of ${records.length} prompts; sections but the learning curve show ${models[0]} and seed ${seeds[0]} alone`,
    evaluation: evaluateRouters({
      records,
      candidates,
      choices,
      comparisons: comparisons.filter(({ router }) => router in choices),
    }),
    learning: readLearningCurves(json),
  });
  writeFileAtomic(values.html, page);
}
