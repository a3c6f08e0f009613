import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Graph } from "../graph/ir.ts";
import { MASKED_BIAS } from "../nn/attention.ts";
import { localWindowBias, paddingBias } from "../nn/masks.ts";
import {
  declareParameters,
  initialiseParameters,
  type ParameterSpecs,
  type Parameters,
} from "../nn/parameters.ts";
import { firstTokenWeights, meanTokenWeights } from "../nn/token-pooling.ts";
import { evaluateReference } from "../runtime/reference/index.ts";
import { TuttiError } from "../support/errors.ts";
import { int32 } from "../tensor/host-tensor.ts";
import { writeSafetensors } from "../weights/index.ts";
import { describeModel } from "./describe-model.ts";
import { createEncoderModel, maskedLanguageSpecs } from "./encoder-families.ts";
import { loadEncoderModel, loadMaskedLanguageModel } from "./encoder-weights.ts";
import { openModelFiles } from "./model-files.ts";
import { type ModernBertConfig, parseModernBertConfig } from "./modernbert.ts";
import { createSequenceClassifier, loadSequenceClassifier } from "./sequence-classification.ts";

const SIZES = {
  vocab_size: 20,
  hidden_size: 8,
  num_hidden_layers: 4,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 16,
};
const config = (modelType: string, keys: Record<string, unknown> = {}) => ({
  model_type: modelType,
  ...SIZES,
  ...keys,
});
const modernBert = (keys: Record<string, unknown>): ModernBertConfig =>
  parseModernBertConfig(config("modernbert", keys));

function thrownBy(run: () => unknown): { code: unknown; key: unknown; message: string } {
  try {
    run();
  } catch (error) {
    if (TuttiError.is(error)) {
      return { code: error.code, key: error.details.key ?? error.details.name, message: error.message };
    }
    throw error;
  }
  return { code: "nothing", key: undefined, message: "" };
}

describe("config.json", () => {
  test.each<[string, Record<string, unknown>, string]>([
    ["bert", { hidden_act: "relu" }, "hidden_act"],
    ["bert", { position_embedding_type: "relative_key" }, "position_embedding_type"],
    ["bert", { is_decoder: true }, "is_decoder"],
    ["bert", { add_cross_attention: true }, "add_cross_attention"],
    ["bert", { quantization_config: { quant_method: "gptq" } }, "quantization_config"],
    ["bert", { pruned_heads: { 0: [1] } }, "pruned_heads"],
    ["bert", { num_attention_heads: 3 }, "num_attention_heads"],
    ["bert", { hidden_dropout_prob: 1 }, "hidden_dropout_prob"],
    ["bert", { tie_word_embeddings: "yes" }, "tie_word_embeddings"],
    ["modernbert", { hidden_activation: "silu" }, "hidden_activation"],
    ["modernbert", { classifier_activation: "relu" }, "classifier_activation"],
    ["modernbert", { classifier_pooling: "max" }, "classifier_pooling"],
    ["modernbert", { vocab_size: undefined }, "vocab_size"],
    ["modernbert", { num_attention_heads: 8 }, "num_attention_heads"],
    ["modernbert", { local_attention: 0 }, "local_attention"],
    ["modernbert", { local_attention: 6, sliding_window: 6 }, "sliding_window"],
    ["modernbert", { global_attn_every_n_layers: 0 }, "global_attn_every_n_layers"],
    ["modernbert", { layer_types: ["full_attention"] }, "layer_types"],
    ["modernbert", { layer_types: Array(4).fill("chunked_attention") }, "layer_types"],
    ["modernbert", { attention_bias: 1 }, "attention_bias"],
    ["modernbert", { mlp_dropout: 1 }, "mlp_dropout"],
    ["modernbert", { rope_scaling: { rope_type: "longrope", factor: 2 } }, "rope_type"],
    ["modernbert", { rope_parameters: { rope_theta: 1e4 } }, "rope_theta"],
    ["modernbert", { partial_rotary_factor: 0.5 }, "partial_rotary_factor"],
    ["modernbert", { quantization_config: {} }, "quantization_config"],
    ["modernbert-decoder", {}, "model_type"],
    ["toString", {}, "model_type"],
  ])("%s with %j is refused, naming %s", (modelType, keys, key) => {
    const thrown = thrownBy(() => createEncoderModel(config(modelType, keys)));
    expect([thrown.code, thrown.key]).toEqual(["MODEL_CONFIG_UNSUPPORTED", key]);
    expect(thrown.message).toContain(`"${key}"`);
  });

  test("the files of BGE embedders and of ModernBERT-base are read as they are", () => {
    const bge = createEncoderModel({
      architectures: ["BertModel"],
      model_type: "bert",
      attention_probs_dropout_prob: 0.1,
      classifier_dropout: null,
      hidden_act: "gelu",
      hidden_dropout_prob: 0.1,
      hidden_size: 384,
      id2label: { 0: "LABEL_0" },
      initializer_range: 0.02,
      intermediate_size: 1536,
      layer_norm_eps: 1e-12,
      max_position_embeddings: 512,
      num_attention_heads: 12,
      num_hidden_layers: 12,
      pad_token_id: 0,
      position_embedding_type: "absolute",
      torch_dtype: "float32",
      type_vocab_size: 2,
      use_cache: true,
      vocab_size: 30_522,
    });
    expect(bge.config).toMatchObject({ tokenTypes: 2, classifierDropout: 0.1, hasTiedEmbeddings: true });
    const base = parseModernBertConfig({
      architectures: ["ModernBertForMaskedLM"],
      model_type: "modernbert",
      attention_bias: false,
      attention_dropout: 0,
      classifier_activation: "gelu",
      classifier_bias: false,
      classifier_dropout: 0,
      classifier_pooling: "mean",
      decoder_bias: true,
      deterministic_flash_attn: false,
      embedding_dropout: 0,
      global_attn_every_n_layers: 3,
      global_rope_theta: 160_000,
      gradient_checkpointing: false,
      hidden_activation: "gelu",
      hidden_size: 768,
      initializer_cutoff_factor: 2,
      initializer_range: 0.02,
      intermediate_size: 1152,
      layer_norm_eps: 1e-5,
      local_attention: 128,
      local_rope_theta: 10_000,
      max_position_embeddings: 8192,
      mlp_bias: false,
      mlp_dropout: 0,
      norm_bias: false,
      norm_eps: 1e-5,
      num_attention_heads: 12,
      num_hidden_layers: 22,
      pad_token_id: 50_283,
      position_embedding_type: "absolute",
      tie_word_embeddings: true,
      vocab_size: 50_368,
    });
    expect(base.layerReaches.filter((reach) => reach === undefined)).toHaveLength(8);
    expect(base.layerReaches.slice(0, 4)).toEqual([undefined, 64, 64, undefined]);
    expect(base.globalRotary).toEqual({ kind: "default", theta: 160_000 });
    expect(base.localRotary).toEqual({ kind: "default", theta: 10_000 });
    expect(base.pooling).toBe("mean");
  });

  test("layers and rotary bases: absent keys, null, and scaling of both kinds", () => {
    const { layerReaches, globalRotary, localRotary } = modernBert({});
    expect(layerReaches).toEqual([undefined, 64, 64, undefined]);
    expect([globalRotary, localRotary]).toMatchObject([{ theta: 160_000 }, { theta: 10_000 }]);
    expect(modernBert({ local_rope_theta: null, global_rope_theta: 7 }).localRotary).toMatchObject({
      theta: 7,
    });
    expect(modernBert({ local_attention: 7, sliding_window: 3 }).layerReaches[1]).toBe(3);
    const scaled = modernBert({ rope_scaling: { rope_type: "linear", factor: 2 } });
    expect([scaled.globalRotary, scaled.localRotary]).toMatchObject([
      { kind: "linear", factor: 2 },
      { kind: "linear", factor: 2 },
    ]);
  });
});

test("an encoder's window reaches to both sides and counts positions", () => {
  const graph = new Graph();
  const positions = graph.input("positions", "int32", [1, 5]);
  const bias = localWindowBias(graph.input("bias", "float32", [1, 1, 1, 5]), positions, 1);
  const [result] = evaluateReference(graph, [bias], {
    positions: Float64Array.of(0, 1, 2, 1, 2),
    bias: Float64Array.of(0, 0, 0, 0, MASKED_BIAS),
  });
  const seen = Array.from({ length: 5 }, (_, query) =>
    Array.from(result!.data.subarray(5 * query, 5 * query + 5), (value) => Number(value === 0)),
  );
  expect(seen).toEqual([
    [1, 1, 0, 1, 0],
    [1, 1, 1, 1, 0],
    [0, 1, 1, 1, 0],
    [1, 1, 1, 1, 0],
    [0, 1, 1, 1, 0],
  ]);
});

test("padding is neither seen nor pooled, on either side", () => {
  const mask = int32([3, 3], [1, 1, 0, 0, 0, 1, 0, 0, 0]);
  expect([...paddingBias(mask).data].map((bias) => Number(bias === 0))).toEqual([...mask.data]);
  expect([...firstTokenWeights(mask).data]).toEqual([1, 0, 0, 0, 0, 1, 1, 0, 0]);
  expect([...meanTokenWeights(mask).data]).toEqual([0.5, 0.5, 0, 0, 0, 1, 0, 0, 0]);
});

test("dropout applies in training only, where the configuration puts it", () => {
  const model = createEncoderModel(
    config("modernbert", {
      num_hidden_layers: 1,
      embedding_dropout: 0.1,
      attention_dropout: 0.2,
      mlp_dropout: 0.3,
      classifier_dropout: 0.4,
    }),
  );
  const head = model.classificationHead;
  const probabilities = (isTraining: boolean): number[] => {
    const graph = new Graph();
    const ids = graph.input("ids", "int32", [1, 3]);
    const attentionBias = graph.input("bias", "float32", [1, 1, 1, 3]);
    const values = declareParameters(graph, { ...model.specs, ...head.specs(2) });
    model.encode(values, { inputIds: ids, positionIds: ids, attentionBias }, { isTraining });
    head.logits(values, graph.input("pooled", "float32", [1, 8]), { isTraining });
    return graph.inputs.flatMap(({ source }) =>
      source.origin === "input" && source.kind === "keep-mask" ? [source.dropProbability] : [],
    );
  };
  // Embeddings, attention weights, attention output, feed-forward, head.
  expect(probabilities(true)).toEqual([0.1, 0.2, 0.2, 0.3, 0.4]);
  expect(probabilities(false)).toEqual([]);
});

test("the problem of a classifier: stated, or by the number of labels", () => {
  const problem = (keys: Record<string, unknown>) => createSequenceClassifier(config("bert", keys)).problem;
  expect(problem({ id2label: { 0: "score" } })).toBe("regression");
  expect(problem({ num_labels: 3 })).toBe("single-label");
  expect(problem({ num_labels: 3, problem_type: "multi_label_classification" })).toBe("multi-label");
  expect(thrownBy(() => problem({ problem_type: "ranking" })).key).toBe("problem_type");
});

describe("loading", () => {
  const root = mkdtempSync(join(tmpdir(), "tutti-encoder-"));
  afterAll(() => rmSync(root, { recursive: true }));
  let folders = 0;

  /** Writes a folder; `rename` gives the stored name, undefined leaves a tensor out. */
  function folderOf(
    configuration: Record<string, unknown>,
    parameters: Parameters,
    rename: (name: string) => string | undefined = (name) => name,
  ): string {
    const folder = join(root, `${folders++}`);
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), JSON.stringify(configuration));
    const tensors = Object.entries(parameters).flatMap(([name, { shape, data }]) => {
      const stored = rename(name);
      return stored === undefined ? [] : [{ name: stored, dtype: "F32" as const, shape, data }];
    });
    writeSafetensors(join(folder, "model.safetensors"), tensors, {});
    return folder;
  }

  const only = (parameters: Parameters, specs: ParameterSpecs): Parameters =>
    Object.fromEntries(Object.entries(parameters).filter(([name]) => name in specs));

  test.each(["bert", "modernbert"])("%s: with the head, without it, and without the prefix", (modelType) => {
    const model = createEncoderModel(config(modelType));
    const full = initialiseParameters(maskedLanguageSpecs(model), 1);
    const bare = only(full, model.specs);
    const whole = folderOf(config(modelType), full);
    expect(loadMaskedLanguageModel(whole).parameters).toEqual(full);
    expect(loadEncoderModel(whole).parameters).toEqual(bare);
    const stripped = folderOf(config(modelType), bare, (name) => name.slice(model.prefix.length));
    expect(loadEncoderModel(stripped).parameters).toEqual(bare);
    expect(thrownBy(() => loadMaskedLanguageModel(stripped)).code).toBe("WEIGHTS_MISMATCH");
    const files = openModelFiles(stripped);
    expect(describeModel(files).support).toEqual({ kind: "encoder" });
    files.close();
  });

  test("old names, buffers, poolers and copies of tied tensors", () => {
    const model = createEncoderModel(config("bert"));
    const full = initialiseParameters(maskedLanguageSpecs(model), 1);
    const table = full[model.embedding]!;
    const extras = {
      "bert.embeddings.position_ids": full["bert.embeddings.position_embeddings.weight"]!,
      "bert.pooler.dense.weight": table,
      "cls.predictions.decoder.weight": table,
      "cls.seq_relationship.weight": table,
    };
    const folder = folderOf(config("bert"), { ...full, ...extras }, (name) =>
      name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
    );
    expect(loadMaskedLanguageModel(folder).parameters).toEqual(full);
  });

  test("missing, extra and misshapen tensors of the encoder are named", () => {
    const model = createEncoderModel(config("modernbert"));
    const parameters = initialiseParameters(model.specs, 1);
    const missing = folderOf(config("modernbert"), parameters, (name) =>
      name === "model.layers.1.attn_norm.weight" ? undefined : name,
    );
    expect(thrownBy(() => loadEncoderModel(missing))).toMatchObject({
      code: "WEIGHTS_MISMATCH",
      key: "model.layers.1.attn_norm.weight",
    });
    const files = openModelFiles(missing);
    expect(describeModel(files).support).toMatchObject({
      kind: "unsupported",
      reason: expect.stringContaining("model.layers.1.attn_norm.weight"),
    });
    files.close();
    const deeper = folderOf(config("modernbert", { num_hidden_layers: 3 }), parameters);
    expect(thrownBy(() => loadEncoderModel(deeper)).key).toMatch(/^model\.layers\.3\./);
    const wider = folderOf(config("modernbert", { intermediate_size: 13 }), parameters);
    expect(thrownBy(() => loadEncoderModel(wider)).key).toBe("model.layers.0.mlp.Wi.weight");
  });

  test.each([
    ["bert", {}],
    ["modernbert", {}],
    ["llama", { num_key_value_heads: 1 }],
  ])("a reranker's head on %s", (modelType, keys) => {
    const configuration = config(modelType, { ...keys, id2label: { 0: "LABEL_0" } });
    const { specs } = createSequenceClassifier(configuration);
    const parameters = initialiseParameters(specs, 1);
    const { classifier, parameters: loaded } = loadSequenceClassifier(folderOf(configuration, parameters));
    expect(loaded).toEqual(parameters);
    expect([classifier.labels, classifier.isCausal]).toEqual([1, modelType === "llama"]);
  });
});
