import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TuttiError } from "../support/errors.ts";
import { logProbabilityOf, topLogProbabilities } from "./log-probabilities.ts";
import {
  applyCountPenalties,
  applyMinP,
  applyRepetitionPenalty,
  applyTemperature,
  applyTopK,
  applyTopP,
} from "./logits-processors.ts";
import { checkSampling, chooseToken, type SamplingSettings } from "./sampling.ts";

interface Recorded {
  readonly name: "repetitionPenalty" | "temperature" | "topK" | "topP" | "minP" | "all";
  readonly value: number;
  readonly seen: readonly number[];
  readonly logits: readonly number[];
  readonly expected: readonly (number | null)[];
}

const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../fixtures/generate/logits-processors.json"), "utf8"),
) as readonly Recorded[];

function apply(logits: Float32Array, { name, value, seen }: Recorded): void {
  switch (name) {
    case "repetitionPenalty":
      applyRepetitionPenalty(logits, seen, value);
      break;
    case "temperature":
      applyTemperature(logits, value);
      break;
    case "topK":
      applyTopK(logits, value);
      break;
    case "topP":
      applyTopP(logits, value);
      break;
    case "minP":
      applyMinP(logits, value);
      break;
    case "all":
      applyRepetitionPenalty(logits, seen, 1.2);
      applyTemperature(logits, 0.8);
      applyTopK(logits, 20);
      applyTopP(logits, 0.9);
      applyMinP(logits, 0.05);
  }
}

test.each(
  cases.map(
    (recorded) => [`${recorded.name} ${recorded.value}, ${recorded.logits.length} tokens`, recorded] as const,
  ),
)("transformers' %s", (_, recorded) => {
  const logits = Float32Array.from(recorded.logits);
  apply(logits, recorded);
  for (const [id, expected] of recorded.expected.entries()) {
    if (expected === null) expect(logits[id], `id ${id}`).toBe(-Infinity);
    else expect(logits[id], `id ${id}`).toBeCloseTo(expected, 5);
  }
});

test("presence and frequency penalties count generated tokens", () => {
  const logits = Float32Array.of(1, 1, 1);
  applyCountPenalties(
    logits,
    new Map([
      [0, 1],
      [2, 3],
    ]),
    0.5,
    0.25,
  );
  expect([...logits]).toEqual([0.25, 1, -0.25]);
});

describe("the choice", () => {
  const logits = [0, Math.log(2), Math.log(5), -Infinity];
  const history = (length: number, sample = 0) => ({
    promptIds: Int32Array.of(0),
    counts: new Map<number, number>(),
    length,
    sample,
  });
  const choose = (settings: SamplingSettings, length: number, sample = 0): number =>
    chooseToken(Float32Array.from(logits), checkSampling(settings), history(length, sample));

  test("temperature 0 takes the most likely token", () => {
    expect(choose({}, 0)).toBe(2);
  });

  test("draws follow the softmax: chi-squared below its 99.9% point", () => {
    const counts = [0, 0, 0, 0];
    for (let length = 0; length < 8000; length++) counts[choose({ temperature: 1, seed: 5 }, length)]!++;
    const expected = [1000, 2000, 5000];
    const chiSquared = expected.reduce((sum, count, id) => sum + (counts[id]! - count) ** 2 / count, 0);
    expect(counts[3]).toBe(0);
    expect(chiSquared).toBeLessThan(13.8);
  });

  test("a draw depends on seed, sample and place alone", () => {
    const settings = { temperature: 1, seed: 3 };
    const draws = (sample: number) =>
      Array.from({ length: 40 }, (_, length) => choose(settings, length, sample));
    expect(draws(0)).toEqual(draws(0));
    expect(draws(1)).not.toEqual(draws(0));
    expect(choose(settings, 17)).toBe(draws(0)[17]);
  });

  test("logits that are not numbers are an error", () => {
    expect(() => chooseToken(Float32Array.of(Number.NaN, 1), checkSampling({}), history(0))).toThrow(
      expect.objectContaining({ code: "NON_FINITE" }),
    );
  });

  test.each([
    ["temperature", Number.NaN],
    ["topK", 1.5],
    ["topP", 1.1],
    ["seed", 2 ** 32],
  ])("%s %d is refused by name", (name, value) => {
    try {
      checkSampling({ [name]: value });
      expect.unreachable();
    } catch (error) {
      expect(TuttiError.is(error) && error.code).toBe("INVALID_ARGUMENT");
      expect(String(error)).toContain(name);
    }
  });
});

test("log-probabilities of the chosen and of the most likely tokens", () => {
  const logits = Float32Array.of(0, Math.log(3), Math.log(4), Math.log(4));
  expect(logProbabilityOf(logits, 1)).toBeCloseTo(Math.log(3 / 12), 6);
  const top = topLogProbabilities(logits, 3);
  expect(top.map(({ id }) => id)).toEqual([2, 3, 1]);
  expect(top[2]!.logProbability).toBeCloseTo(Math.log(3 / 12), 6);
  expect(topLogProbabilities(logits, 9).length).toBe(4);
});
