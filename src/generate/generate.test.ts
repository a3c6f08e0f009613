import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Graph } from "../graph/ir.ts";
import { type CausalModel, createCausalModel } from "../models/index.ts";
import { softCap } from "../nn/attention.ts";
import { causalBias, declareParameters, initialiseParameters, linear, type Parameters } from "../nn/index.ts";
import { createOrtBackend } from "../runtime/index.ts";
import { TuttiError } from "../support/errors.ts";
import { int32 } from "../tensor/host-tensor.ts";
import { RandomStream } from "../tensor/random.ts";
import { loadTokenizer } from "../text/index.ts";
import {
  CachedDecoder,
  candidates,
  draw,
  type GenerationSettings,
  generateTokens,
  logProbabilities,
  penalise,
  type SamplingSettings,
  scoreContinuation,
  TextStream,
} from "./index.ts";

const SIZES = {
  vocab_size: 40,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 4,
  intermediate_size: 24,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-6,
  initializer_range: 0.5,
};
const GEMMA = { ...SIZES, query_pre_attn_scalar: 4, sliding_window: 4 };
const FAMILIES: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["llama", { ...SIZES, model_type: "llama", rope_theta: 10_000 }],
  ["mistral", { ...SIZES, model_type: "mistral", rope_theta: 10_000, sliding_window: 3 }],
  ["qwen2", { ...SIZES, model_type: "qwen2", rope_theta: 10_000 }],
  ["qwen3", { ...SIZES, model_type: "qwen3", rope_theta: 10_000 }],
  ["gemma2", { ...GEMMA, model_type: "gemma2", final_logit_softcapping: 5 }],
  ["gemma3_text", { ...GEMMA, model_type: "gemma3_text" }],
  [
    "gpt2",
    {
      model_type: "gpt2",
      vocab_size: 40,
      n_embd: 16,
      n_layer: 2,
      n_head: 4,
      n_positions: 64,
      initializer_range: 0.5,
    },
  ],
];
const PROMPT = [3, 17, 8, 25, 1];
const backend = createOrtBackend({ threads: 1 });

/** Logits [T, V] of the whole sequence, without a cache. */
async function fullLogits(model: CausalModel, parameters: Parameters, ids: readonly number[]) {
  const graph = new Graph();
  const values = declareParameters(graph, model.specs);
  const shape = [1, ids.length];
  const hidden = model.decoder(values, {
    inputIds: graph.input("ids", "int32", shape),
    positionIds: graph.input("positions", "int32", shape),
    attentionBias: graph.input("bias", "float32", [1, 1, ids.length, ids.length]),
  });
  const logits = softCap(linear(hidden, model.head(values)), model.config.finalSoftcap);
  const executable = await backend.compile(graph, { logits });
  const results = await executable.run({
    ...parameters,
    ids: int32(shape, [...ids]),
    positions: int32(
      shape,
      ids.map((_, index) => index),
    ),
    bias: causalBias(
      int32(
        shape,
        ids.map(() => 1),
      ),
    ),
  });
  await executable.dispose();
  const data = results.logits!.data as Float32Array;
  const width = model.config.vocabularySize;
  return ids.map((_, index) => data.subarray(index * width, (index + 1) * width));
}

async function sampled(decoder: CachedDecoder, prompt: readonly number[], settings: GenerationSettings) {
  const tokens: number[][] = Array.from({ length: settings.samples ?? 1 }, () => []);
  const reasons: string[] = [];
  for await (const event of generateTokens(decoder, prompt, settings)) {
    if (event.kind === "token") tokens[event.sample]!.push(event.token);
    else reasons[event.sample] = event.reason;
  }
  return { tokens, reasons };
}

describe.each(FAMILIES)("%s", (_name, config) => {
  const model = createCausalModel(config);
  const parameters = initialiseParameters(model.specs, 7);
  const decoder = new CachedDecoder(model, parameters, backend);
  afterAll(() => decoder.dispose());

  test("greedy tokens and their log-probabilities are those of full recomputation", async () => {
    const ids = [...PROMPT];
    for await (const event of generateTokens(decoder, PROMPT, { maxNewTokens: 12, temperature: 0 })) {
      if (event.kind === "end") {
        expect(event.reason).toBe("length");
        continue;
      }
      const logits = (await fullLogits(model, parameters, ids)).at(-1)!;
      expect(event.token).toBe(logits.indexOf(Math.max(...logits)));
      expect(event.logProbability).toBeCloseTo(logProbabilities(logits)[event.token]!, 4);
      ids.push(event.token);
    }
    expect(ids).toHaveLength(PROMPT.length + 12);
  });

  test("a given continuation is scored as the full forward pass scores it", async () => {
    const continuation = [9, 30, 2, 2];
    const scores = await scoreContinuation(decoder, PROMPT, continuation);
    const logits = await fullLogits(model, parameters, [...PROMPT, ...continuation]);
    for (const [index, token] of continuation.entries()) {
      expect(scores[index]).toBeCloseTo(logProbabilities(logits[PROMPT.length - 1 + index]!)[token]!, 4);
    }
  });
});

describe("samples", () => {
  const model = createCausalModel(FAMILIES[0]![1]);
  let decoder: CachedDecoder;
  beforeAll(() => {
    decoder = new CachedDecoder(model, initialiseParameters(model.specs, 7), backend);
  });
  afterAll(() => decoder.dispose());
  const settings = { maxNewTokens: 10, temperature: 0.9, topP: 0.95, seed: 5 };

  test("a sample does not depend on how many others there are, and differs from them", async () => {
    const alone = await sampled(decoder, PROMPT, settings);
    const together = await sampled(decoder, PROMPT, { ...settings, samples: 4 });
    expect(together.tokens[0]).toEqual(alone.tokens[0]);
    expect(new Set(together.tokens.map((tokens) => tokens.join())).size).toBe(4);
    expect(await sampled(decoder, PROMPT, { ...settings, samples: 4 })).toEqual(together);
    expect((await sampled(decoder, PROMPT, { ...settings, seed: 6 })).tokens).not.toEqual(alone.tokens);
  });

  test("a stop token ends one sample and leaves the others as they were", async () => {
    const free = await sampled(decoder, PROMPT, { ...settings, samples: 3 });
    const stop = free.tokens[1]![4]!;
    const stopped = await sampled(decoder, PROMPT, { ...settings, samples: 3, stopTokens: [stop] });
    for (const [index, tokens] of free.tokens.entries()) {
      const at = tokens.indexOf(stop);
      expect(stopped.tokens[index]).toEqual(at < 0 ? tokens : tokens.slice(0, at));
      expect(stopped.reasons[index]).toBe(at < 0 ? "length" : "stop");
    }
  });

  test.each<[string, readonly number[], Partial<GenerationSettings>, string]>([
    ["no prompt", [], {}, "prompt tokens"],
    ["a token outside", [3, 40], {}, "token 40"],
    ["too many tokens", PROMPT, { maxNewTokens: 100 }, "the model has 64"],
    ["no tokens", PROMPT, { maxNewTokens: 0 }, "maxNewTokens"],
    ["a negative temperature", PROMPT, { temperature: -1 }, "temperature"],
    ["a top-p of 0", PROMPT, { topP: 0 }, "topP"],
    ["half a token for top-k", PROMPT, { topK: 0.5 }, "topK"],
    ["NaN", PROMPT, { minP: Number.NaN }, "minP"],
  ])("%s is refused", async (_name, prompt, wrong, message) => {
    const error = await sampled(decoder, prompt, { ...settings, ...wrong }).catch(
      (thrown: unknown) => thrown,
    );
    expect(TuttiError.is(error) && error.code).toBe("INVALID_ARGUMENT");
    expect((error as Error).message).toContain(message);
  });

  test("an abort stops between tokens", async () => {
    const controller = new AbortController();
    const run = async (): Promise<void> => {
      for await (const event of generateTokens(decoder, PROMPT, { ...settings, signal: controller.signal })) {
        if (event.kind === "token") controller.abort();
      }
    };
    await expect(run()).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("sampling", () => {
  const logits = Float32Array.of(2, 1, 0, -1);
  const kept = (settings: SamplingSettings) => candidates(Float64Array.from(logits), settings);

  test("penalties", () => {
    const seen = new Set([0, 3]);
    expect([...penalise(logits, seen, new Map(), { repetitionPenalty: 2 })]).toEqual([1, 1, 0, -2]);
    const generated = new Map([[1, 3]]);
    expect([...penalise(logits, seen, generated, { presencePenalty: 0.5, frequencyPenalty: 0.25 })]).toEqual([
      2, -0.25, 0, -1,
    ]);
  });

  test("filters keep the most likely tokens and renormalise", () => {
    expect(kept({ temperature: 0 })).toEqual([{ token: 0, probability: 1 }]);
    // softmax: 0.6439, 0.2369, 0.0871, 0.0321
    expect(kept({}).map(({ probability }) => probability.toFixed(4))).toEqual([
      "0.6439",
      "0.2369",
      "0.0871",
      "0.0321",
    ]);
    expect(kept({ topK: 2 }).map(({ token }) => token)).toEqual([0, 1]);
    expect(kept({ topP: 0.6 }).map(({ token }) => token)).toEqual([0]);
    expect(kept({ topP: 0.7 }).map(({ token }) => token)).toEqual([0, 1]);
    expect(kept({ minP: 0.1 }).map(({ token }) => token)).toEqual([0, 1, 2]);
    for (const settings of [
      { topK: 3 },
      { topP: 0.9 },
      { minP: 0.2 },
      { temperature: 2, topK: 2, minP: 0.3 },
    ]) {
      expect(kept(settings).reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
    }
  });

  interface Recorded {
    readonly settings: SamplingSettings;
    readonly logits: readonly number[];
    readonly seen: readonly number[];
    readonly probabilities: readonly number[];
  }
  const recorded = JSON.parse(
    readFileSync(new URL("../../fixtures/generate/sampling.json", import.meta.url), "utf8"),
  ) as Recorded[];

  test.each(recorded)("transformers leaves the same probabilities: $settings", (given) => {
    const { settings, seen, probabilities } = given;
    const penalised = penalise(Float32Array.from(given.logits), new Set(seen), new Map(), settings);
    const left = new Float64Array(given.logits.length);
    for (const { token, probability } of candidates(penalised, settings)) left[token] = probability;
    for (const [token, probability] of probabilities.entries()) {
      expect(left[token]).toBeCloseTo(probability, 9);
    }
  });

  test("draws follow the probabilities", () => {
    const random = new RandomStream({ seed: 1, stream: 2 });
    const counts = [0, 0, 0, 0];
    for (let index = 0; index < 20_000; index++) counts[draw(kept({}), random)]!++;
    for (const { token, probability } of kept({}))
      expect(counts[token]! / 20_000).toBeCloseTo(probability, 1.7);
  });
});

describe("text", () => {
  const tokenizer = loadTokenizer(
    fileURLToPath(new URL("../../fixtures/text/byte-level.tokenizer.json", import.meta.url)),
  );
  const TEXT = "naïve 👩🏽‍🚀 and 漢字, then END of it";

  test("every part is whole characters, and the parts are the text", () => {
    const stream = new TextStream(tokenizer);
    const { ids } = tokenizer.encode(TEXT, { addSpecialTokens: false });
    const parts = [...Array.from(ids, (id) => stream.push(id)), stream.finish()];
    expect(parts.join("")).toBe(tokenizer.decode(ids));
    expect(parts.filter((part) => part.includes("\uFFFD"))).toEqual([]);
    expect(parts.filter((part) => part !== "").length).toBeGreaterThan(5);
  });

  test("nothing of a stop string gets out, nor anything after it", () => {
    const stream = new TextStream(tokenizer, ["EN!", "END"]);
    const { ids } = tokenizer.encode(TEXT, { addSpecialTokens: false });
    const text = Array.from(ids, (id) => stream.push(id)).join("") + stream.finish();
    expect(text).toBe(tokenizer.decode(ids).split("END")[0]);
    expect(stream.isStopped).toBe(true);
  });

  test("what looked like a stop string and was none is given in the end", () => {
    const stream = new TextStream(tokenizer, ["it was"]);
    const { ids } = tokenizer.encode(TEXT, { addSpecialTokens: false });
    expect(Array.from(ids, (id) => stream.push(id)).join("") + stream.finish()).toBe(tokenizer.decode(ids));
  });
});
