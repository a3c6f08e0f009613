/** The models, batches and tasks of the train-step benchmarks; bench/peers/torch_train_step.py has the same shapes. */
import * as ops from "../../src/graph/functions.ts";
import type { RegionKind, Value } from "../../src/graph/ir.ts";
import { vocabularyCrossEntropy } from "../../src/losses/index.ts";
import {
  type BertConfig,
  bertEncoder,
  bertMlmHeadSpecs,
  bertMlmTransform,
  bertSpecs,
  createCausalModel,
} from "../../src/models/index.ts";
import { MASKED_BIAS } from "../../src/nn/attention.ts";
import { type LoraConfig, loraSpecs, type ParameterSpecs, withLora } from "../../src/nn/index.ts";
import type { Feeds } from "../../src/runtime/index.ts";
import { float32, int32, zeros } from "../../src/tensor/host-tensor.ts";
import type { TrainingTask } from "../../src/train/index.ts";

const MINILM: BertConfig = {
  vocabularySize: 30_522,
  hiddenSize: 384,
  numLayers: 6,
  numHeads: 12,
  intermediateSize: 1536,
  maxPositions: 512,
  tokenTypes: 2,
  layerNormEpsilon: 1e-12,
  hiddenDropout: 0,
  attentionDropout: 0,
  initializerRange: 0.02,
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

function minilmTask(): TrainingTask {
  const [batch, tokens] = [32, 128];
  const labelled = Math.round(0.15 * batch * tokens);
  const specs: ParameterSpecs = { ...bertSpecs(MINILM, "bert."), ...bertMlmHeadSpecs(MINILM) };
  const feeds: Feeds = {
    ids: int32([batch, tokens], someIds(batch * tokens, MINILM.vocabularySize)),
    positions: int32(
      [batch, tokens],
      Int32Array.from({ length: batch * tokens }, (_, flat) => flat % tokens),
    ),
    types: zeros("int32", [batch, tokens]),
    bias: float32([batch, 1, 1, tokens]),
    where: int32(
      [labelled],
      Int32Array.from({ length: labelled }, (_, index) => Math.floor((index * batch * tokens) / labelled)),
    ),
    labels: int32([labelled], someIds(labelled, MINILM.vocabularySize)),
    scale: float32([], [1 / labelled]),
  };
  return {
    specs,
    build: (graph, parameters) => {
      const ids = (name: string): Value => graph.input(name, "int32", [batch, tokens]);
      const attentionBias = graph.input("bias", "float32", [batch, 1, 1, tokens]);
      const inputs = {
        inputIds: ids("ids"),
        positionIds: ids("positions"),
        tokenTypeIds: ids("types"),
        attentionBias,
      };
      const hidden = bertEncoder(MINILM, parameters, inputs, { isTraining: true, prefix: "bert." });
      const flat = ops.reshape(hidden, [batch * tokens, MINILM.hiddenSize]);
      const loss = vocabularyCrossEntropy({
        hidden: bertMlmTransform(
          MINILM,
          parameters,
          ops.gatherRows(flat, graph.input("where", "int32", [labelled])),
        ),
        labels: graph.input("labels", "int32", [labelled]),
        weight: parameters("bert.embeddings.word_embeddings.weight"),
        bias: parameters("cls.predictions.bias"),
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
  minilm: minilmTask,
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
