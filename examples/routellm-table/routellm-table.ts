/**
 * Routers on the data of RouteLLM (two models) and LLMRouter (nine models), beside published figures.
 *
 *   npx tsx examples/routellm-table/routellm-table.ts --data DIR --out runs/routellm [--embedder DIR] [--seeds 0,1,2]
 *       [--sets mmlu,gsm8k,llmrouter,mmlu:gsm8k,gsm8k:mmlu,mmlu:mt-bench] [--result FILE.json]
 *
 * DIR holds mmlu.jsonl.gz, gsm8k.jsonl.gz, mt-bench.jsonl.gz, llmrouter.jsonl.gz and llmrouter-models.json (list prices). A set of one name is in-domain: five
 * folds by prompt. "a:b" is out of domain: trained on all of a, tested on all of b. Finished folds are kept as files.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "../../src/cli/progress.ts";
import { foldOf, type JudgedRecord, promptText } from "../../src/judged/index.ts";
import { type Embedder, EncoderEmbedder } from "../../src/routing/embedding/index.ts";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { claimFolder, digestsOf, kept } from "../kept.ts";
import { keptEmbedder } from "../router-table/kept-embedder.ts";
import { readScoredPrompts } from "./data.ts";
import { type Measured, measure, measuresTable } from "./measures.ts";
import { type Scores, scoresOf } from "./methods.ts";

const FOLDS = 5;
const DEFAULT_SETS = "mmlu,gsm8k,llmrouter,mmlu:gsm8k,gsm8k:mmlu,mmlu:mt-bench";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    out: { type: "string" },
    embedder: { type: "string" },
    seeds: { type: "string", default: "0,1,2" },
    sets: { type: "string", default: DEFAULT_SETS },
    result: { type: "string" },
  },
});
if (!values.data || !values.out) throw new Error("give --data DIR and --out DIR");
const { data, out } = values;
const seeds = values.seeds.split(",").map(Number);
const files = new Map<string, readonly JudgedRecord[]>();
const recordsOf = (name: string): readonly JudgedRecord[] => {
  const known = files.get(name) ?? readScoredPrompts(join(data, `${name}.jsonl.gz`));
  files.set(name, known);
  return known;
};
const candidatesOf = (records: readonly JudgedRecord[]): string[] => Object.keys(records[0]!.candidates);

async function encoderFor(name: string, records: readonly JudgedRecord[]): Promise<Embedder | undefined> {
  if (!values.embedder) return undefined;
  const texts = records.map(({ prompt }) => promptText(prompt));
  const progress = createProgress(process.stderr, {
    label: `${name} embedding`,
    total: texts.length,
    unit: "prompts",
  });
  const path = join(out, `${name}.embeddings.bin`);
  mkdirSync(out, { recursive: true });
  return keptEmbedder(new EncoderEmbedder(values.embedder), texts, path, (done) => progress.update(done));
}

/** List price of an output token by candidate, for the nine models. */
function pricesOf(candidates: readonly string[]): number[] | undefined {
  if (candidates.length === 2) return undefined;
  const { models } = JSON.parse(readFileSync(join(data, "llmrouter-models.json"), "utf8")) as {
    models: Record<string, { output_price_per_million: number }>;
  };
  return candidates.map((name) => models[name]!.output_price_per_million);
}

/** Score rows of every method for every record, by models that never saw it. */
async function inDomain(name: string, seed: number): Promise<Scores> {
  const records = recordsOf(name);
  const encoder = await encoderFor(name, records);
  const all: Record<string, number[][]> = {};
  for (let fold = 0; fold < FOLDS; fold++) {
    const rows = [...records.keys()].filter((row) => foldOf(records[row]!, FOLDS, seed) === fold);
    const scores = await kept(join(out, name, `seed-${seed}`, `fold-${fold}.json`), () =>
      scoresOf(
        records.filter((record) => foldOf(record, FOLDS, seed) !== fold),
        rows.map((row) => records[row]!),
        candidatesOf(records),
        seed,
        encoder,
      ),
    );
    for (const [method, own] of Object.entries(scores)) {
      const column = all[method] ?? [];
      all[method] = column;
      for (const [index, row] of rows.entries()) column[row] = own[index]!;
    }
    process.stderr.write(`${name} seed ${seed} fold ${fold} done\n`);
  }
  return all;
}

async function outOfDomain(from: string, to: string, seed: number): Promise<Scores> {
  const both = [...recordsOf(from), ...recordsOf(to)];
  const encoder = await encoderFor(`${from}-${to}`, both);
  return kept(join(out, `${from}-${to}`, `seed-${seed}.json`), () =>
    scoresOf(recordsOf(from), recordsOf(to), candidatesOf(recordsOf(from)), seed, encoder),
  );
}

const names = [...new Set(values.sets.split(",").flatMap((set) => set.split(":")))];
for (const [index, digest] of (
  await digestsOf(names.map((name) => join(data, `${name}.jsonl.gz`)))
).entries())
  claimFolder(join(out, "data", names[index]!), { digest });
claimFolder(out, {
  embedder: values.embedder ? await digestsOf([join(values.embedder, "model.safetensors")]) : "words",
});

const results: Record<string, Record<string, Measured>> = {};
for (const set of values.sets.split(",")) {
  const [from, to] = set.split(":") as [string, string?];
  const runs: Scores[] = [];
  for (const seed of to === undefined ? seeds : seeds.slice(0, 1)) {
    runs.push(to === undefined ? await inDomain(from, seed) : await outOfDomain(from, to, seed));
  }
  const tested = recordsOf(to ?? from);
  results[set] = measure(tested, candidatesOf(tested), runs, pricesOf(candidatesOf(tested)));
  process.stdout.write(
    `\n${to === undefined ? `${from}, in domain` : `trained on ${from}, tested on ${to}`}\n`,
  );
  process.stdout.write(measuresTable(results[set]));
  if (values.result) writeFileAtomic(values.result, `${JSON.stringify(results)}\n`);
}
