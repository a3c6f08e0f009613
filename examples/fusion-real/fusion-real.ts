/**
 * Fusion with real models: what five sources of 135 to 270 million parameters know together, and what a model of their size
 * learns from it.
 *
 *   npx tsx tools/fetch-models.ts smollm2 gemma3
 *   npx tsx examples/fusion-real/fusion-real.ts [--out runs/fusion-real] [--word-problems mawps.jsonl.gz]
 *       [--seeds 0,1] [--smollm2 FILE] [--gemma3 FILE] [--until coverage|training]
 *       [--result docs/benchmarks/fusion-real.json] [--plot docs/benchmarks/fusion-real.svg]
 *       [--page docs/benchmarks/fusion-real.md]
 *
 * One compute thread. Stopped or killed, the same command goes on: answers, checkpoints and measured arms are kept as files
 * under --out, a folder a seed. Seeds redraw questions, samples, adapters and batches. docs/benchmarks/fusion-real.md says what is compared and what came out.
 */
import { mkdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { claimFolder, digestsOf, writeFigures } from "../kept.ts";
import { Experiment, SIZES } from "./experiment.ts";
import { plotOf, summaryOf, tableOf } from "./report.ts";
import { drawQuestions, FAMILIES, type Question, readWordProblems } from "./tasks.ts";

const GGUF = ".cache/models";
const { values } = parseArgs({
  options: {
    out: { type: "string", default: "runs/fusion-real" },
    seeds: { type: "string", default: "0,1" },
    smollm2: {
      type: "string",
      default: `${GGUF}/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf`,
    },
    gemma3: { type: "string", default: `${GGUF}/gemma-3-270m-GGUF/gemma-3-270m-q4_k_m.gguf` },
    "word-problems": { type: "string" },
    until: { type: "string", default: "training" },
    result: { type: "string" },
    plot: { type: "string" },
    page: { type: "string" },
  },
});
if (values.until !== "coverage" && values.until !== "training") {
  throw new Error(`--until is ${values.until}, expected coverage or training`);
}
const seeds = values.seeds.split(",").map(Number);
if (!seeds.every(Number.isInteger)) throw new Error(`--seeds is ${values.seeds}, expected such as 0,1`);

async function experimentOf(seed: number): Promise<Experiment> {
  const folder = join(values.out, `seed-${seed}`);
  mkdirSync(folder, { recursive: true });
  const taken = new Set<string>();
  const drawn = (name: string, perFamily: number): Question[] =>
    FAMILIES.flatMap((_, family) => drawQuestions(name, family, perFamily, seed, taken));
  const { testPerFamily, askedPerFamily, testProblems, askedProblems } = SIZES;
  const test = drawn("test", testPerFamily);
  const asked = drawn("asked", askedPerFamily);
  const problems = values["word-problems"]
    ? readWordProblems(values["word-problems"], testProblems + askedProblems, seed)
    : [];
  return new Experiment(
    { folder, seed, smollm2: values.smollm2, gemma3: values.gemma3 },
    {
      test: [...test, ...problems.slice(0, testProblems)],
      asked: [...asked, ...problems.slice(testProblems)],
      taught: drawn("taught", SIZES.taughtPerFamily),
      shown: drawn("shown", SIZES.shownPerFamily),
    },
  );
}

claimFolder(values.out, {
  sizes: SIZES,
  models: await digestsOf([values.smollm2, values.gemma3]),
  ...(values["word-problems"] && { wordProblems: await digestsOf([values["word-problems"]]) }),
});
const experiments: Experiment[] = [];
for (const seed of seeds) {
  const experiment = await experimentOf(seed);
  await experiment.askSources();
  if (values.until === "training") await experiment.train();
  experiments.push(experiment);
}
const summary = {
  machine: { cpu: cpus()[0]?.model, threads: 1, node: process.version },
  seeds,
  sizes: SIZES,
  hasWordProblems: values["word-problems"] !== undefined,
  ...summaryOf(experiments),
};
const table = tableOf(summary);
process.stdout.write(table);
if (values.result) writeFileAtomic(values.result, `${JSON.stringify(summary, null, 1)}\n`);
if (values.plot) writeFileAtomic(values.plot, plotOf(summary));
if (values.page) writeFigures(values.page, table);
