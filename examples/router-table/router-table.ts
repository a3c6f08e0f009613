/**
 * The router tables of docs/benchmarks: every method on prompts that it was not trained on.
 *
 *   npx tsx examples/router-table/router-table.ts --data FILE... --out runs/table [--embedder DIR]
 *       [--protocol folds|left-out] [--strip-templates] [--folds 5] [--seeds 0,1,2] [--groups tables,words,...]
 *       [--threads 1] [--result FILE.json] [--html FILE.html] [--summary FILE.json]
 *
 * "folds" parts the prompts at random, anew with every seed; "left-out" trains on all benchmarks but one and tests on that
 * one. Stopped or killed, the same command goes on: finished groups of methods are kept as files, a model under way resumes
 * from its checkpoint. With other --groups, or with other --parts ("seed-0/3", "seed-0/MATH"), another process can share
 * the work; with --parts no table is written.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "../../src/cli/progress.ts";
import { promptText, readJudgedRecords } from "../../src/judged/index.ts";
import { type Embedder, EncoderEmbedder } from "../../src/routing/embedding/index.ts";
import { chooseAll, evaluateRouters } from "../../src/routing/evaluation/index.ts";
import { renderEvaluationReport } from "../../src/routing/report/index.ts";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { claimFolder, digestsOf } from "../kept.ts";
import { averagesTable } from "./averages-table.ts";
import { keptEmbedder } from "./kept-embedder.ts";
import { DEFAULT_GROUPS, GROUPS, type Setting } from "./methods.ts";
import { type Part, partsOf, withoutTemplates } from "./protocol.ts";

const { values, positionals } = parseArgs({
  // `--data a b c`: all but the first are positionals.
  allowPositionals: true,
  options: {
    data: { type: "string", multiple: true },
    out: { type: "string" },
    embedder: { type: "string" },
    protocol: { type: "string", default: "folds" },
    "strip-templates": { type: "boolean", default: false },
    folds: { type: "string", default: "5" },
    seeds: { type: "string", default: "0,1,2" },
    groups: { type: "string", default: DEFAULT_GROUPS.join(",") },
    parts: { type: "string" },
    threads: { type: "string", default: "1" },
    result: { type: "string" },
    summary: { type: "string" },
    html: { type: "string" },
  },
});
if (!values.data || !values.out) throw new Error("give --data FILE... and --out DIR");
if (values.protocol !== "folds" && values.protocol !== "left-out") {
  throw new Error(`--protocol is ${values.protocol}, expected folds or left-out`);
}
const groups = values.groups.split(",");
const unknown = groups.find((group) => !(group in GROUPS));
if (unknown !== undefined)
  throw new Error(`--groups has ${unknown}, expected ${Object.keys(GROUPS).join(", ")}`);
const out = values.out;
const read = await readJudgedRecords([...values.data, ...positionals]);
const { candidates } = read;
const records = values["strip-templates"] ? withoutTemplates(read.records) : read.records;
claimFolder(out, {
  data: await digestsOf([...values.data, ...positionals]),
  protocol: values.protocol,
  folds: values.folds,
  isStripped: values["strip-templates"],
});
if (values.embedder) {
  const weights = await digestsOf([join(values.embedder, "model.safetensors")]);
  claimFolder(join(out, "encoder"), { weights });
}
const seeds = values.protocol === "folds" ? values.seeds.split(",").map(Number) : [0];
const asked = values.parts?.split(",");
const parts = partsOf(records, values.protocol, Number(values.folds), seeds).filter(
  ({ name }) => asked?.includes(name) ?? true,
);
if (parts.length === 0) throw new Error(`--parts is ${values.parts}, which names no part of this protocol`);

let encoder: Embedder | undefined;
if (values.embedder) {
  const texts = records.map(({ prompt }) => promptText(prompt));
  const progress = createProgress(process.stderr, {
    label: "embedding",
    total: texts.length,
    unit: "prompts",
  });
  mkdirSync(out, { recursive: true });
  encoder = await keptEmbedder(
    new EncoderEmbedder(values.embedder),
    texts,
    join(out, "embeddings.bin"),
    (done) => progress.update(done),
  );
}

/** Candidate index by record id, by method. */
type Choices = Record<string, Record<string, number>>;

async function compute(group: string, part: Part, setting: Setting): Promise<Choices> {
  const choices: Choices = {};
  for (const { name, router } of await GROUPS[group]!(part, setting)) {
    const indices = await chooseAll(router, part.test, candidates);
    choices[name] = Object.fromEntries(part.test.map(({ id }, index) => [id, indices[index]!]));
    if ("dispose" in router) await (router as { dispose(): Promise<void> }).dispose();
  }
  return choices;
}

const total = createProgress(process.stderr, {
  label: "table",
  total: parts.length * groups.length,
  unit: "groups",
});
/** No candidate. */
const NOT_ROUTED = -1;
const runs = new Map<string, Map<number, Int32Array>>();
const rowOf = new Map(records.map(({ id }, row) => [id, row]));
let done = 0;
for (const group of groups) {
  for (const part of parts) {
    const path = join(out, part.name, `${group}.json`);
    const setting: Setting = {
      candidates,
      encoder,
      encoderFolder: values.embedder,
      threads: Number(values.threads),
      checkpoints: ({ name }) => join(out, name, "training"),
      onStep: (method, step, steps) => total.update(done, `${part.name} ${method} step ${step}/${steps}`),
    };
    if (!existsSync(path)) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileAtomic(path, JSON.stringify(await compute(group, part, setting)));
    }
    const choices = JSON.parse(readFileSync(path, "utf8")) as Choices;
    for (const [method, byId] of Object.entries(choices)) {
      const bySeed = runs.get(method) ?? new Map<number, Int32Array>();
      runs.set(method, bySeed);
      const column = bySeed.get(part.seed) ?? new Int32Array(records.length).fill(NOT_ROUTED);
      bySeed.set(part.seed, column);
      for (const [id, choice] of Object.entries(byId)) column[rowOf.get(id)!] = choice;
    }
    total.update(++done, `${part.name} ${group}`);
  }
}

if (asked) process.exit(0);

for (const [method, bySeed] of runs) {
  for (const [seed, column] of bySeed) {
    const missing = column.indexOf(NOT_ROUTED);
    if (missing >= 0) throw new Error(`${method}, seed ${seed}: ${records[missing]!.id} was never routed`);
  }
}

const runName = (method: string, seed: number): string => `${method} seed ${seed}`;
const methods = [...runs.keys()];
// The studies are compared with the variant that they change, not with everything; what a router folder can serve is.
const lookaheads = methods.filter((method) => /^(latent|lookahead)[^,]*(, averaged with mlm)?$/.test(method));
const evaluation = evaluateRouters({
  records,
  candidates,
  choices: Object.fromEntries(
    methods.flatMap((method) =>
      [...runs.get(method)!].map(([seed, column]) => [runName(method, seed), column] as const),
    ),
  ),
  averages: Object.fromEntries(
    methods.map((method) => [method, [...runs.get(method)!.keys()].map((seed) => runName(method, seed))]),
  ),
  comparisons: lookaheads.flatMap((router) =>
    methods.filter((baseline) => baseline !== router).map((baseline) => ({ router, baseline })),
  ),
});
process.stdout.write(averagesTable(evaluation, lookaheads[0]));
if (values.result) writeFileAtomic(values.result, `${JSON.stringify(evaluation)}\n`);
if (values.summary) {
  // Without the choice of every router for every prompt.
  const { averages, differences } = evaluation;
  writeFileAtomic(values.summary, `${JSON.stringify({ averages, differences }, null, 1)}\n`);
}
if (values.html) {
  const subtitle = `${records.length} prompts, ${values.protocol}, seeds ${seeds.join(", ")}`;
  writeFileAtomic(
    values.html,
    renderEvaluationReport({ title: "Routers on seven benchmarks", subtitle, evaluation }),
  );
}
