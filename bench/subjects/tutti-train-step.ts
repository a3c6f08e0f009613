/** Tutti's side of the train-step benchmarks: the same compiled step, clipping and AdamW that training uses. */
import { createInterface } from "node:readline";
import * as ops from "../../src/graph/functions.ts";
import type { Value } from "../../src/graph/ir.ts";
import { vocabularyCrossEntropy } from "../../src/losses/index.ts";
import {
  type BertConfig,
  bertEncoder,
  bertMlmHeadSpecs,
  bertMlmTransform,
  bertSpecs,
  llamaDecoder,
  llamaHead,
  llamaSpecs,
  parseLlamaConfig,
} from "../../src/models/index.ts";
import { MASKED_BIAS } from "../../src/nn/attention.ts";
import { initialiseParameters, type ParameterSpecs } from "../../src/nn/index.ts";
import { adamWStep, clipFactor, createAdamWState, globalNorm } from "../../src/optim/index.ts";
import { createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { type Float32Tensor, float32, int32, zeros } from "../../src/tensor/host-tensor.ts";
import { CompiledSteps, type TrainingTask } from "../../src/train/index.ts";

const WARMUP_STEPS = 2;

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

const SMOLLM2 = parseLlamaConfig({
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
});

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

function smollm2Task(): TrainingTask {
  const [batch, tokens] = [4, 256];
  const specs = llamaSpecs(SMOLLM2);
  const causal = Float32Array.from({ length: tokens * tokens }, (_, flat) =>
    flat % tokens > Math.floor(flat / tokens) ? MASKED_BIAS : 0,
  );
  const feeds: Feeds = {
    ids: int32([batch, tokens], someIds(batch * tokens, SMOLLM2.vocabularySize)),
    positions: int32(
      [batch, tokens],
      Int32Array.from({ length: batch * tokens }, (_, flat) => flat % tokens),
    ),
    bias: float32([1, 1, tokens, tokens], causal),
    labels: int32([batch * tokens], someIds(batch * tokens + 1, SMOLLM2.vocabularySize).subarray(1)),
    scale: float32([], [1 / (batch * tokens)]),
  };
  return {
    specs,
    build: (graph, parameters) => {
      const ids = (name: string): Value => graph.input(name, "int32", [batch, tokens]);
      const attentionBias = graph.input("bias", "float32", [1, 1, tokens, tokens]);
      const hidden = llamaDecoder(SMOLLM2, parameters, {
        inputIds: ids("ids"),
        positionIds: ids("positions"),
        attentionBias,
      });
      const loss = vocabularyCrossEntropy({
        hidden,
        labels: graph.input("labels", "int32", [batch * tokens]),
        weight: llamaHead(SMOLLM2, parameters),
        scale: graph.input("scale", "float32", []),
      });
      return { loss, metrics: {} };
    },
    microBatches: () => [{ bucket: {}, feeds, recordIds: [] }],
  };
}

const [shape = "", , threads = "2"] = process.argv.slice(2);
const task = shape === "minilm" ? minilmTask() : smollm2Task();
const parameters = initialiseParameters(task.specs, 0);
const data = (tensors: Readonly<Record<string, Float32Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.data]));
const gradients = Object.fromEntries(
  Object.entries(parameters).map(([name, tensor]) => [name, zeros("float32", tensor.shape) as Float32Tensor]),
);
const names = Object.keys(task.specs);
const groups = [
  { names: names.filter((name) => task.specs[name]!.decays), learningRate: 1e-4, weightDecay: 0.01 },
  { names: names.filter((name) => !task.specs[name]!.decays), learningRate: 1e-4, weightDecay: 0 },
];
const [parameterData, gradientData] = [data(parameters), data(gradients)];
const state = createAdamWState(groups, parameterData);
const steps = new CompiledSteps(task, createOrtBackend({ threads: Number(threads) }));

async function step(): Promise<void> {
  const [batch] = task.microBatches(0);
  await steps.run(batch!, parameters, gradients, { seed: 0, counter: 0 });
  const norm = globalNorm(Object.values(gradientData));
  adamWStep(groups, parameterData, gradientData, state, {
    gradientScale: clipFactor(norm, 1),
    multiplier: 1,
  });
}

for (let warmup = 0; warmup < WARMUP_STEPS; warmup++) await step();
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "round") continue;
  const startedAt = performance.now();
  await step();
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(
    `${JSON.stringify({ seconds, peakRssBytes: process.resourceUsage().maxRSS * 1024 })}\n`,
  );
}
