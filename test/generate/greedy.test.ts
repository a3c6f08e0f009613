/** Cached decoding against transformers' `generate` and against reading the whole sequence again for every token. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type GeneratedAnswer, TextGenerator } from "../../src/generate/index.ts";
import { logProbabilityOf } from "../../src/generate/log-probabilities.ts";
import { CAUSAL_MODEL_TYPES } from "../../src/models/index.ts";
import { expectAllClose, FIXTURES, fixtureJson } from "../support/fixtures.ts";
import { loadTinyModel, tinyConfig, wholeLogits } from "../support/tiny-generation.ts";

interface Sequence {
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
  readonly logProbabilities: readonly number[];
}

const folder = mkdtempSync(join(tmpdir(), "tutti-greedy-"));
afterAll(() => rmSync(folder, { recursive: true }));

const recorded = fixtureJson<Record<string, readonly Sequence[]>>("generate/greedy.json");
const names = readdirSync(join(FIXTURES, "decoders"))
  .filter((file) => file.endsWith(".json") && !file.includes("classifier"))
  .map((file) => file.slice(0, -".json".length));

const ids = (answer: GeneratedAnswer): number[] => answer.tokens.map(({ id }) => id);
const logProbabilities = (answer: GeneratedAnswer): number[] =>
  answer.tokens.map(({ logProbability }) => logProbability!);

/** Prompts of different lengths together, without padding. */
async function generateAll(
  name: string,
  requests: readonly { prompt: readonly number[]; maxTokens: number }[],
) {
  const generator = await TextGenerator.create(loadTinyModel(folder, name), { threads: 1 });
  const answers = await Promise.all(
    requests.map(({ prompt, maxTokens }) =>
      generator.generate({ prompt: Int32Array.from(prompt), maxTokens, topLogProbabilities: 0 }),
    ),
  );
  await generator.dispose();
  return answers.map(([answer]) => answer!);
}

test("every family is recorded", () => {
  const types = (list: readonly string[]) => [
    ...new Set(list.map((name) => loadTinyModel(folder, name).model.modelType)),
  ];
  expect(types(Object.keys(recorded)).sort()).toEqual([...CAUSAL_MODEL_TYPES].sort());
});

describe("transformers' tokens and log-probabilities", () => {
  test.each(Object.entries(recorded))("%s", async (name, sequences) => {
    const answers = await generateAll(
      name,
      sequences.map(({ prompt, tokens }) => ({ prompt, maxTokens: tokens.length })),
    );
    for (const [index, answer] of answers.entries()) {
      const { tokens, logProbabilities: expected } = sequences[index]!;
      expect(ids(answer)).toEqual(tokens);
      expectAllClose(logProbabilities(answer), expected, { absolute: 1e-4, relative: 1e-4 }, name);
    }
  });
});

describe("reading the whole sequence again for every token", () => {
  test.each(names)("%s", async (name) => {
    const model = loadTinyModel(folder, name);
    const context = tinyConfig(name).maxPositions;
    const prompt = [5, 17, 3].slice(0, Math.max(1, context - 4));
    const [answer] = await generateAll(name, [{ prompt, maxTokens: context }]);
    const tokens = ids(answer!);
    expect(tokens.length).toBe(context - prompt.length);
    expect(answer!.finishReason).toBe("length");
    const logits = await wholeLogits(model, [...prompt, ...tokens], context);
    const width = model.model.config.vocabularySize;
    for (const [index, id] of tokens.entries()) {
      const row = logits.subarray((prompt.length + index - 1) * width, (prompt.length + index) * width);
      expect(row.indexOf(row.reduce((a, b) => Math.max(a, b)))).toBe(id);
      expect(answer!.tokens[index]!.logProbability).toBeCloseTo(logProbabilityOf(row, id), 4);
    }
  });
});

test.each(["qwen3", "mistral", "gemma3"])("%s: a prompt of several chunks", async (name) => {
  const model = loadTinyModel(folder, name, { max_position_embeddings: 2048 });
  const prompt = Array.from({ length: 1100 }, (_, index) => 3 + ((index * index) % 20));
  const generator = await TextGenerator.create(model, { threads: 1 });
  const [[answer], scored] = await Promise.all([
    generator.generate({ prompt: Int32Array.from(prompt), maxTokens: 3, topLogProbabilities: 0 }),
    generator.score(Int32Array.from(prompt.slice(0, 700)), Int32Array.from(prompt.slice(700))),
  ]);
  await generator.dispose();
  const tokens = ids(answer!);
  const logits = await wholeLogits(model, [...prompt, ...tokens], generator.contextLength);
  const at = (place: number, id: number): number =>
    logProbabilityOf(logits.subarray((place - 1) * 24, place * 24), id);
  expectAllClose(
    logProbabilities(answer!),
    tokens.map((id, index) => at(1100 + index, id)),
    { absolute: 1e-4, relative: 1e-4 },
    "generated",
  );
  expectAllClose(
    scored.tokens.map(({ logProbability }) => logProbability),
    prompt.slice(700).map((id, index) => at(700 + index, id)),
    { absolute: 1e-4, relative: 1e-4 },
    "scored",
  );
  expect(scored.logProbability).toBeCloseTo(
    scored.tokens.reduce((sum, token) => sum + token.logProbability, 0),
    6,
  );
});
