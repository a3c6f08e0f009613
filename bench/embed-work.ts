/** What the subjects of the embedding benchmarks do: the texts, the modes, the check, and the round protocol. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promptText, readJudgedRecords } from "../src/judged/index.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";
import { permutation } from "../src/tensor/random.ts";

/** All texts at once, or one at a time: the median and the 99th percentile of the time of a text. */
export type EmbedMode = "throughput" | "p50" | "p99";

const ROOT = join(import.meta.dirname, "..");
export const MODEL_FOLDER: string =
  process.env.TUTTI_BENCH_ENCODER ?? join(ROOT, ".cache/models/all-MiniLM-L6-v2");
/** Written by bench/peers/export_minilm_onnx.py. */
export const ONNX_FOLDER: string = join(ROOT, ".cache/bench/all-MiniLM-L6-v2-onnx");
/** The texts as a JSON array, for subjects in other languages. */
export const TEXTS_FILE: string = join(ROOT, ".cache/bench/embed-texts.json");

export const TEXTS = 256;
/** Of those, embedded one at a time. */
export const SINGLE_TEXTS = 128;
/** Of transformers.js, which takes what it is given in one call; the default of sentence-transformers. */
export const CALL_TEXTS = 32;

const SETS = ["arenahard", "gsm8k", "humaneval", "math", "mbpp", "mtbench"];
const SHUFFLE = { seed: 4, stream: 0 };

/** Prompts of the shipped data in a fixed random order: the lengths are those of the six sets together. */
export async function writeTexts(): Promise<void> {
  const files = SETS.map((name) => join(ROOT, `assets/judged/${name}.jsonl.gz`));
  const { records } = await readJudgedRecords(files);
  const order = [...permutation(records.length, SHUFFLE)].slice(0, TEXTS);
  writeFileAtomic(TEXTS_FILE, JSON.stringify(order.map((index) => promptText(records[index]!.prompt))));
}

/** Says one line on stderr, which the runner shows, and ends. */
export function missing(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

export function requireFolder(path: string, command: string): string {
  return existsSync(join(path, "config.json")) ? path : missing(`${path} is missing: ${command}`);
}

/** Vectors of length 1, in the order of the texts. */
export type Embed = (texts: readonly string[]) => Promise<readonly ArrayLike<number>[]>;

/**
 * Texts whose tokens every tokenizer agrees about, with the vectors that sentence-transformers gave. Of texts above the limit
 * transformers.js cuts the last special token off too.
 */
function recordedVectors(): { readonly text: string; readonly embedding: readonly number[] }[] {
  const names = ["plain", "similar", "unrelated", "question", "code", "mathematics", "at_the_limit"];
  const path = join(ROOT, "fixtures/embeddings/minilm.json");
  const { sentences } = JSON.parse(readFileSync(path, "utf8")) as {
    sentences: { name: string; text: string; embedding: number[] }[];
  };
  return sentences.filter(({ name }) => names.includes(name));
}

/** Ends the subject where a cosine to the recorded vectors is not above `least`. */
async function check(embed: Embed, least: number): Promise<void> {
  const recorded = recordedVectors();
  const vectors = await embed(recorded.map(({ text }) => text));
  const cosines = recorded.map(({ embedding }, index) =>
    embedding.reduce((sum, value, column) => sum + value * vectors[index]![column]!, 0),
  );
  const worst = Math.min(...cosines);
  if (!(worst > least))
    missing(`the worst cosine to the recorded vectors is ${worst}, expected above ${least}`);
}

/** The value below which a share of the sorted values lies, by the nearest rank. */
const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;

/** Seconds per 1000 texts, or milliseconds of the text at the percentile. */
async function measure(mode: EmbedMode, embed: Embed, texts: readonly string[]): Promise<number> {
  if (mode === "throughput") {
    const startedAt = performance.now();
    await embed(texts);
    return (performance.now() - startedAt) / texts.length;
  }
  const times: number[] = [];
  for (const text of texts.slice(0, SINGLE_TEXTS)) {
    const startedAt = performance.now();
    await embed([text]);
    times.push(performance.now() - startedAt);
  }
  return percentile(
    times.sort((a, b) => a - b),
    mode === "p50" ? 0.5 : 0.99,
  );
}

/** Checks the vectors, warms up, then answers every "round" line. */
export async function answerRounds(mode: EmbedMode, embed: Embed, leastCosine: number): Promise<never> {
  const texts = JSON.parse(readFileSync(TEXTS_FILE, "utf8")) as string[];
  await check(embed, leastCosine);
  await embed(texts.slice(0, SINGLE_TEXTS));
  process.stdout.write("ready\n");
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== "round") continue;
    const seconds = await measure(mode, embed, texts);
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    process.stdout.write(`${JSON.stringify({ seconds, peakRssBytes })}\n`);
  }
  process.exit(0);
}
