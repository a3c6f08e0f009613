import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { initialiseParameters } from "../nn/parameters.ts";
import { TuttiError } from "../support/errors.ts";
import { writeSafetensors } from "../weights/index.ts";
import { configJsonText } from "./config.ts";
import { createSeq2SeqModel } from "./seq2seq-families.ts";
import { loadSeq2SeqModel, saveSeq2SeqModel } from "./seq2seq-weights.ts";

const CONFIG = {
  model_type: "t5",
  vocab_size: 20,
  d_model: 8,
  d_kv: 4,
  d_ff: 12,
  num_layers: 2,
  num_heads: 2,
  initializer_factor: 1,
};

const folder = mkdtempSync(join(tmpdir(), "tutti-seq2seq-models-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("config.json", () => {
  test.each<[Record<string, unknown>, string]>([
    [{ feed_forward_proj: "gated-swish" }, "feed_forward_proj"],
    [{ feed_forward_proj: 1 }, "feed_forward_proj"],
    [{ feed_forward_proj: "gated-gelu", dense_act_fn: "gelu" }, "dense_act_fn"],
    [{ feed_forward_proj: "gated-gelu", is_gated_act: false }, "is_gated_act"],
    [{ is_encoder_decoder: false }, "is_encoder_decoder"],
    [{ is_decoder: true }, "is_decoder"],
    [{ tie_encoder_decoder: true }, "tie_encoder_decoder"],
    [{ tie_word_embeddings: "no" }, "tie_word_embeddings"],
    [{ scale_decoder_outputs: 1 }, "scale_decoder_outputs"],
    [{ relative_attention_num_buckets: 7 }, "relative_attention_num_buckets"],
    [{ relative_attention_num_buckets: 2 }, "relative_attention_num_buckets"],
    [{ relative_attention_max_distance: 16 }, "relative_attention_max_distance"],
    [{ decoder_start_token_id: 20 }, "decoder_start_token_id"],
    [{ decoder_start_token_id: -1 }, "decoder_start_token_id"],
    [{ dropout_rate: 1 }, "dropout_rate"],
    [{ quantization_config: {} }, "quantization_config"],
    [{ pruned_heads: { 0: [1] } }, "pruned_heads"],
    [{ d_kv: undefined }, "d_kv"],
    [{ num_layers: 0 }, "num_layers"],
    [{ num_decoder_layers: 0.5 }, "num_decoder_layers"],
    [{ model_type: "mt5" }, "model_type"],
    [{ model_type: "toString" }, "model_type"],
  ])("%j is refused, naming %s", (keys, key) => {
    try {
      createSeq2SeqModel({ ...CONFIG, ...keys });
      expect.fail("was accepted");
    } catch (error) {
      if (!TuttiError.is(error)) throw error;
      expect([error.code, error.details.key]).toEqual(["MODEL_CONFIG_UNSUPPORTED", key]);
      expect(error.message).toContain(`"${key}"`);
    }
  });

  test("absent keys take the values of the transformers class", () => {
    expect(createSeq2SeqModel(CONFIG).config).toMatchObject({
      numEncoderLayers: 2,
      numDecoderLayers: 2,
      activation: "relu",
      isGated: false,
      relativeBuckets: 32,
      maxDistance: 128,
      hasTiedEmbeddings: true,
      headScale: 8 ** -0.5,
      startTokenId: 0,
      dropout: 0.1,
      layerNormEpsilon: 1e-6,
    });
    expect(createSeq2SeqModel({ ...CONFIG, num_decoder_layers: null }).config.numDecoderLayers).toBe(2);
    const untied = { ...CONFIG, tie_word_embeddings: false, feed_forward_proj: "gated-gelu" };
    expect(createSeq2SeqModel(untied).config).toMatchObject({ headScale: 1, activation: "gelu_new" });
  });
});

test("whole numbers that transformers wants as floats are written so", () => {
  const text = configJsonText({ initializer_factor: 1, final_logit_softcapping: 30, num_layers: 2 });
  expect(text).toBe(
    '{\n  "initializer_factor": 1.0,\n  "final_logit_softcapping": 30.0,\n  "num_layers": 2\n}\n',
  );
});

test("a saved folder, and the same weights in two files, load as they were", () => {
  const model = createSeq2SeqModel(CONFIG);
  const parameters = initialiseParameters(model.specs, 1);
  const adapter = { ...parameters, "encoder.extra": parameters["shared.weight"]! };
  saveSeq2SeqModel(join(folder, "whole"), { model, parameters: adapter, config: CONFIG });
  const whole = loadSeq2SeqModel(join(folder, "whole"));
  expect(whole.parameters).toEqual(parameters);
  expect(whole.model.config).toEqual(model.config);

  const sharded = join(folder, "sharded");
  const names = Object.keys(parameters);
  const files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const weightMap = Object.fromEntries(names.map((name, index) => [name, files[index % 2]!]));
  for (const file of files) {
    const tensors = names.filter((name) => weightMap[name] === file);
    writeSafetensors(
      join(sharded, file),
      tensors.map((name) => {
        const { shape, data } = parameters[name]!;
        return { name, dtype: "F32" as const, shape, data };
      }),
    );
  }
  writeFileSync(join(sharded, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
  writeFileSync(join(sharded, "config.json"), readFileSync(join(folder, "whole/config.json")));
  expect(loadSeq2SeqModel(sharded).parameters).toEqual(parameters);

  const { "shared.weight": _, ...rest } = parameters;
  expect(() => saveSeq2SeqModel(join(folder, "no"), { model, parameters: rest, config: CONFIG })).toThrow(
    expect.objectContaining({ code: "WEIGHTS_MISMATCH" }),
  );
});
