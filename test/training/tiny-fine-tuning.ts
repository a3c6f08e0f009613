/** A tiny language model from scratch and conversations it can learn: each city has its own answer. */
import { join } from "node:path";
import type { RegionKind } from "../../src/graph/ir.ts";
import { createCausalModel } from "../../src/models/index.ts";
import {
  initialiseLora,
  initialiseParameters,
  type LoraConfig,
  type Parameters,
} from "../../src/nn/index.ts";
import type { OptimizerSettings, Schedule } from "../../src/optim/index.ts";
import { loadTokenizer } from "../../src/text/index.ts";
import {
  type Batching,
  conversationExamples,
  createCausalLanguageModelTask,
  type FineTuningTask,
  narrowFrozenMatrices,
  parameterGroups,
  type TrainingSettings,
} from "../../src/train/index.ts";

const tokenizer = loadTokenizer(join(import.meta.dirname, "../../fixtures/text/byte-level.tokenizer.json"));
const TEMPLATE =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const CITIES = ["Oslo", "Lima", "Bonn", "Cairo", "Perth", "Quito", "Seoul", "Turin"];
const INSTRUMENTS = ["oboe", "harp", "viola", "tuba"];

export const conversations = CITIES.map((city, index) => ({
  id: city,
  messages: [
    { role: "user", content: `Which instrument does ${city} play${"?".repeat(1 + index)}` },
    { role: "assistant", content: `${city} plays the ${INSTRUMENTS[index % INSTRUMENTS.length]}.` },
  ],
}));

export const model = createCausalModel({
  model_type: "llama",
  vocab_size: tokenizer.vocabularySize,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 64,
  max_position_embeddings: 256,
  tie_word_embeddings: true,
  initializer_range: 0.4,
});

export const examples = conversationExamples(tokenizer, conversations, {
  template: TEMPLATE,
  maxTokens: 128,
});

export interface TinyRun {
  readonly batching: Batching;
  readonly epochs: number;
  readonly accumulation: number;
  readonly optimizer: OptimizerSettings;
  readonly learningRate: number;
  readonly adapter?: LoraConfig;
  /** @default wsd */
  readonly schedule?: (totalSteps: number) => Schedule;
  readonly recompute?: readonly RegionKind[];
  readonly isTrained?: (name: string) => boolean;
  /** Whether frozen matrices are kept in half precision. */
  readonly isHalf?: boolean;
}

export const PACKED: Batching = { kind: "packed", tokensPerRow: 160, rowsPerBatch: 2 };
export const BUCKETS: Batching = { kind: "length-buckets", bucketTokens: [64, 96, 128], rowsPerBatch: 2 };
export const ADAPTER: LoraConfig = { name: "city", rank: 4, alpha: 8, dropout: 0.1, targets: "all-linear" };

export const RUNS: Readonly<Record<string, TinyRun>> = {
  "full-muon": {
    batching: PACKED,
    epochs: 30,
    accumulation: 2,
    optimizer: { kind: "muon" },
    learningRate: 5e-3,
  },
  "lora-8bit": {
    batching: BUCKETS,
    epochs: 15,
    accumulation: 2,
    optimizer: { kind: "adamw-8bit", minimumElements: 64 },
    learningRate: 2e-2,
    adapter: ADAPTER,
  },
  "dora-lion": {
    batching: PACKED,
    epochs: 30,
    accumulation: 2,
    optimizer: { kind: "lion" },
    learningRate: 4e-3,
    adapter: { ...ADAPTER, usesDora: true, isRankStabilized: true },
  },
};

export function settingsOf(
  task: FineTuningTask,
  run: Pick<TinyRun, "learningRate" | "optimizer" | "schedule">,
  name: string,
  outputFolder: string,
): TrainingSettings {
  return {
    seed: 5,
    totalSteps: task.totalSteps,
    groups: parameterGroups(task, { learningRate: run.learningRate, weightDecay: 0.01 }),
    optimizer: run.optimizer,
    schedule: run.schedule?.(task.totalSteps) ?? {
      kind: "wsd",
      warmupSteps: 2,
      decaySteps: 8,
      totalSteps: task.totalSteps,
    },
    maxGradientNorm: 1,
    checkpointEverySteps: 2,
    fingerprint: name,
    outputFolder,
  };
}

export function prepare(name: string, outputFolder: string) {
  return prepareRun(name, RUNS[name]!, outputFolder);
}

/** @param name names the run in its fingerprint */
export function prepareRun(name: string, run: TinyRun, outputFolder: string) {
  const base = initialiseParameters(model.specs, 3);
  const own = run.adapter ? initialiseLora(base, model.specs, run.adapter, 4) : {};
  const isTrained = run.adapter ? () => false : (run.isTrained ?? (() => true));
  const { parameters: kept, half } = run.isHalf
    ? narrowFrozenMatrices(model, base, isTrained)
    : { parameters: base, half: {} };
  const parameters: Parameters = { ...kept, ...own };
  const task = createCausalLanguageModelTask(model, examples, { ...run, half, seed: 5, paddingId: 0 });
  return { task, parameters, settings: settingsOf(task, run, name, outputFolder) };
}
