/** The models, batches and tasks of the train-step benchmarks; bench/peers/torch_train_step.py has the same shapes. */
import type { RegionKind, Value } from "../../src/graph/ir.ts";
import { vocabularyCrossEntropy } from "../../src/losses/index.ts";
import {
  createCausalModel,
  createEncoderModel,
  maskedCrossEntropy,
  maskedLanguageSpecs,
} from "../../src/models/index.ts";
import { MASKED_BIAS } from "../../src/nn/attention.ts";
import { type LoraConfig, loraSpecs, withLora } from "../../src/nn/index.ts";
import type { Feeds } from "../../src/runtime/index.ts";
import { float32, int32 } from "../../src/tensor/host-tensor.ts";
import type { TrainingTask } from "../../src/train/index.ts";

const MINILM = {
  model_type: "bert",
  vocab_size: 30_522,
  hidden_size: 384,
  num_hidden_layers: 6,
  num_attention_heads: 12,
  intermediate_size: 1536,
  max_position_embeddings: 512,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
};

/** ModernBERT-base; dropout is 0 by its own configuration. */
const MODERNBERT = {
  model_type: "modernbert",
  vocab_size: 50_368,
  hidden_size: 768,
  num_hidden_layers: 22,
  num_attention_heads: 12,
  intermediate_size: 1152,
  max_position_embeddings: 8192,
  local_attention: 128,
  global_attn_every_n_layers: 3,
};

const SMOLLM2 = {
  model_type: "llama",
  vocab_size: 49_152,
  hidden_size: 576,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  intermediate_size: 1536,
  max_position_embeddings: 2048,
  rope_theta: 10_000,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

const DECODER_30M = {
  ...SMOLLM2,
  vocab_size: 32_000,
  hidden_size: 384,
  num_hidden_layers: 10,
  num_attention_heads: 6,
  num_key_value_heads: 6,
  intermediate_size: 1024,
};

/** Every projection of a layer, as is usual for instruction tuning. */
const LORA: LoraConfig = { name: "default", rank: 16, alpha: 32, targets: "all-linear" };

const someIds = (count: number, vocabulary: number): Int32Array =>
  Int32Array.from({ length: count }, (_, index) => (index * 7919 + 13) % vocabulary);

/** Masked language modelling on rows without padding, 15 % of the tokens labelled. */
function encoderTask(
  config: Readonly<Record<string, unknown>>,
  [batch, tokens]: readonly [number, number],
): TrainingTask {
  const model = createEncoderModel(config);
  const { vocabularySize } = model.config;
  const labelled = Math.round(0.15 * batch * tokens);
  const feeds: Feeds = {
    ids: int32([batch, tokens], someIds(batch * tokens, vocabularySize)),
    positions: int32(
      [batch, tokens],
      Int32Array.from({ length: batch * tokens }, (_, flat) => flat % tokens),
    ),
    bias: float32([batch, 1, 1, tokens]),
    where: int32(
      [labelled],
      Int32Array.from({ length: labelled }, (_, index) => Math.floor((index * batch * tokens) / labelled)),
    ),
    labels: int32([labelled], someIds(labelled, vocabularySize)),
    scale: float32([], [1 / labelled]),
  };
  return {
    specs: maskedLanguageSpecs(model),
    build: (graph, parameters) => {
      const ids = (name: string): Value => graph.input(name, "int32", [batch, tokens]);
      const inputs = {
        inputIds: ids("ids"),
        positionIds: ids("positions"),
        attentionBias: graph.input("bias", "float32", [batch, 1, 1, tokens]),
        positions: tokens,
      };
      const hidden = model.encode(parameters, inputs, { isTraining: true });
      const loss = maskedCrossEntropy(model, parameters, hidden, {
        positions: graph.input("where", "int32", [labelled]),
        labels: graph.input("labels", "int32", [labelled]),
        scale: graph.input("scale", "float32", []),
      });
      return { loss, metrics: {} };
    },
    microBatches: () => [{ bucket: {}, feeds, recordIds: [] }],
  };
}

function decoderTask(
  config: Readonly<Record<string, unknown>>,
  [batch, tokens]: readonly [number, number],
  adapter?: LoraConfig,
): TrainingTask {
  const model = createCausalModel(config);
  const adapterSpecs = adapter ? loraSpecs(model.specs, adapter) : {};
  const { vocabularySize } = model.config;
  const causal = Float32Array.from({ length: tokens * tokens }, (_, flat) =>
    flat % tokens > Math.floor(flat / tokens) ? MASKED_BIAS : 0,
  );
  const feeds: Feeds = {
    ids: int32([batch, tokens], someIds(batch * tokens, vocabularySize)),
    positions: int32(
      [batch, tokens],
      Int32Array.from({ length: batch * tokens }, (_, flat) => flat % tokens),
    ),
    bias: float32([1, 1, tokens, tokens], causal),
    labels: int32([batch * tokens], someIds(batch * tokens + 1, vocabularySize).subarray(1)),
    scale: float32([], [1 / (batch * tokens)]),
  };
  return {
    specs: { ...model.specs, ...adapterSpecs },
    ...(adapter && { trainable: Object.keys(adapterSpecs) }),
    build: (graph, declared) => {
      const parameters = withLora(declared, model.specs, adapter ? [adapter] : [], { isTraining: true });
      const ids = (name: string): Value => graph.input(name, "int32", [batch, tokens]);
      const hidden = model.decoder(parameters, {
        inputIds: ids("ids"),
        positionIds: ids("positions"),
        attentionBias: graph.input("bias", "float32", [1, 1, tokens, tokens]),
        isCausalByPlace: true,
      });
      const loss = vocabularyCrossEntropy({
        hidden,
        labels: graph.input("labels", "int32", [batch * tokens]),
        weight: model.head(parameters),
        scale: graph.input("scale", "float32", []),
      });
      return { loss, metrics: {} };
    },
    microBatches: () => [{ bucket: {}, feeds, recordIds: [] }],
  };
}

const SHAPES: Readonly<Record<string, () => TrainingTask>> = {
  minilm: () => encoderTask(MINILM, [32, 128]),
  modernbert: () => encoderTask(MODERNBERT, [8, 256]),
  smollm2: () => decoderTask(SMOLLM2, [4, 256]),
  "smollm2-lora": () => decoderTask(SMOLLM2, [4, 256], LORA),
  "decoder-30m": () => decoderTask(DECODER_30M, [8, 256]),
};

/** The task of a shape, with regions computed twice where asked for. */
export function trainStepTask(shape: string, recompute: readonly RegionKind[]): TrainingTask {
  const make = SHAPES[shape];
  if (!make) throw new Error(`unknown shape "${shape}"; known: ${Object.keys(SHAPES).join(", ")}`);
  return { ...make(), recompute };
}
