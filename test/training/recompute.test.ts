/** Regions made again in the backward pass: the same loss and gradients, bit for bit, in every model family. */
import { expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import * as ops from "../../src/graph/functions.ts";
import { Graph, type RegionKind, type Value } from "../../src/graph/ir.ts";
import { vocabularyCrossEntropy } from "../../src/losses/index.ts";
import {
  createCausalModel,
  createEncoderModel,
  createSeq2SeqModel,
  seq2SeqCrossEntropy,
} from "../../src/models/index.ts";
import { declareParameters, initialiseParameters, type ParameterSpecs } from "../../src/nn/index.ts";
import { createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { int32, zeros } from "../../src/tensor/host-tensor.ts";

const [BATCH, TOKENS] = [2, 6];
const SIZES = {
  vocab_size: 48,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 24,
  max_position_embeddings: 32,
};
const DECODER = { ...SIZES, num_key_value_heads: 2, head_dim: 4, rms_norm_eps: 1e-6, rope_theta: 10_000 };
const GEMMA = {
  ...DECODER,
  hidden_activation: "gelu_pytorch_tanh",
  query_pre_attn_scalar: 4,
  sliding_window: 4,
};

const ids = Int32Array.from({ length: BATCH * TOKENS }, (_, index) => (index * 7 + 3) % SIZES.vocab_size);
const feeds: Feeds = {
  ids: int32([BATCH, TOKENS], ids),
  positions: int32(
    [BATCH, TOKENS],
    ids.map((_, index) => index % TOKENS),
  ),
  bias: zeros("float32", [BATCH, 1, TOKENS, TOKENS]),
  labels: int32([BATCH * TOKENS], ids),
};

function inputsOf(graph: Graph) {
  return {
    inputIds: graph.input("ids", "int32", [BATCH, TOKENS]),
    positionIds: graph.input("positions", "int32", [BATCH, TOKENS]),
    attentionBias: graph.input("bias", "float32", [BATCH, 1, TOKENS, TOKENS]),
  };
}

type Build = (graph: Graph, parameters: (name: string) => Value) => Value;

function decoder(config: Record<string, unknown>): { specs: ParameterSpecs; build: Build } {
  const model = createCausalModel(config);
  return {
    specs: model.specs,
    build: (graph, parameters) =>
      vocabularyCrossEntropy({
        hidden: model.decoder(parameters, inputsOf(graph), { isTraining: false }),
        labels: graph.input("labels", "int32", [BATCH * TOKENS]),
        weight: model.head(parameters),
        scale: graph.scalar(1 / (BATCH * TOKENS)),
      }),
  };
}

function encoder(config: Record<string, unknown>): { specs: ParameterSpecs; build: Build } {
  const model = createEncoderModel(config);
  return {
    specs: model.specs,
    build: (graph, parameters) => {
      const hidden = model.encode(parameters, inputsOf(graph));
      return ops.sumAll(ops.mul(hidden, ops.tanh(hidden)));
    },
  };
}

function encoderDecoder(): { specs: ParameterSpecs; build: Build } {
  const model = createSeq2SeqModel({
    model_type: "t5",
    vocab_size: SIZES.vocab_size,
    d_model: 16,
    d_kv: 4,
    d_ff: 24,
    num_layers: 2,
    num_heads: 4,
    feed_forward_proj: "gated-gelu",
  });
  return {
    specs: model.specs,
    build: (graph, parameters) => {
      const inputs = inputsOf(graph);
      const memory = model.encode(parameters, inputs);
      const hidden = model.decode(parameters, memory, { ...inputs, memoryBias: inputs.attentionBias });
      return seq2SeqCrossEntropy(model, parameters, hidden, {
        labels: graph.input("labels", "int32", [BATCH * TOKENS]),
        scale: graph.scalar(1 / (BATCH * TOKENS)),
      });
    },
  };
}

async function run(
  { specs, build }: { specs: ParameterSpecs; build: Build },
  recompute: readonly RegionKind[],
) {
  const graph = new Graph();
  const parameters = declareParameters(graph, specs);
  const loss = build(graph, parameters);
  const names = Object.keys(specs);
  const values = gradients(loss, names.map(parameters), recompute);
  const outputs = Object.fromEntries(names.map((name, index) => [`gradient.${name}`, values[index]!]));
  const executable = await createOrtBackend({ threads: 1 }).compile(graph, { loss, ...outputs });
  const used = new Set(graph.inputs.map(({ source }) => (source.origin === "input" ? source.name : "")));
  const given = Object.fromEntries(Object.entries(feeds).filter(([name]) => used.has(name)));
  const results = await executable.run({ ...initialiseParameters(specs, 1), ...given });
  await executable.dispose();
  return { results, nodes: graph.nodes.length };
}

test.each([
  ["bert", encoder({ ...SIZES, model_type: "bert" })],
  [
    "modernbert",
    encoder({ ...SIZES, model_type: "modernbert", local_attention: 4, global_attn_every_n_layers: 2 }),
  ],
  ["t5", encoderDecoder()],
  ["llama", decoder({ ...DECODER, model_type: "llama" })],
  ["qwen3", decoder({ ...DECODER, model_type: "qwen3" })],
  ["gemma2", decoder({ ...GEMMA, model_type: "gemma2" })],
  ["gemma3_text", decoder({ ...GEMMA, model_type: "gemma3_text" })],
  [
    "gpt2",
    decoder({ model_type: "gpt2", vocab_size: 48, n_embd: 16, n_layer: 2, n_head: 4, n_positions: 32 }),
  ],
])("%s", async (_name, model) => {
  const kept = await run(model, []);
  for (const kind of ["attention", "layer"] as const) {
    const again = await run(model, [kind]);
    expect(again.nodes).toBeGreaterThan(kept.nodes);
    expect(again.results).toEqual(kept.results);
  }
});
