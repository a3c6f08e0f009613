import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Graph } from "../graph/ir.ts";
import { attention } from "../nn/attention.ts";
import { causalBias, slidingWindowBias } from "../nn/masks.ts";
import { declareParameters, initialiseParameters, type Parameters } from "../nn/parameters.ts";
import { createOrtBackend } from "../runtime/index.ts";
import { evaluateReference } from "../runtime/reference/index.ts";
import { TuttiError } from "../support/errors.ts";
import { int32 } from "../tensor/host-tensor.ts";
import { writeSafetensors } from "../weights/index.ts";
import { createCausalModel } from "./causal-families.ts";
import type { Attend, CausalModel } from "./causal-model.ts";
import { adoptCausalParameters, loadCausalModel } from "./causal-weights.ts";
import { lastTokenWeights, readLabelCount } from "./sequence-classification.ts";

const SIZES = {
  vocab_size: 20,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 4,
  intermediate_size: 12,
  max_position_embeddings: 16,
};
const GPT2_SIZES = { vocab_size: 20, n_embd: 8, n_layer: 2, n_head: 2, n_positions: 16 };
const config = (modelType: string, keys: Record<string, unknown> = {}) => ({
  model_type: modelType,
  ...SIZES,
  ...keys,
});

function thrownBy(run: () => unknown): { code: unknown; key?: unknown; message: string } {
  try {
    run();
  } catch (error) {
    if (TuttiError.is(error)) return { code: error.code, key: error.details.key, message: error.message };
    throw error;
  }
  return { code: "nothing", message: "" };
}

describe("config.json", () => {
  test.each<[string, Record<string, unknown>, string]>([
    ["llama", { hidden_act: "gelu" }, "hidden_act"],
    ["llama", { attention_bias: "yes" }, "attention_bias"],
    ["llama", { num_key_value_heads: 3 }, "num_key_value_heads"],
    ["llama", { head_dim: 3 }, "head_dim"],
    ["llama", { head_dim: undefined, hidden_size: 9 }, "head_dim"],
    ["llama", { hidden_size: 0 }, "hidden_size"],
    ["llama", { vocab_size: undefined }, "vocab_size"],
    ["llama", { quantization_config: { quant_method: "gptq" } }, "quantization_config"],
    ["llama", { add_cross_attention: true }, "add_cross_attention"],
    ["llama", { is_encoder_decoder: true }, "is_encoder_decoder"],
    ["llama", { pruned_heads: { 0: [1] } }, "pruned_heads"],
    ["llama", { attention_dropout: 1 }, "attention_dropout"],
    ["llama", { tie_word_embeddings: 1 }, "tie_word_embeddings"],
    ["mistral", { sliding_window: 2.5 }, "sliding_window"],
    ["mistral", { sliding_window: -1 }, "sliding_window"],
    ["mistral", { hidden_act: "relu" }, "hidden_act"],
    ["qwen2", { hidden_act: "gelu" }, "hidden_act"],
    ["qwen2", { use_sliding_window: 1 }, "use_sliding_window"],
    ["qwen2", { layer_types: ["full_attention"] }, "layer_types"],
    ["qwen2", { layer_types: ["full_attention", "chunked_attention"] }, "layer_types"],
    ["qwen2", { layer_types: ["full_attention", "sliding_attention"] }, "sliding_window"],
    ["qwen3", { attention_bias: 1 }, "attention_bias"],
    ["qwen3", { rope_scaling: { rope_type: "mrope" } }, "rope_type"],
    ["qwen2_moe", {}, "model_type"],
    ["gemma3_text", { hidden_activation: "gelu" }, "hidden_activation"],
    ["gemma3_text", { use_bidirectional_attention: true }, "use_bidirectional_attention"],
    ["gemma3_text", { attn_logit_softcapping: 50 }, "attn_logit_softcapping"],
    ["gemma3_text", { final_logit_softcapping: 0 }, "final_logit_softcapping"],
    ["gemma3_text", { query_pre_attn_scalar: -1 }, "query_pre_attn_scalar"],
    ["gemma3_text", { sliding_window: null }, "sliding_window"],
    ["gemma3_text", { sliding_window_pattern: 0 }, "sliding_window_pattern"],
    ["gemma3_text", { rope_parameters: { rope_theta: 1e4 } }, "rope_theta"],
    ["gemma2", { attn_logit_softcapping: "50" }, "attn_logit_softcapping"],
    ["gemma2", { hidden_activation: "relu" }, "hidden_activation"],
    ["gemma2", { use_bidirectional_attention: true }, "use_bidirectional_attention"],
    ["gpt2", { ...GPT2_SIZES, activation_function: "swish" }, "activation_function"],
    ["gpt2", { ...GPT2_SIZES, n_head: 3 }, "n_embd"],
    ["gpt2", { ...GPT2_SIZES, n_layer: undefined }, "n_layer"],
    ["gpt2", { ...GPT2_SIZES, add_cross_attention: true }, "add_cross_attention"],
    ["gpt2", { ...GPT2_SIZES, scale_attn_weights: 0 }, "scale_attn_weights"],
    ["gpt2", { ...GPT2_SIZES, attn_pdrop: 1.5 }, "attn_pdrop"],
    ["gemma3", {}, "model_type"],
    ["bloom", {}, "model_type"],
    ["toString", {}, "model_type"],
  ])("%s with %j is refused, naming %s", (modelType, keys, key) => {
    const thrown = thrownBy(() => createCausalModel(config(modelType, keys)));
    expect([thrown.code, thrown.key]).toEqual(["MODEL_CONFIG_UNSUPPORTED", key]);
    expect(thrown.message).toContain(`"${key}"`);
  });

  test("absent keys take the values of the transformers class", () => {
    const { num_key_value_heads: _heads, ...plain } = config("mistral", {
      num_attention_heads: 16,
      head_dim: undefined,
      hidden_size: 64,
    });
    expect(createCausalModel(plain).config).toMatchObject({
      numKeyValueHeads: 8,
      headWidth: 4,
      hasTiedEmbeddings: false,
      layerWindows: [4096, 4096],
    });
    expect(createCausalModel({ ...plain, num_key_value_heads: null }).config.numKeyValueHeads).toBe(16);
    expect(createCausalModel({ ...plain, sliding_window: null }).config.layerWindows).toEqual([
      undefined,
      undefined,
    ]);
  });
});

test("layers that slide: by number, by list, and cut to the first layers", () => {
  const windows = (keys: Record<string, unknown>) =>
    createCausalModel(config("qwen2", { sliding_window: 3, num_hidden_layers: 3, ...keys })).config
      .layerWindows;
  expect(windows({ max_window_layers: 1 })).toEqual([undefined, undefined, undefined]);
  expect(windows({ use_sliding_window: true, max_window_layers: 1 })).toEqual([undefined, 3, 3]);
  const layer_types = ["sliding_attention", "full_attention", "sliding_attention", "sliding_attention"];
  expect(windows({ use_sliding_window: true, layer_types })).toEqual([3, undefined, 3]);
});

test("Gemma 2: absent caps are those of the class, null ones are none", () => {
  const caps = (keys: Record<string, unknown>) => createCausalModel(config("gemma2", keys)).config;
  expect(caps({})).toMatchObject({ finalSoftcap: 30, scoreSoftcap: 50, layerWindows: [4096, undefined] });
  expect(caps({ final_logit_softcapping: null, attn_logit_softcapping: null })).toMatchObject({
    finalSoftcap: undefined,
    scoreSoftcap: undefined,
  });
});

test("Gemma 3: every sixth layer is global, with its own rotary base", () => {
  const { config: parsed } = createCausalModel(
    config("gemma3_text", {
      num_hidden_layers: 7,
      sliding_window: 5,
      rope_scaling: { rope_type: "linear", factor: 8 },
    }),
  );
  expect(parsed).toMatchObject({
    layerWindows: [5, 5, 5, 5, 5, undefined, 5],
    globalRotary: { kind: "linear", theta: 1_000_000, factor: 8 },
    localRotary: { kind: "default", theta: 10_000 },
    hasTiedEmbeddings: true,
    scoreScale: 1 / 16,
  });
});

describe("weights", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-causal-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const tied = createCausalModel(config("llama", { tie_word_embeddings: true }));

  const save = (parameters: Parameters): void => {
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify(config("llama", { tie_word_embeddings: true })),
    );
    writeSafetensors(
      join(folder, "model.safetensors"),
      Object.entries(parameters).map(([name, { shape, data }]) => ({ name, dtype: "F32", shape, data })),
    );
  };

  test("bare names, tied copies and derived tensors of older checkpoints are put right", () => {
    const parameters = initialiseParameters(tied.specs, 1);
    const stored: Record<string, Parameters[string]> = {};
    for (const [name, tensor] of Object.entries(parameters)) stored[name.replace(/^model\./, "")] = tensor;
    stored["lm_head.weight"] = parameters["model.embed_tokens.weight"]!;
    stored["layers.0.self_attn.rotary_emb.inv_freq"] = parameters["model.norm.weight"]!;
    save(stored);
    const loaded = loadCausalModel(folder);
    expect(loaded.model.modelType).toBe("llama");
    expect(Object.keys(loaded.parameters).sort()).toEqual(Object.keys(tied.specs).sort());
    expect(loaded.parameters["model.norm.weight"]!.data).toEqual(parameters["model.norm.weight"]!.data);
  });

  test("GPT-2 checkpoints without prefix, with causal masks", () => {
    const model = createCausalModel({ model_type: "gpt2", ...GPT2_SIZES });
    const parameters = initialiseParameters(model.specs, 1);
    const stored: Record<string, Parameters[string]> = {};
    for (const [name, tensor] of Object.entries(parameters))
      stored[name.replace("transformer.", "")] = tensor;
    stored["h.0.attn.bias"] = stored["h.1.attn.masked_bias"] = stored["ln_f.bias"]!;
    expect(Object.keys(adoptCausalParameters(model, stored, "file")).sort()).toEqual(
      Object.keys(model.specs).sort(),
    );
  });

  test("a missing, an extra and a misshapen tensor are named", () => {
    const { "model.norm.weight": norm, ...rest } = initialiseParameters(tied.specs, 1);
    expect(thrownBy(() => adoptCausalParameters(tied, rest, "file")).message).toContain("model.norm.weight");
    const extra = { ...rest, "model.norm.weight": norm!, "model.extra": norm! };
    expect(thrownBy(() => adoptCausalParameters(tied, extra, "file")).message).toContain("model.extra");
    const misshapen = { ...rest, "model.norm.weight": rest["model.embed_tokens.weight"]! };
    expect(thrownBy(() => adoptCausalParameters(tied, misshapen, "file")).code).toBe("WEIGHTS_MISMATCH");
  });

  test("a folder without config.json, and one that is not JSON", () => {
    expect(thrownBy(() => loadCausalModel(join(folder, "none"))).code).toBe("FILE_NOT_FOUND");
    writeFileSync(join(folder, "config.json"), "{");
    expect(thrownBy(() => loadCausalModel(folder)).code).toBe("MODEL_CONFIG_UNSUPPORTED");
  });
});

describe("attention", () => {
  const windowed: CausalModel = createCausalModel(config("mistral", { sliding_window: 2 }));

  test("the window counts positions, not places", () => {
    const graph = new Graph();
    const positions = graph.input("positions", "int32", [1, 4]);
    const bias = graph.constant("float32", [1, 1, 1, 4], Float32Array.of(0, 0, 0, -1e9));
    const [result] = evaluateReference(graph, [slidingWindowBias(bias, positions, positions, 3)], {
      positions: Float64Array.of(5, 2, 3, 4),
    });
    const isSeen = [...result!.data].map((value) => (value === 0 ? 1 : 0));
    // From position 5: itself and 3 (4 is masked by the bias), not 2.
    expect(isSeen).toEqual([1, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0]);
  });

  test("causal bias hides the future and padding of either side", () => {
    const { data } = causalBias(int32([2, 3], [1, 1, 0, 0, 1, 1]));
    const isSeen = Array.from(data, (value) => (value === 0 ? 1 : 0));
    expect(isSeen).toEqual([1, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1]);
  });

  test("a caller's own attention sees every layer, and symbolic shapes run at any size", async () => {
    const parameters = initialiseParameters(windowed.specs, 2);
    const layers: unknown[] = [];
    const build = (isOwn: boolean) => {
      const graph = new Graph();
      const values = declareParameters(graph, windowed.specs);
      const inputIds = graph.input("ids", "int32", ["batch", "tokens"]);
      const positionIds = graph.input("positions", "int32", ["batch", "tokens"]);
      const bias = graph.input("bias", "float32", ["batch", 1, "tokens", "tokens"]);
      const attend: Attend = (layer, q, k, v) => {
        layers.push([layer.index, layer.window, layer.scale]);
        const local = slidingWindowBias(bias, positionIds, positionIds, layer.window!);
        return attention(q, k, v, local, 0, layer);
      };
      const inputs = isOwn
        ? { inputIds, positionIds, attend }
        : { inputIds, positionIds, attentionBias: bias };
      return { graph, hidden: windowed.decoder(values, inputs) };
    };
    const backend = createOrtBackend({ threads: 1 });
    const feeds = {
      ...parameters,
      ids: int32([1, 4], [3, 1, 4, 1]),
      positions: int32([1, 4], [0, 1, 2, 3]),
      bias: causalBias(int32([1, 4], [1, 1, 1, 1])),
    };
    const [own, usual] = await Promise.all(
      [true, false].map(async (isOwn) => {
        const { graph, hidden } = build(isOwn);
        const executable = await backend.compile(graph, { hidden });
        const { hidden: result } = await executable.run(feeds);
        await executable.dispose();
        return result!;
      }),
    );
    expect(layers).toEqual([
      [0, 2, 0.5],
      [1, 2, 0.5],
    ]);
    expect(own!.shape).toEqual([1, 4, 8]);
    expect(own!.data).toEqual(usual!.data);
  });
});

describe("dropout", () => {
  test.each([
    [
      "gpt2",
      { ...GPT2_SIZES, embd_pdrop: 0.3, attn_pdrop: 0.2, resid_pdrop: 0.1 },
      [0.3, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1],
    ],
    ["qwen3", { attention_dropout: 0.25 }, [0.25, 0.25]],
    ["gemma2", { attention_dropout: 0.25 }, [0.25, 0.25]],
  ])("%s: in training only", (modelType, keys, expected) => {
    const model = createCausalModel(config(modelType, keys));
    const probabilities = (isTraining: boolean): number[] => {
      const graph = new Graph();
      const ids = graph.input("ids", "int32", [1, 3]);
      const attentionBias = graph.input("bias", "float32", [1, 1, 3, 3]);
      const values = declareParameters(graph, model.specs);
      model.decoder(values, { inputIds: ids, positionIds: ids, attentionBias }, { isTraining });
      return graph.inputs.flatMap(({ source }) =>
        source.origin === "input" && source.kind === "keep-mask" ? [source.dropProbability] : [],
      );
    };
    expect(probabilities(true)).toEqual(expected);
    expect(probabilities(false)).toEqual([]);
  });
});

describe("sequence classification", () => {
  test("the last token that is not padding, whichever side is padded", () => {
    const ids = int32([4, 3], [5, 6, 0, 0, 5, 6, 0, 0, 0, 5, 0, 6]);
    expect([...lastTokenWeights(ids, 0).data]).toEqual([0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1]);
    expect([...lastTokenWeights(ids, undefined).data]).toEqual([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1]);
  });

  test("the number of labels", () => {
    expect(readLabelCount({})).toBe(2);
    expect(readLabelCount({ num_labels: 5 })).toBe(5);
    expect(readLabelCount({ id2label: { 0: "a", 1: "b", 2: "c" } })).toBe(3);
    expect(thrownBy(() => readLabelCount({ id2label: {} })).key).toBe("id2label");
  });
});
