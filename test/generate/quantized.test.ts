/** Models in 8 and 4 bits beside the same model in float32. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GeneratedAnswer, loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { createCausalModel } from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { FIXTURES } from "../support/fixtures.ts";
import { hasInstructions } from "../support/processor.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-quantized-"));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = {
  model_type: "qwen3",
  vocab_size: 640,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 256,
  initializer_range: 0.2,
  tie_word_embeddings: false,
};

beforeAll(() => {
  writeFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  copyFileSync(join(FIXTURES, "text/byte-level.tokenizer.json"), join(folder, "tokenizer.json"));
  const parameters = initialiseParameters(createCausalModel(CONFIG).specs, 3);
  writeSafetensors(
    join(folder, "model.safetensors"),
    Object.entries(parameters).map(([name, { shape, data }]) => ({
      name,
      dtype: "F32" as const,
      shape,
      data,
    })),
  );
});

const PROMPT = Int32Array.from({ length: 20 }, (_, index) => (index * 37) % 600);
const CONTINUATION = Int32Array.from({ length: 60 }, (_, index) => (index * 53 + 7) % 600);

async function open(weightBits: 4 | 8 | 32) {
  const model = loadGenerationModel(folder, { weightBits });
  const generator = await TextGenerator.create(model, { threads: 1 });
  return { model, generator };
}

async function logProbabilities(weightBits: 4 | 8 | 32) {
  const { model, generator } = await open(weightBits);
  const { tokens } = await generator.score(PROMPT, CONTINUATION);
  await generator.dispose();
  return { model, values: tokens.map(({ logProbability }) => logProbability) };
}

test("log-probabilities are near those of float32, nearer with more bits; memory is what it should be", async () => {
  const [exact, eight, four] = [
    await logProbabilities(32),
    await logProbabilities(8),
    await logProbabilities(4),
  ];
  const distance = ({ values }: { values: number[] }): number =>
    Math.sqrt(
      values.reduce((sum, value, index) => sum + (value - exact.values[index]!) ** 2, 0) / values.length,
    );
  const spread = Math.sqrt(
    exact.values.reduce((sum, value) => sum + (value - exact.values.reduce((a, b) => a + b) / 60) ** 2, 0) /
      60,
  );
  expect(distance(eight)).toBeLessThan(0.06 * spread);
  expect(distance(four)).toBeLessThan(0.4 * spread);
  expect(distance(eight)).toBeLessThan(distance(four));
  expect(exact.model.quantizationError).toBe(0);
  expect(eight.model.quantizationError).toBeLessThan(0.006);
  expect(four.model.quantizationError).toBeGreaterThan(eight.model.quantizationError);
  // 8 bits, a scale and a zero point for 32 weights: 9.25 of 32 bits.
  expect(eight.model.weightBytes / exact.model.weightBytes).toBeCloseTo(9.25 / 32, 2);
  expect(four.model.weightBytes).toBeLessThan(eight.model.weightBytes);
});

/** Without AVX-512, ONNX Runtime sums products of 4 bits in another order for one row than for many. */
const isExact = (bits: 4 | 8): boolean => bits === 8 || hasInstructions("avx512f");

/** Tokens are the same, log-probabilities nearly: inputs of products are rounded to 8 bits, so a last bit can become a step of those. */
function expectNear([received]: readonly GeneratedAnswer[], [expected]: readonly GeneratedAnswer[]): void {
  expect(received!.tokens.map(({ id }) => id)).toEqual(expected!.tokens.map(({ id }) => id));
  for (const [place, { logProbability }] of expected!.tokens.entries())
    expect(received!.tokens[place]!.logProbability).toBeCloseTo(logProbability!, 1);
}

test.each([4, 8] as const)("%i bits: who shares the batch changes nothing, to the last bit", async (bits) => {
  const { generator } = await open(bits);
  const requests = Array.from({ length: 8 }, (_, index) => ({
    // The last ones begin alike, and take each other's beginning.
    prompt:
      index < 5
        ? PROMPT.subarray(index, 20 - index)
        : Int32Array.of(
            ...Array(4)
              .fill([...PROMPT])
              .flat(),
            index,
            3,
            index,
          ),
    maxTokens: 8 + 3 * index,
    temperature: index % 2,
    seed: index,
    topLogProbabilities: 3,
  }));
  const together = await Promise.all(requests.map((request) => generator.generate(request)));
  for (const [index, request] of requests.entries()) {
    const alone = await generator.generate(request);
    if (isExact(bits)) expect(together[index]).toEqual(alone);
    else expectNear(together[index]!, alone);
  }
  await generator.dispose();
});
