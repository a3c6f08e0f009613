/**
 * Pairs for the dpo and sft benchmarks as token ids, and their models as folders that transformers reads:
 *
 *   npx tsx tools/fetch-models.ts smollm2
 *   npx tsx bench/subjects/preference-data.ts
 *
 * Writes .cache/bench/preference.json, .cache/bench/smollm2 and .cache/bench/decoder-30m.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promptText, readJudgedRecords } from "../../src/judged/index.ts";
import { convertModel, createCausalModel } from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { permutation, streamOf } from "../../src/tensor/random.ts";
import { readGgufTokenizer, tokenizerFromGguf } from "../../src/text/index.ts";
import { encodeAnswers, type PromptResponses } from "../../src/trainers/index.ts";
import { openGgufModel, writeSafetensors } from "../../src/weights/index.ts";
import { modelPath } from "../decode-work.ts";

const FOLDER = join(import.meta.dirname, "../../.cache/bench");
const DATA_PATH = join(FOLDER, "preference.json");
/** Pairs with a longer side are left out; none is cut. */
const MAX_TOKENS = 512;
export const PAIRS_PER_STEP = 4;
export const STEPS_PER_ROUND = 3;

const DECODER_30M = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 49_152,
  hidden_size: 320,
  num_hidden_layers: 10,
  num_attention_heads: 5,
  num_key_value_heads: 5,
  intermediate_size: 896,
  max_position_embeddings: 2048,
  rope_theta: 10_000,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

interface StoredPair {
  readonly prompt: readonly number[];
  readonly chosen: readonly number[];
  readonly rejected: readonly number[];
}

/** The best and the worst answer to prompts of all judged sets. */
async function realPairs(): Promise<StoredPair[]> {
  const folder = join(import.meta.dirname, "../../assets/judged");
  const files = readdirSync(folder).filter((file) => file.endsWith(".jsonl.gz"));
  const { records } = await readJudgedRecords(files.sort().map((file) => join(folder, file)));
  const path = modelPath();
  const { metadata, close } = openGgufModel(path);
  close();
  const wanted = PAIRS_PER_STEP * STEPS_PER_ROUND;
  const answered = [...permutation(records.length, { seed: 0, stream: streamOf("dpo") })].map((index) => {
    const { id, prompt, candidates } = records[index]!;
    const ranked = Object.values(candidates).sort((a, b) => b.score - a.score);
    const messages = [{ role: "user" as const, content: promptText(prompt) }];
    return { id, messages, answers: [ranked[0]!.response, ranked.at(-1)!.response] };
  });
  const { groups } = encodeAnswers(tokenizerFromGguf(path, metadata), answered.slice(0, 20 * wanted), {
    template: readGgufTokenizer(path, metadata).tokenizerConfig.chat_template as string,
    maxTokens: MAX_TOKENS + 1,
  });
  return groups
    .filter(({ promptIds, responses }) =>
      responses.every(({ length }) => promptIds.length + length <= MAX_TOKENS),
    )
    .slice(0, wanted)
    .map(({ promptIds, responses }) => ({
      prompt: [...promptIds],
      chosen: [...responses[0]!],
      rejected: [...responses[1]!],
    }));
}

function writeModels(): void {
  const smollm2 = join(FOLDER, "smollm2");
  if (!existsSync(smollm2)) convertModel(modelPath(), smollm2, { format: "safetensors", dtype: "F32" });
  const small = join(FOLDER, "decoder-30m");
  if (existsSync(join(small, "config.json"))) return;
  mkdirSync(small, { recursive: true });
  const parameters = initialiseParameters(createCausalModel(DECODER_30M).specs, 0);
  const tensors = Object.entries(parameters).map(([name, { shape, data }]) => ({
    name,
    dtype: "F32" as const,
    shape,
    data,
  }));
  writeSafetensors(join(small, "model.safetensors"), tensors, { format: "pt" });
  for (const name of ["tokenizer.json", "tokenizer_config.json"])
    copyFileSync(join(smollm2, name), join(small, name));
  writeFileAtomic(join(small, "config.json"), JSON.stringify(DECODER_30M));
}

async function writePreferenceData(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const pairs = await realPairs();
  writeFileAtomic(DATA_PATH, `${JSON.stringify({ pairsPerStep: PAIRS_PER_STEP, pairs })}\n`);
  writeModels();
  const total = (of: (pair: StoredPair) => number): number => pairs.reduce((sum, pair) => sum + of(pair), 0);
  const prompts = total(({ prompt }) => prompt.length);
  const answers = total(({ chosen, rejected }) => chosen.length + rejected.length);
  console.log(`${DATA_PATH}: ${pairs.length} pairs, ${prompts} tokens of prompts, ${answers} of answers`);
}

/** What the benchmarks train on; undefined until it has been written. */
export function readPreferenceData(): PromptResponses[] | undefined {
  if (!existsSync(DATA_PATH)) return undefined;
  const { pairs } = JSON.parse(readFileSync(DATA_PATH, "utf8")) as { pairs: readonly StoredPair[] };
  return pairs.map(({ prompt, chosen, rejected }, index) => ({
    id: String(index),
    promptIds: Int32Array.from(prompt),
    responses: [Int32Array.from(chosen), Int32Array.from(rejected)],
  }));
}

export const benchModelFolder = (name: string): string => join(FOLDER, name);

if (process.argv[1] === import.meta.filename) await writePreferenceData();
