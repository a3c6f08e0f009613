/**
 * The texts of the train-step-trainer benchmark, as token ids that both sides read:
 *
 *   npx tsx tools/fetch-models.ts smollm2
 *   npx tsx bench/subjects/trainer-data.ts
 *
 * Writes .cache/bench/trainer.json, and the model in a folder that transformers reads beside it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promptText, readJudgedRecords } from "../../src/judged/index.ts";
import { convertModel } from "../../src/models/index.ts";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { permutation, streamOf } from "../../src/tensor/random.ts";
import { readGgufTokenizer, tokenizerFromGguf } from "../../src/text/index.ts";
import { conversationExamples, type FineTuningExample } from "../../src/train/index.ts";
import { openGgufModel } from "../../src/weights/index.ts";
import { modelPath } from "../decode-work.ts";

const ROOT = join(import.meta.dirname, "../..");
const FOLDER = join(ROOT, ".cache/bench");
const TRAINER_DATA_PATH = join(FOLDER, "trainer.json");
const MODEL_FOLDER = join(FOLDER, "smollm2");
/** Longer conversations, a quarter of them, are left out; none is cut. */
export const MAX_TOKENS = 768;
const CONVERSATIONS = 2000;

interface StoredSequence {
  readonly ids: readonly number[];
  /** The first token of the response: it and what follows are targets. */
  readonly targetsFrom: number;
}

/** A response to each of 2,000 prompts of all judged sets, laid out by the model's chat template. */
async function writeTrainerData(): Promise<void> {
  const folder = join(ROOT, "assets/judged");
  const files = readdirSync(folder).filter((file) => file.endsWith(".jsonl.gz"));
  const { records, candidates } = await readJudgedRecords(files.sort().map((file) => join(folder, file)));
  const key = { seed: 0, stream: streamOf("train-step-trainer") };
  const chosen = [...permutation(records.length, key)]
    .slice(0, CONVERSATIONS)
    .map((index) => records[index]!);
  const path = modelPath();
  const { metadata, close } = openGgufModel(path);
  close();
  const conversations = chosen.map(({ id, prompt, candidates: answers }, index) => ({
    id,
    messages: [
      { role: "user", content: promptText(prompt) },
      { role: "assistant", content: answers[candidates[index % candidates.length]!]!.response },
    ],
  }));
  const { tokenizerConfig } = readGgufTokenizer(path, metadata);
  const template = tokenizerConfig.chat_template as string;
  const examples = conversationExamples(tokenizerFromGguf(path, metadata), conversations, {
    template,
    maxTokens: MAX_TOKENS + 1,
  });
  const sequences = examples
    .map(({ ids, isTarget }): StoredSequence => ({ ids: [...ids], targetsFrom: isTarget.indexOf(1) }))
    .filter(({ ids }) => ids.length <= MAX_TOKENS);
  mkdirSync(FOLDER, { recursive: true });
  writeFileAtomic(TRAINER_DATA_PATH, `${JSON.stringify({ sequences })}\n`);
  if (!existsSync(MODEL_FOLDER)) convertModel(path, MODEL_FOLDER, { format: "safetensors", dtype: "F32" });
  const lengths = sequences.map(({ ids }) => ids.length).sort((a, b) => a - b);
  const total = lengths.reduce((a, b) => a + b);
  console.log(
    `${TRAINER_DATA_PATH}: ${lengths.length} sequences of ${lengths[0]} to ${lengths.at(-1)} tokens, ` +
      `mean ${(total / lengths.length).toFixed(0)}`,
  );
}

/** What the benchmark trains on; undefined until it has been written. */
export function readTrainerData(): FineTuningExample[] | undefined {
  if (!existsSync(TRAINER_DATA_PATH)) return undefined;
  const { sequences } = JSON.parse(readFileSync(TRAINER_DATA_PATH, "utf8")) as {
    sequences: readonly StoredSequence[];
  };
  return sequences.map(({ ids, targetsFrom }, index) => ({
    id: String(index),
    ids: Int32Array.from(ids),
    isTarget: Uint8Array.from(ids, (_, token) => (token >= targetsFrom ? 1 : 0)),
  }));
}

if (process.argv[1] === import.meta.filename) await writeTrainerData();
