/** Encoder-decoders over their caches against transformers' `generate`: tokens, log-probabilities, scores, batches. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  type GeneratedAnswer,
  type GenerationRequest,
  loadGenerationModel,
  TextGenerator,
  type TextGeneratorOptions,
  type WeightBits,
} from "../../src/generate/index.ts";
import {
  createSeq2SeqModel,
  describeModel,
  openModelFiles,
  saveSeq2SeqModel,
} from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { expectAllClose, fixtureJson } from "../support/fixtures.ts";
import { SEQ2SEQ_CASES, Seq2SeqCase } from "../support/tiny-seq2seq.ts";
import { writeUnigramTokenizer } from "../support/unigram-tokenizer.ts";

interface Answered {
  readonly source: readonly number[];
  readonly tokens: readonly number[];
  readonly logProbabilities: readonly number[];
}
interface Recorded {
  readonly free: readonly Answered[];
  readonly endToken: number;
  readonly ended: readonly Answered[];
  readonly scored: readonly (Omit<Answered, "tokens"> & { readonly target: readonly number[] })[];
}

const folder = mkdtempSync(join(tmpdir(), "tutti-seq2seq-generate-"));
afterAll(() => rmSync(folder, { recursive: true }));
const recorded = fixtureJson<Record<string, Recorded>>("seq2seq/greedy.json");
const TOLERANCE = { absolute: 1e-4, relative: 1e-4 };

/** Writes a recorded case as a folder; `changes` replace keys of its config.json. */
function writeCase(name: string, changes: Readonly<Record<string, unknown>> = {}): string {
  const { model, parameters, recorded: about } = new Seq2SeqCase(name);
  const path = join(folder, name);
  // These random models know no end; tests that need one name it.
  saveSeq2SeqModel(path, { model, parameters, config: { ...about.config, eos_token_id: null, ...changes } });
  writeUnigramTokenizer(path);
  writeFileSync(join(path, "tokenizer_config.json"), JSON.stringify({ eos_token: null }));
  return path;
}

const open = (name: string, options: TextGeneratorOptions = {}, changes = {}): Promise<TextGenerator> =>
  TextGenerator.create(loadGenerationModel(writeCase(name, changes)), { threads: 1, ...options });

const idsOf = (answer: GeneratedAnswer): number[] => answer.tokens.map(({ id }) => id);
const prompt = (ids: readonly number[]): Int32Array => Int32Array.from(ids);

async function expectAnswers(generator: TextGenerator, expected: readonly Answered[], maxTokens: number) {
  const answers = await Promise.all(
    expected.map(({ source }) =>
      generator.generate({ prompt: prompt(source), maxTokens, topLogProbabilities: 0 }),
    ),
  );
  for (const [index, [answer]] of answers.entries()) {
    const { tokens, logProbabilities } = expected[index]!;
    expect(idsOf(answer!)).toEqual(tokens);
    const received = answer!.tokens.map(({ logProbability }) => logProbability!);
    expectAllClose(received, logProbabilities, TOLERANCE, "log-probabilities");
  }
}

describe.each(SEQ2SEQ_CASES)("%s against transformers", (name) => {
  const { free, ended, endToken, scored } = recorded[name]!;

  test("tokens and log-probabilities, sources of different lengths together", async () => {
    const generator = await open(name);
    await expectAnswers(generator, free.slice(0, 3), 10);
    await expectAnswers(generator, free.slice(3), 30);
    await generator.dispose();
  });

  test("an end token ends an answer while others go on", async () => {
    const generator = await open(name, { maxBatch: 2 }, { eos_token_id: endToken });
    expect(ended[0]!.tokens.length).toBeLessThan(ended[2]!.tokens.length + 1);
    expect(ended[0]!.tokens.at(-1)).toBe(endToken);
    await expectAnswers(generator, ended, 10);
    await generator.dispose();
  });

  test("scores of given targets, also while others generate", async () => {
    const generator = await open(name);
    const [answer, ...scores] = await Promise.all([
      generator.generate({ prompt: prompt(free[0]!.source), maxTokens: 10 }),
      ...scored.map(({ source, target }) => generator.score(prompt(source), prompt(target))),
    ]);
    expect(idsOf(answer[0]!)).toEqual(free[0]!.tokens);
    for (const [index, { tokens, logProbability }] of scores.entries()) {
      const expected = scored[index]!.logProbabilities;
      const received = tokens.map((token) => token.logProbability);
      expectAllClose(received, expected, TOLERANCE, "scores");
      expect(logProbability).toBeCloseTo(
        received.reduce((sum, value) => sum + value, 0),
        5,
      );
    }
    await generator.dispose();
  });
});

describe("samples, streams and passages", () => {
  const name = "t5-gated-gelu";
  const source = recorded[name]!.free[0]!.source;

  test("samples share the encoder, draw apart, and do not depend on who shares the batch", async () => {
    const request: GenerationRequest = {
      prompt: prompt(source),
      samples: 5,
      maxTokens: 12,
      temperature: 1.5,
      seed: 3,
    };
    const crowded = await open(name, { maxBatch: 3 });
    const [together] = await Promise.all([
      crowded.generate(request),
      crowded.generate({ prompt: prompt([5, 6, 7]), maxTokens: 20 }),
      crowded.generate({ ...request, prompt: prompt([9, 4]), samples: 2 }),
    ]);
    await crowded.dispose();
    const alone = await open(name);
    const answers = await alone.generate(request);
    await alone.dispose();
    expect(together!.map(idsOf)).toEqual(answers.map(idsOf));
    expect(new Set(answers.map((answer) => idsOf(answer).join())).size).toBeGreaterThan(1);
  });

  test("a stream gives the same text, and can be left", async () => {
    const generator = await open(name);
    const request = { prompt: prompt(source), maxTokens: 8 };
    const [whole] = await generator.generate(request);
    let text = "";
    for await (const event of generator.stream(request)) text += event.text;
    expect(text).toBe(whole!.text);
    for await (const _ of generator.stream({ ...request, maxTokens: 400 })) break;
    expect(idsOf((await generator.generate(request))[0]!)).toEqual(idsOf(whole!));
    await generator.dispose();
  });

  test("passages: one in a list is the same; several are read in any order alike", async () => {
    const generator = await open(name, { maxBatch: 2 });
    const target = prompt([7, 9, 4]);
    const single = await generator.score(prompt(source), target);
    expect(await generator.score([prompt(source)], target)).toEqual(single);
    const parts = [prompt([5, 6, 7, 8]), prompt(source), prompt([11])];
    const [forward, backward] = await Promise.all([
      generator.score(parts, target),
      generator.score([...parts].reverse(), target),
    ]);
    expect(forward!.logProbability).toBeCloseTo(backward!.logProbability, 4);
    expect(forward!.logProbability).not.toBeCloseTo(single.logProbability, 2);
    const [a, b] = await Promise.all([
      generator.generate({ prompt: parts, samples: 3, maxTokens: 6, topLogProbabilities: 0 }),
      generator.generate({ prompt: prompt(source), maxTokens: 9 }),
    ]);
    const first = await generator.score(parts, prompt(idsOf(a[0]!)));
    const received = a[0]!.tokens.map(({ logProbability }) => logProbability!);
    expectAllClose(
      received,
      first.tokens.map((token) => token.logProbability),
      TOLERANCE,
      "passages",
    );
    expect(idsOf(b[0]!)).toEqual(recorded[name]!.free[0]!.tokens.slice(0, 9));
    await generator.dispose();
  });

  test("repetition penalties know the answer, not the source", async () => {
    const generator = await open(name);
    const [answer] = await generator.generate({
      prompt: prompt(source),
      maxTokens: 10,
      repetitionPenalty: 1e6,
    });
    expect(new Set(idsOf(answer!)).size).toBe(10);
    await generator.dispose();
  });
});

describe("what cannot be done", () => {
  test("chat, sources that are empty or too long", async () => {
    const generator = await open("t5-relu", { contextLength: 16 });
    expect(() => generator.chatPrompt([{ role: "user", content: "?" }])).toThrow(
      expect.objectContaining({
        code: "CHAT_TEMPLATE_INVALID",
        message: expect.stringContaining("an encoder-decoder (t5) that has no chat template"),
      }),
    );
    const refused: [GenerationRequest["prompt"], RegExp][] = [
      [new Int32Array(0), /prompt is empty/],
      [[], /list of passages is empty/],
      [[prompt([4]), new Int32Array(17).fill(4)], /17 tokens.*opened for 16/],
      [prompt([26]), /outside the vocabulary/],
    ];
    for (const [given, message] of refused) {
      const error = { code: "INVALID_ARGUMENT", message: expect.stringMatching(message) };
      await expect(generator.generate({ prompt: given, maxTokens: 2 })).rejects.toMatchObject(error);
      await expect(generator.score(given, prompt([4]))).rejects.toMatchObject(error);
    }
    await expect(generator.score(prompt([4]), new Int32Array(17).fill(4))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    // As many tokens as the context holds behind the start token.
    const [answer] = await generator.generate({ prompt: new Int32Array(16).fill(4) });
    expect([answer!.tokens.length, answer!.finishReason]).toEqual([15, "length"]);
    await generator.dispose();
  });
});

describe("folders", () => {
  const config = new Seq2SeqCase("t5-gated-gelu").recorded.config;

  function store(name: string, changes: object, tensors: (names: Map<string, Float32Array>) => void): string {
    const { model, parameters } = new Seq2SeqCase("t5-gated-gelu");
    const path = join(folder, name);
    const data = new Map(Object.entries(parameters).map(([key, tensor]) => [key, tensor.data]));
    tensors(data);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "config.json"), JSON.stringify({ ...config, ...changes }));
    writeUnigramTokenizer(path);
    const shapeOf = (key: string): readonly number[] =>
      model.specs[key]?.shape ?? (key.endsWith("relative_attention_bias.weight") ? [8, 2] : [26, 8]);
    writeSafetensors(
      join(path, "model.safetensors"),
      [...data].map(([key, values]) => ({ name: key, dtype: "F32", shape: shapeOf(key), data: values })),
    );
    return path;
  }

  const tokensOf = async (path: string): Promise<number[]> => {
    const generator = await TextGenerator.create(loadGenerationModel(path), { threads: 1 });
    const { source } = recorded["t5-gated-gelu"]!.free[0]!;
    const [answer] = await generator.generate({
      prompt: prompt(source),
      maxTokens: 10,
      ignoresEndTokens: true,
    });
    await generator.dispose();
    return idsOf(answer!);
  };
  const expected = recorded["t5-gated-gelu"]!.free[0]!.tokens;

  test("a table under other names, copies and leftovers", async () => {
    const path = store("aliases", {}, (tensors) => {
      const table = tensors.get("shared.weight")!;
      tensors.delete("shared.weight");
      tensors.set("encoder.embed_tokens.weight", table);
      tensors.set("decoder.embed_tokens.weight", table);
      tensors.set(
        "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
        new Float32Array(16),
      );
    });
    expect(await tokensOf(path)).toEqual(expected);
    const files = openModelFiles(path);
    expect(describeModel(files).support).toEqual({ kind: "encoder-decoder" });
    files.close();
  });

  test("a head that transformers 5 wrote as tied, and one that is a copy", async () => {
    const saved = { tie_word_embeddings: true, scale_decoder_outputs: false };
    expect(await tokensOf(store("own-head", saved, () => {}))).toEqual(expected);
    const copy = store("copied-head", { tie_word_embeddings: true }, (tensors) =>
      tensors.set("lm_head.weight", tensors.get("shared.weight")!),
    );
    const { model } = loadGenerationModel(copy);
    expect(Object.keys(model.specs)).not.toContain("lm_head.weight");
  });

  test("tables that differ, and a missing tensor", () => {
    const differing = store("differing", {}, (tensors) =>
      tensors.set("decoder.embed_tokens.weight", new Float32Array(26 * 8)),
    );
    const missing = store("missing", {}, (tensors) => tensors.delete("encoder.final_layer_norm.weight"));
    for (const [path, tensor] of [
      [differing, "decoder.embed_tokens.weight"],
      [missing, "encoder.final_layer_norm.weight"],
    ] as const) {
      expect(() => loadGenerationModel(path)).toThrow(
        expect.objectContaining({ code: "WEIGHTS_MISMATCH", message: expect.stringContaining(tensor) }),
      );
    }
    const files = openModelFiles(missing);
    expect(describeModel(files).support).toMatchObject({
      kind: "unsupported",
      reason: expect.stringContaining("encoder.final_layer_norm.weight"),
    });
    files.close();
  });
});

test.each<[WeightBits, number]>([
  [8, 0.05],
  [4, 0.3],
])("%i-bit weights stay near", async (weightBits, tolerance) => {
  const wide = {
    ...new Seq2SeqCase("t5-relu").recorded.config,
    d_model: 64,
    d_kv: 16,
    num_heads: 4,
    d_ff: 96,
    vocab_size: 617,
  };
  const model = createSeq2SeqModel(wide);
  const path = join(folder, "wide");
  saveSeq2SeqModel(path, { model, parameters: initialiseParameters(model.specs, 1), config: wide });
  writeUnigramTokenizer(path);
  const score = async (bits: WeightBits | 32) => {
    const loaded = loadGenerationModel(path, { weightBits: bits });
    const generator = await TextGenerator.create(loaded, { threads: 1 });
    const { tokens } = await generator.score("Which instrument does Oslo play?", "Oslo plays the oboe.");
    await generator.dispose();
    return { loaded, tokens };
  };
  const [exact, rounded] = [await score(32), await score(weightBits)];
  expect(exact.tokens.at(-1)!.id).toBe(1);
  // Every matrix but the two tables of relative positions.
  const matrices = Object.values(model.specs).filter(({ shape }) => shape.length === 2).length;
  expect(rounded.loaded.weights.quantized.size).toBe(matrices - 2);
  for (const [index, { logProbability }] of rounded.tokens.entries()) {
    expect(Math.abs(logProbability - exact.tokens[index]!.logProbability)).toBeLessThan(tolerance);
  }
});
