/** Means and paired differences of an evaluation. */
import { expect, it } from "vitest";
import { coverageOf } from "../../src/fusion/fusechat/coverage.ts";
import { chosenFrom } from "../../src/fusion/fusechat/dpo-stage.ts";
import {
  accuracyReading,
  type EvaluatedPrompt,
  measure,
  measureDomains,
  scoreReading,
  winReading,
} from "../../src/fusion/fusechat/measures.ts";
import type { FusePreference } from "../../src/fusion/fusechat/settings.ts";
import type { GroupedAnswer } from "../../src/judged/index.ts";
import { RandomStream } from "../../src/tensor/random.ts";

const SYSTEMS = { start: "start", sft: "sft", dpo: "dpo", sources: ["a", "b"] };
const OPTIONS = { resamples: 400, seed: 0 };
const random = new RandomStream({ seed: 3, stream: 0 });

/** Prompts of unlike difficulty; each stage is right where the one before is, and on a tenth more. */
const prompts: EvaluatedPrompt[] = Array.from({ length: 300 }, (_, index) => {
  const hard = random.nextUniform();
  const right = (ability: number) => ({ correct: hard < ability ? 1 : 0, score: ability + hard, tokens: 10 });
  return {
    ...{ promptKey: String(index), domain: index % 2 === 0 ? "even" : "odd" },
    systems: { start: right(0.4), sft: right(0.5), dpo: right(0.6), a: right(0.3), b: right(0.55) },
  };
});

it("differences are paired, so that prompts' difficulty does not widen them", () => {
  const { systems, differences } = measure(prompts, SYSTEMS, accuracyReading, "accuracy", OPTIONS);
  expect(Object.keys(systems)).toEqual(["start", "sft", "dpo", "a", "b"]);
  expect(differences.map(({ of, against }) => `${of} ${against}`)).toEqual([
    "sft start",
    "dpo sft",
    "dpo start",
    "dpo b",
  ]);
  const [step] = differences;
  expect(step!.value).toBeCloseTo(systems.sft!.value - systems.start!.value, 9);
  const width = ([low, high]: readonly [number, number]): number => high - low;
  expect(step!.interval[0]).toBeGreaterThan(0);
  expect(width(step!.interval)).toBeLessThan(0.75 * width(systems.start!.interval));
  // The standard error of a share of 300.
  const expected = 2 * 1.96 * 100 * Math.sqrt((0.4 * 0.6) / 300);
  expect(width(systems.start!.interval)).toBeGreaterThan(0.8 * expected);
  expect(width(systems.start!.interval)).toBeLessThan(1.2 * expected);
});

it("a prompt counts only where both have an outcome", () => {
  const holes = prompts.map((prompt, index) =>
    index < 100
      ? { ...prompt, systems: { ...prompt.systems, sft: { correct: null, score: null, tokens: null } } }
      : prompt,
  );
  const { systems, differences } = measure(holes, SYSTEMS, accuracyReading, "accuracy", OPTIONS);
  expect([systems.start!.prompts, systems.sft!.prompts, differences[0]!.prompts]).toEqual([300, 200, 200]);
});

it("domains without verdicts are left out, and judged scores stay apart from correct answers", () => {
  const blind = prompts.map((prompt) =>
    prompt.domain === "odd"
      ? {
          ...prompt,
          systems: Object.fromEntries(
            Object.entries(prompt.systems).map(([name, one]) => [name, { ...one, correct: null }]),
          ),
        }
      : prompt,
  );
  const domains = (reading: typeof accuracyReading) =>
    measureDomains(blind, SYSTEMS, reading, "x", { ...OPTIONS, hasMean: false }).map(({ domain }) => domain);
  expect(domains(accuracyReading)).toEqual(["even"]);
  expect(domains(scoreReading)).toEqual(["even", "odd"]);
});

it("the mean of the domains counts every domain alike, and only who was asked in all of them", () => {
  const uneven = prompts.filter(({ domain }, index) => domain === "even" || index < 60);
  const partly = uneven.map((prompt) => {
    const { a: _, ...others } = prompt.systems;
    return prompt.domain === "odd" ? { ...prompt, systems: others } : prompt;
  });
  const [even, odd, all] = measureDomains(partly, SYSTEMS, accuracyReading, "x", {
    ...OPTIONS,
    hasMean: true,
  });
  expect([even!.domain, odd!.domain]).toEqual(["even", "odd"]);
  const [a, b, c] = [even!, odd!, all!].map(({ systems }) => systems.dpo!.value);
  expect(c).toBeCloseTo((a! + b!) / 2, 9);
  expect(all!.systems.dpo!.prompts).toBe(180);
  expect(Object.keys(all!.systems)).toEqual(["start", "sft", "dpo", "b"]);
  expect(all!.differences.at(-1)).toMatchObject({ of: "dpo", against: "b" });
});

it("wins are against the untouched target, ties half", () => {
  const { systems } = measure(prompts, SYSTEMS, winReading("start"), "wins", OPTIONS);
  expect([systems.start!.value, systems.dpo!.value, systems.a!.value]).toEqual([50, 100, 0]);
});

it("the last two checkpoints are the end and the one before it", () => {
  const from = (keep: FusePreference["keep"], steps: number): number =>
    chosenFrom({ keep, checkpointEvery: 100 } as FusePreference, steps);
  expect([501, 500, 80].map((steps) => from("better-of-last-two", steps))).toEqual([500, 400, 0]);
  expect(from("best", 501)).toBe(0);
});

it("coverage: joint is more than the best source knows", () => {
  const said = (source: string, isCorrect: boolean | null) =>
    ({ source, isCorrect, status: "ok" }) as unknown as GroupedAnswer;
  const coverage = coverageOf();
  const add = (...answers: GroupedAnswer[]): void =>
    coverage.add({ ...{ promptKey: "", id: "", domain: "", messages: [] }, answers });
  add(said("a", true), said("a", false), said("b", false));
  add(said("a", false), said("a", false), said("b", true));
  add(said("a", null));
  expect(coverage.result()).toEqual({
    prompts: 2,
    sources: { a: 0.5, b: 0.5 },
    accuracies: { a: 0.25, b: 0.5 },
    joint: 1,
  });
});
