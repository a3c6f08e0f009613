/** Which prompts are imitated and which give pairs. */
import { describe, expect, it } from "vitest";
import {
  type AssignedPrompts,
  type Assignment,
  assignPrompts,
  decidePrompt,
} from "../../src/fusion/fusechat/assign-prompts.ts";
import {
  bestAnswer,
  bestCorrectAnswer,
  type GroupedAnswer,
  type JudgedGroup,
  sameSourcePairs,
} from "../../src/judged/index.ts";
import { RandomStream } from "../../src/tensor/random.ts";

const answer = (
  source: string,
  index: number,
  score: number,
  isCorrect: boolean | null = null,
): GroupedAnswer => ({
  ...{ key: `${source}-${index}`, source, text: `${source} says ${score}`, status: "ok", score, isCorrect },
  finalAnswer: null,
});

const group = (number: number, answers: readonly GroupedAnswer[]): JudgedGroup => ({
  ...{ promptKey: `p${number}`, id: `p${number}`, domain: "any", answers },
  messages: [{ role: "user", content: `prompt ${number}` }],
});

/** Prompts of which `pairable` have a gap inside the window. */
const groups = (count: number, pairable: number): JudgedGroup[] =>
  Array.from({ length: count }, (_, number) =>
    group(number, [answer("a", 0, 0.5), answer("a", 1, number < pairable ? 0.45 : 0.2)]),
  );

const RULE: Assignment = {
  answers: bestAnswer(),
  pairs: sameSourcePairs({ gap: { least: 0.01, most: 0.1 } }),
  promptShare: 0.4,
  unpaired: "drop",
};

function assigned(prompts: readonly JudgedGroup[], rule: Assignment): AssignedPrompts {
  const random = new RandomStream({ seed: 1, stream: 2 });
  return assignPrompts(
    prompts.map((one) => decidePrompt(one, rule, random.nextUniform())),
    rule,
  );
}

const keysOf = (rows: AssignedPrompts["sft"]["rows"]): string[] => rows.map(({ group }) => group.promptKey);

describe("prompts without a pair are left out", () => {
  it.each([
    [51_098, 20_439, 30_659],
    [20_374, 8_149, 12_225],
    [9_435, 3_774, 5_661],
  ])("of %i prompts %i are imitated and %i give a pair, as in FuseChat-3.0's table", (kept, sft, pairs) => {
    const result = assigned(groups(kept + 7, kept), RULE);
    expect([result.sft.rows.length, result.pairs!.rows.length]).toEqual([sft, pairs]);
    expect(result.drops).toEqual({ gap_too_large: 7 });
    expect(result.moved).toEqual({});
  });
});

describe("every prompt has one place", () => {
  const prompts = [
    ...groups(40, 25),
    group(100, []),
    group(101, [{ ...answer("a", 0, 1), status: "truncated" }]),
    group(102, [answer("a", 0, 0.5)]),
  ];

  it.each(["drop", "sft"] as const)("unpaired: %s", (unpaired) => {
    const { sft, pairs, drops, moved, prompts: count } = assigned(prompts, { ...RULE, unpaired });
    const places = [...keysOf(sft.rows), ...keysOf(pairs!.rows)];
    expect(new Set(places).size).toBe(places.length);
    const dropped = Object.values(drops).reduce((sum, some) => sum + some, 0);
    expect(places.length + dropped).toBe(count);
    expect(drops).toEqual(
      unpaired === "drop"
        ? { gap_too_large: 15, no_answers: 1, no_rival: 1, truncated: 1 }
        : { no_answers: 1, truncated: 1 },
    );
    const movedCount = Object.values(moved).reduce((sum, some) => sum + some, 0);
    expect(unpaired === "drop" ? movedCount : sft.rows.length).toBe(
      unpaired === "drop" ? 0 : 16 + movedCount,
    );
  });

  it("lets go of texts that are not kept", () => {
    const { sft } = assigned(prompts, RULE);
    for (const { isKept, answer: one } of sft.decisions) expect(one!.text === "").toBe(!isKept);
  });
});

it("verified prompts need a right and a wrong answer of one source for a pair", () => {
  const rule: Assignment = {
    answers: bestCorrectAnswer(),
    pairs: sameSourcePairs({ isVerified: true }),
    promptShare: 0,
    unpaired: "sft",
  };
  const mixed = [answer("a", 0, 0.5, true), answer("a", 1, 0.4, false)];
  const across = [answer("a", 0, 0.5, true), answer("b", 1, 0.4, false)];
  const wrong = [answer("a", 0, 0.5, false), answer("a", 1, 0.4, false)];
  const { sft, pairs, drops, moved } = assigned([group(0, mixed), group(1, across), group(2, wrong)], rule);
  expect(keysOf(pairs!.rows)).toEqual(["p0"]);
  expect(keysOf(sft.rows)).toEqual(["p1"]);
  expect(drops).toEqual({ wrong: 1 });
  expect(Object.values(moved)).toEqual([1]);
});

it("without a rule for pairs, prompts beyond the share are left out", () => {
  const { sft, pairs, drops } = assigned(groups(10, 0), { ...RULE, pairs: undefined, unpaired: "sft" });
  expect([sft.rows.length, pairs]).toEqual([4, undefined]);
  expect(drops).toEqual({ beyond_share: 6 });
});
