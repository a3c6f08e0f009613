import { describe, expect, test } from "vitest";
import { foldOf, type JudgedRecord, normalisedPrompt, splitByPrompt } from "./index.ts";

type Prompted = { readonly name: number; readonly prompt: JudgedRecord["prompt"] };

const prompts: readonly Prompted[] = Array.from({ length: 4000 }, (_, name) => ({
  name,
  prompt: `prompt number ${name}`,
}));

const holdoutNames = (records: readonly Prompted[], holdoutShare: number, seed: number) =>
  splitByPrompt(records, { holdoutShare, seed }).holdout.map((record) => record.name);

describe("the same prompt", () => {
  test.each<[JudgedRecord["prompt"], JudgedRecord["prompt"]]>([
    ["What is 1 + 1?", "  what is\n1 + 1 "],
    ["What is 1 + 1?", [{ role: "user", content: "What is 1 + 1?" }]],
    ["It\u2019s \u201cfine\u201d", 'It\'s "fine"'],
    ["caf\u00e9", "cafe\u0301"],
    ["\uFF21\uFF22\uFF23", "abc"],
    ["\u043F\u0440\u0438\u0432\u0435\u0442!", "\u041F\u0440\u0438\u0432\u0435\u0442"],
  ])("%j and %j land together, for every seed", (one, other) => {
    expect(normalisedPrompt(one)).toBe(normalisedPrompt(other));
    for (let seed = 0; seed < 50; seed++) {
      expect(foldOf({ prompt: one }, 7, seed)).toBe(foldOf({ prompt: other }, 7, seed));
      expect(
        splitByPrompt([{ prompt: one }, { prompt: other }], { holdoutShare: 0.5, seed }).train,
      ).not.toHaveLength(1);
    }
  });

  test.each([
    ["one two", "onetwo"],
    ["\u041A\u0430\u043A?", "\u041A\u0442\u043E?"],
    ["?!", "!?"],
    ["\u{1F600}", "\u{1F622}"],
  ])("%j and %j are different prompts", (one, other) => {
    expect(normalisedPrompt(one)).not.toBe(normalisedPrompt(other));
  });
});

describe("splitByPrompt", () => {
  test("parts every record once, in order, in about the share asked for", () => {
    const { train, holdout } = splitByPrompt(prompts, { holdoutShare: 0.2, seed: 3 });
    expect([...train, ...holdout].map((record) => record.name).sort((a, b) => a - b)).toEqual(
      prompts.map((record) => record.name),
    );
    expect(train.map((record) => record.name)).toEqual(
      train.map((record) => record.name).sort((a, b) => a - b),
    );
    expect(Math.abs(holdout.length / prompts.length - 0.2)).toBeLessThan(0.03);
  });

  test("depends on the seed and on nothing around a record", () => {
    const all = new Set(holdoutNames(prompts, 0.3, 5));
    const some = prompts.filter((record) => record.name % 3 === 0).reverse();
    expect(new Set(holdoutNames(some, 0.3, 5))).toEqual(new Set([...all].filter((name) => name % 3 === 0)));
    const others = holdoutNames(prompts, 0.3, 6).filter((name) => all.has(name));
    expect(Math.abs(others.length / all.size - 0.3)).toBeLessThan(0.08);
  });

  test("a larger share holds out the same prompts and more; the ends hold none and all", () => {
    const larger = new Set(holdoutNames(prompts, 0.4, 1));
    expect(holdoutNames(prompts, 0.1, 1).every((name) => larger.has(name))).toBe(true);
    expect(holdoutNames(prompts, 0, 1)).toHaveLength(0);
    expect(holdoutNames(prompts, 1, 1)).toHaveLength(prompts.length);
  });

  test.each([-0.1, 1.1, Number.NaN])("a share of %s is refused", (holdoutShare) => {
    expect(() => splitByPrompt(prompts, { holdoutShare, seed: 0 })).toThrow(/^holdoutShare: received/);
  });
});

describe("foldOf", () => {
  test("fills every fold evenly and stays the same between releases", () => {
    const counts = new Array<number>(5).fill(0);
    for (const record of prompts) counts[foldOf(record, 5, 11)]! += 1;
    for (const count of counts) expect(Math.abs(count - 800)).toBeLessThan(110);
    expect(
      prompts
        .slice(0, 12)
        .map((record) => foldOf(record, 5, 11))
        .join(""),
    ).toBe("024211322430");
  });

  test("is independent of the holdout of the same seed", () => {
    const { train } = splitByPrompt(prompts, { holdoutShare: 0.2, seed: 11 });
    const counts = new Array<number>(5).fill(0);
    for (const record of train) counts[foldOf(record, 5, 11)]! += 1;
    for (const count of counts) expect(Math.abs(count / train.length - 0.2)).toBeLessThan(0.03);
  });

  test.each([0, -1, 2.5, Number.NaN])("%s folds are refused", (folds) => {
    expect(() => foldOf(prompts[0]!, folds, 0)).toThrow(/^folds: received/);
  });

  test.each([0.5, Number.NaN])("a seed of %s is refused", (seed) => {
    expect(() => foldOf(prompts[0]!, 5, seed)).toThrow(/^seed: received/);
  });
});
