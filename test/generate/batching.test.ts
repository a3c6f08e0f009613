/** Continuous batching: who shares the batch changes nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  type GeneratedAnswer,
  type GenerationRequest,
  TextGenerator,
  type TextGeneratorOptions,
} from "../../src/generate/index.ts";
import { loadTinyModel } from "../support/tiny-generation.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-batching-"));
afterAll(() => rmSync(folder, { recursive: true }));

const create = (name: string, options: TextGeneratorOptions = {}): Promise<TextGenerator> =>
  TextGenerator.create(loadTinyModel(folder, name, { max_position_embeddings: 1500 }), {
    threads: 1,
    ...options,
  });

/** Prompts and lengths that join and leave at different times; one prompt of several chunks. */
const REQUESTS: readonly GenerationRequest[] = Array.from({ length: 9 }, (_, index) => ({
  prompt: Int32Array.from(
    { length: index === 4 ? 1200 : 1 + ((index * 7) % 11) },
    (_, place) => 3 + ((place * 5 + index) % 20),
  ),
  maxTokens: 3 + ((index * 13) % 17),
  topLogProbabilities: 2,
  ...(index % 2 === 1 && { temperature: 1.5, seed: index, topP: 0.95, repetitionPenalty: 1.1 }),
  ...(index % 3 === 2 && { samples: 3 }),
}));

function expectEqual(received: readonly GeneratedAnswer[], expected: readonly GeneratedAnswer[]): void {
  expect(received.length).toBe(expected.length);
  for (const [index, answer] of received.entries()) {
    const other = expected[index]!;
    expect(answer.tokens.map(({ id }) => id)).toEqual(other.tokens.map(({ id }) => id));
    expect(answer.text).toBe(other.text);
    expect(answer.finishReason).toBe(other.finishReason);
    for (const [place, { logProbability }] of answer.tokens.entries()) {
      expect(logProbability).toBeCloseTo(other.tokens[place]!.logProbability!, 4);
    }
  }
}

describe.each(["llama-linear", "gemma3", "mistral"])("%s", (name) => {
  test.each([1, 3, 16])(
    "at most %i at once: every answer is the one that the request gets alone",
    async (maxBatch) => {
      const generator = await create(name, { maxBatch });
      const together: Promise<GeneratedAnswer[]>[] = [];
      for (const request of REQUESTS) {
        together.push(generator.generate(request));
        // Some join while others are under way.
        await new Promise((resolve) => setTimeout(resolve, together.length % 3));
      }
      const answers = await Promise.all(together);
      for (const [index, request] of REQUESTS.entries()) {
        expectEqual(answers[index]!, await generator.generate(request));
      }
      await generator.dispose();
    },
  );
});

test("samples of one prompt differ, and are the same again for the same seed", async () => {
  const generator = await create("llama-linear");
  const request = { prompt: Int32Array.of(3, 4, 5), maxTokens: 12, samples: 6, temperature: 2, seed: 11 };
  const [first, second] = [await generator.generate(request), await generator.generate(request)];
  const texts = first.map(({ tokens }) => tokens.map(({ id }) => id).join());
  expect(new Set(texts).size).toBeGreaterThan(3);
  expect(second).toEqual(first);
  expect(await generator.generate({ ...request, seed: 12 })).not.toEqual(first);
  await generator.dispose();
});

test("an aborted request ends where it is, its neighbours go on", async () => {
  const generator = await create("llama-linear");
  const controller = new AbortController();
  let seen = 0;
  const neighbour = { prompt: Int32Array.of(6, 7, 8), maxTokens: 40, topLogProbabilities: 0 };
  const [stopped, other] = await Promise.all([
    generator.generate(
      { prompt: Int32Array.of(3, 4), maxTokens: 400, samples: 2, signal: controller.signal },
      () => {
        if (++seen === 9) controller.abort();
      },
    ),
    generator.generate(neighbour),
  ]);
  expect(stopped.map(({ finishReason }) => finishReason)).toEqual(["aborted", "aborted"]);
  expect(stopped[0]!.tokens.length).toBeLessThan(10);
  expectEqual(other, await generator.generate(neighbour));
  await generator.dispose();
});
test("streams give the same tokens and text; leaving one early ends it", async () => {
  const generator = await create("mistral");
  const request = { prompt: Int32Array.of(3, 4, 5), maxTokens: 30, temperature: 1, seed: 3 };
  const [whole] = await generator.generate(request);
  let text = "";
  const tokens: number[] = [];
  for await (const event of generator.stream(request)) {
    text += event.text;
    tokens.push(event.token.id);
  }
  expect(text).toBe(whole!.text);
  expect(tokens).toEqual(whole!.tokens.map(({ id }) => id));
  for await (const _ of generator.stream({ ...request, maxTokens: 1400 })) break;
  await generator.dispose();
});

describe("what is refused", () => {
  const prompt = Int32Array.of(3);
  test.each<[string, Partial<GenerationRequest>]>([
    ["prompt", { prompt: new Int32Array(0) }],
    ["context", { prompt: new Int32Array(1500).fill(3) }],
    ["outside the vocabulary", { prompt: Int32Array.of(24) }],
    ["maxTokens", { maxTokens: 0 }],
    ["samples", { samples: 1.5 }],
    ["temperature", { temperature: -1 }],
    ["topP", { topP: 0 }],
    ["topK", { topK: -1 }],
    ["minP", { minP: 2 }],
    ["repetitionPenalty", { repetitionPenalty: 0 }],
    ["seed", { seed: -1 }],
    ["stop string", { stopStrings: [""] }],
    ["topLogProbabilities", { topLogProbabilities: -1 }],
  ])("%s", async (word, changes) => {
    const generator = await create("llama-linear");
    await expect(generator.generate({ prompt, maxTokens: 2, ...changes })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(word),
    });
    await generator.dispose();
  });

  test("a disposed generator, a context beyond the model's", async () => {
    const generator = await create("llama-linear");
    await generator.dispose();
    await expect(generator.generate({ prompt })).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    await expect(create("llama-linear", { contextLength: 1501 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});
