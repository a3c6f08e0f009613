/**
 * Real GGUF files against llama.cpp (token ids) and transformers (every parameter, logits). Needs the files:
 * npx tsx tools/fetch-models.ts smollm2 gemma3
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Graph } from "../../src/graph/ir.ts";
import { adoptCausalParameters, causalLogits, createCausalModel } from "../../src/models/index.ts";
import { MASKED_BIAS } from "../../src/nn/attention.ts";
import { declareParameters } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { type Float32Tensor, float32, int32 } from "../../src/tensor/host-tensor.ts";
import {
  ggufChatTemplate,
  renderChatTemplate,
  type Tokenizer,
  tokenizerFromGguf,
} from "../../src/text/index.ts";
import { type GgufModel, openGgufModel } from "../../src/weights/index.ts";
import { expectAllClose, fixtureJson } from "../support/fixtures.ts";

const CACHE = join(import.meta.dirname, "../../.cache/models");
const FILES = {
  smollm2: join(CACHE, "SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"),
  gemma3: join(CACHE, "gemma-3-270m-GGUF/gemma-3-270m-q4_k_m.gguf"),
} as const;
type Name = keyof typeof FILES;

interface RecordedModel {
  readonly parameters: Readonly<Record<string, string>>;
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly top: readonly number[];
  readonly logits: readonly number[];
}
const recorded = fixtureJson<Record<Name, RecordedModel>>("weights/gguf-real.json");
const tokens = fixtureJson<Record<Name, readonly (readonly number[])[]>>("text/gguf-tokens.json");
const texts = fixtureJson<readonly { text: string }[]>("text/byte-level.json").map(({ text }) => text);

function use<T>(name: Name, action: (model: GgufModel) => T): T {
  const model = openGgufModel(FILES[name]);
  try {
    return action(model);
  } finally {
    model.close();
  }
}

const tokenizerOf = (name: Name): Tokenizer =>
  use(name, ({ path, metadata }) => tokenizerFromGguf(path, metadata));

// The weights are not ours to ship; without them there is nothing to compare.
describe.each(Object.keys(FILES) as Name[])("%s", (name) => {
  const isAbsent = !existsSync(FILES[name]);

  test.skipIf(isAbsent)("token ids are llama.cpp's", () => {
    const tokenizer = tokenizerOf(name);
    expect(texts.length).toBe(tokens[name].length);
    for (const [index, text] of texts.entries()) {
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
      expect([...ids], text).toEqual(tokens[name][index]);
    }
  });

  test.skipIf(isAbsent)("every parameter is transformers', bit for bit", { timeout: 120_000 }, () => {
    use(name, (model) => {
      expect([...model.entries.keys()].sort()).toEqual(Object.keys(recorded[name].parameters).sort());
      for (const [parameter, expected] of Object.entries(recorded[name].parameters)) {
        const { data } = model.read(parameter);
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        expect(createHash("sha256").update(bytes).digest("hex").slice(0, 16), parameter).toBe(expected);
      }
    });
  });
});

test.skipIf(!existsSync(FILES.gemma3))("gemma3 has the configuration of the released model", () => {
  const config = use("gemma3", (model) => model.config);
  expect(config).toMatchObject({
    model_type: "gemma3_text",
    vocab_size: 262_144,
    hidden_size: 640,
    intermediate_size: 2048,
    num_hidden_layers: 18,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    head_dim: 256,
    rms_norm_eps: 1e-6,
    query_pre_attn_scalar: 256,
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
    sliding_window: 512,
    max_position_embeddings: 32_768,
    tie_word_embeddings: true,
    bos_token_id: 2,
    eos_token_id: 1,
  });
  expect((config.layer_types as string[]).filter((type) => type === "full_attention").length).toBe(3);
  expect(tokenizerOf("gemma3").encode("Hi").ids[0]).toBe(2);
});

describe.skipIf(!existsSync(FILES.smollm2))("smollm2", () => {
  const { prompt, ids } = recorded.smollm2;

  test("lays a chat out as its template says", () => {
    const template = use("smollm2", ({ metadata }) => ggufChatTemplate(metadata));
    const system = { role: "system", content: "Be brief." };
    const user = { role: "user", content: "Which instrument gives the orchestra its A?" };
    const text = renderChatTemplate(template ?? "", [system, user], { addGenerationPrompt: true });
    expect(text).toBe(`<|im_start|>system\nBe brief.<|im_end|>\n${prompt}`);
    expect([...tokenizerOf("smollm2").encode(prompt).ids]).toEqual(ids);
  });
});

describe.each(Object.keys(FILES) as Name[])("%s", (name) => {
  const { ids, top, logits } = recorded[name];

  test.skipIf(!existsSync(FILES[name]))("gives transformers' logits", { timeout: 120_000 }, async () => {
    const { model, stored } = use(name, (file) => ({
      model: createCausalModel(file.config),
      stored: Object.fromEntries(
        [...file.entries].map(([parameter, { shape }]): [string, Float32Tensor] => [
          parameter,
          float32(shape, file.read(parameter).data),
        ]),
      ),
    }));
    const parameters = adoptCausalParameters(model, stored, FILES[name]);
    const count = ids.length;
    const graph = new Graph();
    const values = declareParameters(graph, model.specs);
    const hidden = model.decoder(values, {
      inputIds: graph.input("ids", "int32", [1, count]),
      positionIds: graph.input("positions", "int32", [1, count]),
      attentionBias: graph.input("bias", "float32", [1, 1, count, count]),
      positions: count,
    });
    const executable = await createOrtBackend().compile(graph, {
      logits: causalLogits(model, values, hidden),
    });
    const causal = Float32Array.from({ length: count * count }, (_, flat) =>
      flat % count > Math.floor(flat / count) ? MASKED_BIAS : 0,
    );
    const results = await executable.run({
      ...parameters,
      ids: int32([1, count], [...ids]),
      positions: int32(
        [1, count],
        Int32Array.from(ids, (_, position) => position),
      ),
      bias: float32([1, 1, count, count], causal),
    });
    await executable.dispose();
    const last = (results.logits!.data as Float32Array).subarray((count - 1) * model.config.vocabularySize);
    expect(last.indexOf(last.reduce((a, b) => Math.max(a, b)))).toBe(top[0]);
    expectAllClose(
      top.map((id) => last[id]!),
      logits,
      { absolute: 1e-3, relative: 1e-4 },
      "logits",
    );
  });
});
