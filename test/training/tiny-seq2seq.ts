/** A tiny encoder-decoder from scratch and pairs it can learn: each city has its own answer. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSeq2SeqModel } from "../../src/models/index.ts";
import { initialiseLora, initialiseParameters, type Parameters } from "../../src/nn/index.ts";
import { loadTokenizer, type Tokenizer } from "../../src/text/index.ts";
import { createSeq2SeqTask, pairExamples, type Seq2SeqBatching } from "../../src/train/index.ts";
import { writeUnigramTokenizer } from "../support/unigram-tokenizer.ts";
import { settingsOf, type TinyRun } from "./tiny-fine-tuning.ts";

function unigramTokenizer(): Tokenizer {
  const folder = mkdtempSync(join(tmpdir(), "tutti-unigram-"));
  writeUnigramTokenizer(folder);
  const loaded = loadTokenizer(folder);
  rmSync(folder, { recursive: true });
  return loaded;
}

const tokenizer = unigramTokenizer();
const CITIES = ["Oslo", "Lima", "Bonn", "Cairo", "Perth", "Quito", "Seoul", "Turin"];
const INSTRUMENTS = ["oboe", "harp", "viola", "tuba"];

export const pairs = CITIES.map((city, index) => ({
  id: city,
  source: `Which instrument does ${city} play${"?".repeat(1 + 2 * index)}`,
  target: `${city} plays the ${INSTRUMENTS[index % INSTRUMENTS.length]}.`,
}));

export const CONFIG = {
  model_type: "t5",
  vocab_size: tokenizer.vocabularySize,
  d_model: 32,
  d_kv: 8,
  d_ff: 48,
  num_layers: 2,
  num_heads: 4,
  feed_forward_proj: "gated-gelu",
  scale_decoder_outputs: false,
  dropout_rate: 0.05,
  relative_attention_num_buckets: 16,
  relative_attention_max_distance: 32,
  decoder_start_token_id: 0,
  eos_token_id: 1,
  pad_token_id: 0,
};
export const model = createSeq2SeqModel(CONFIG);
/** Without dropout, for comparing batches. */
export const steadyModel = createSeq2SeqModel({ ...CONFIG, dropout_rate: 0 });

export const examples = pairExamples(tokenizer, pairs, { maxSourceTokens: 48, maxTargetTokens: 24 });

interface PairRun extends Omit<TinyRun, "batching"> {
  readonly batching: Seq2SeqBatching;
}

const BATCHING: Seq2SeqBatching = { sourceTokens: [32, 48], targetTokens: [24], rowsPerBatch: 4 };

export const SEQ2SEQ_RUNS: Readonly<Record<string, PairRun>> = {
  "seq2seq-full": {
    batching: BATCHING,
    epochs: 24,
    accumulation: 2,
    optimizer: { kind: "adamw" },
    learningRate: 1e-2,
  },
  "seq2seq-lora": {
    batching: BATCHING,
    epochs: 24,
    accumulation: 1,
    optimizer: { kind: "lion" },
    learningRate: 6e-3,
    adapter: { name: "city", rank: 8, alpha: 16, dropout: 0.05, targets: "all-linear" },
  },
};

export function prepareSeq2Seq(name: string, outputFolder: string) {
  const run = SEQ2SEQ_RUNS[name]!;
  const task = createSeq2SeqTask(model, examples, { ...run, seed: 5, paddingId: 0 });
  const base = initialiseParameters(model.specs, 3);
  const own = run.adapter ? initialiseLora(base, model.specs, run.adapter, 4) : {};
  const parameters: Parameters = { ...base, ...own };
  return { task, parameters, settings: settingsOf(task, run, name, outputFolder) };
}
