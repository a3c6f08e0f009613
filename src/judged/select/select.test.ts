import { describe, expect, it } from "vitest";
import { answer, group } from "../../../test/support/judged-answers.ts";
import { RandomStream } from "../../tensor/random.ts";
import {
  bestAnswer,
  bestCorrectAnswer,
  crossSourcePairs,
  type Decision,
  decideGroup,
  type GroupedAnswer,
  leastNllAnswer,
  majorityAnswer,
  sameSourcePairs,
  shortestAboveMeanPairs,
  wrpoTriples,
} from "./index.ts";

/** "a:best" for a kept answer, "-a:not_best" for a dropped one, "a>b:..." for pairs. */
const said = (decisions: readonly Decision[]): string[] =>
  decisions
    .map(
      ({ answer: one, rejected, sourceChosen, isKept, reason }) =>
        `${isKept ? "" : "-"}${sourceChosen ? `${sourceChosen.key}>` : ""}${one?.key ?? ""}${rejected ? `>${rejected.key}` : ""}:${reason}`,
    )
    .sort();

describe("answers", () => {
  it("best: the highest score, the earlier of equals; others say why not", () => {
    const given = group(
      answer("a", "x", 1),
      answer("b", "y", 3),
      answer("c", "y", 3),
      answer("d", "z", null),
      answer("e", "z", 9, { status: "truncated" }),
    );
    expect(said(bestAnswer().decide(given))).toEqual([
      "-a:not_best",
      "-c:not_best",
      "-d:not_scored",
      "-e:truncated",
      "b:best",
    ]);
  });

  it("correct, then best: a wrong answer never wins, whatever its score", () => {
    const given = group(
      answer("a", "x", 9, { isCorrect: false }),
      answer("b", "y", 1, { isCorrect: true }),
      answer("c", "y", 2, { isCorrect: true }),
      answer("d", "z", 5),
    );
    expect(said(bestCorrectAnswer().decide(given))).toEqual([
      "-a:wrong",
      "-b:not_best",
      "-d:not_verified",
      "c:best_correct",
    ]);
    const unscored = group(
      answer("a", "x", null, { isCorrect: true }),
      answer("b", "x", -1, { isCorrect: true }),
    );
    expect(said(bestCorrectAnswer().decide(unscored))).toContain("b:best_correct");
  });

  it("vote: the majority's best answer; ties go to the higher sum of scores, then to the first", () => {
    const given = group(
      answer("a", "x", 1, { finalAnswer: "4" }),
      answer("b", "y", 2, { finalAnswer: "4" }),
      answer("c", "z", 9, { finalAnswer: "5" }),
      answer("d", "z", 9),
    );
    expect(said(majorityAnswer().decide(given))).toEqual([
      "-a:majority_other",
      "-c:minority",
      "-d:no_final_answer",
      "b:majority",
    ]);
    expect(said(majorityAnswer({ leastShare: 0.7 }).decide(given))).toContain("-b:share_too_small");
    const tie = group(answer("a", "x", 1, { finalAnswer: "4" }), answer("c", "z", 9, { finalAnswer: "5" }));
    expect(said(majorityAnswer().decide(tie))).toContain("c:majority");
    const unscored = group(
      answer("a", "x", null, { finalAnswer: "4" }),
      answer("c", "z", null, { finalAnswer: "5" }),
    );
    expect(said(majorityAnswer().decide(unscored))).toContain("a:majority");
  });

  it("least NLL: per token, or of the whole answer", () => {
    const given = group(
      answer("a", "x", null, { logProbability: -10, tokens: 5 }),
      answer("b", "y", null, { logProbability: -12, tokens: 12 }),
      answer("c", "z", null),
    );
    expect(said(leastNllAnswer().decide(given))).toEqual([
      "-a:not_least_nll",
      "-c:no_log_probability",
      "b:least_nll",
    ]);
    expect(said(leastNllAnswer({ isTotal: true }).decide(given))).toContain("a:least_nll");
  });
});

describe("pairs", () => {
  const window = { least: 0.01, most: 0.1 };

  it("same source: one pair, of the source with the largest gap inside the window", () => {
    const given = group(
      answer("a", "x", 0.1),
      answer("b", "x", 0.15),
      answer("c", "y", 0.1),
      answer("d", "y", 0.19),
      answer("e", "y", 0.12),
      answer("f", "z", 0.1),
      answer("g", "z", 0.9),
      answer("h", "v", 0.1),
      answer("i", "w", 0.1),
      answer("j", "w", 0.101),
    );
    expect(said(sameSourcePairs({ gap: window }).decide(given))).toEqual([
      "-b>a:other_source",
      "-e:not_extreme",
      "-g>f:gap_too_large",
      "-h:no_rival",
      "-j>i:gap_too_small",
      "d>c:same_source",
    ]);
    const all = said(sameSourcePairs({ gap: window, sources: "all" }).decide(given));
    expect(all).toContain("b>a:same_source");
    const first = said(sameSourcePairs({ gap: window, sources: "first" }).decide(given));
    expect(first).toEqual(expect.arrayContaining(["b>a:same_source", "-d>c:other_source"]));
  });

  it("verified: best correct against worst wrong of one source", () => {
    const given = group(
      answer("a", "x", 3, { isCorrect: true }),
      answer("b", "x", 9, { isCorrect: false }),
      answer("c", "x", 1, { isCorrect: false }),
      answer("d", "y", 1, { isCorrect: false }),
      answer("e", "z", 1, { isCorrect: true }),
      answer("f", "z", 1),
    );
    expect(said(sameSourcePairs({ isVerified: true }).decide(given))).toEqual([
      "-b:not_extreme",
      "-d:none_correct",
      "-e:none_wrong",
      "-f:not_judged",
      "a>c:same_source",
    ]);
  });

  it("a pair whose correct answer scores lower is no pair", () => {
    const given = group(answer("a", "x", 1, { isCorrect: true }), answer("b", "x", 2, { isCorrect: false }));
    expect(said(sameSourcePairs({ isVerified: true }).decide(given))).toEqual(["-a>b:gap_too_small"]);
  });

  it("cross source: best against worst of all, or of the other sources", () => {
    const given = group(answer("a", "x", 1), answer("b", "x", 5), answer("c", "y", 2));
    expect(said(crossSourcePairs().decide(given))).toEqual(["-c:not_extreme", "b>a:cross_source"]);
    expect(said(crossSourcePairs({ allowsSameSource: false }).decide(given))).toEqual([
      "-a:not_extreme",
      "b>c:cross_source",
    ]);
  });

  it("shortest above the mean against the lowest", () => {
    const given = group(
      answer("a", "x", 4, { tokens: 50 }),
      answer("b", "x", 3, { tokens: 10 }),
      answer("c", "x", 1, { tokens: 1 }),
      answer("d", "x", 0, { tokens: 5 }),
    );
    expect(said(shortestAboveMeanPairs().decide(given))).toEqual([
      "-a:not_extreme",
      "-c:not_extreme",
      "b>d:shortest_above_mean",
    ]);
    const equal = group(answer("a", "x", 0.1), answer("b", "x", 0.1), answer("c", "x", 0.1));
    expect(said(shortestAboveMeanPairs().decide(equal))).toContain("-a:none_above_mean");
  });

  it("WRPO: the target's best and worst answer, and the best one of the others", () => {
    const own = [answer("a", "me", 3), answer("b", "me", 1), answer("c", "me", 2)];
    const wrpo = (...others: GroupedAnswer[]) =>
      said(wrpoTriples({ target: "me" }).decide(group(...own, ...others)));
    expect(wrpo(answer("d", "x", 4), answer("e", "y", 5))).toEqual([
      "-c:not_extreme",
      "-d:not_extreme",
      "e>a>b:wrpo",
    ]);
    // A source below the target's best still teaches what is better than its worst.
    expect(wrpo(answer("d", "x", 2.5))).toEqual(["-c:not_extreme", "d>a>b:wrpo"]);
    expect(wrpo(answer("d", "x", 1))).toContain("-a:source_not_better");
    expect(wrpo(answer("d", "x", 4, { text: "text a" }))).toContain("-d:same_text");
    expect(wrpo()).toContain("-a:no_source");
    const alone = group(answer("d", "x", 4), answer("e", "x", 1));
    expect(said(wrpoTriples({ target: "me" }).decide(alone))).toEqual(["-d:no_target", "-e:no_target"]);
    const narrow = wrpoTriples({ target: "me", gap: { least: 0, most: 1 } });
    expect(said(narrow.decide(group(...own, answer("d", "x", 4))))).toContain("-d:gap_too_large");
  });

  it("WRPO, verified: a wrong answer of a source is none to learn from, however well it scores", () => {
    const wrpo = wrpoTriples({ target: "me", isVerified: true });
    const given = group(
      answer("a", "me", 3, { isCorrect: true }),
      answer("b", "me", 5, { isCorrect: false }),
      answer("c", "me", 1, { isCorrect: false }),
      answer("d", "x", 9, { isCorrect: false }),
      answer("e", "x", 2, { isCorrect: true }),
    );
    expect(said(wrpo.decide(given))).toEqual(["-b:not_extreme", "-d:not_extreme", "e>a>c:wrpo"]);
  });

  it("equal texts are no pair, and a wrong window is refused", () => {
    const given = group(answer("a", "x", 1, { text: "same" }), answer("b", "x", 2, { text: "same" }));
    expect(said(sameSourcePairs().decide(given))).toEqual(["-b>a:same_text"]);
    expect(() => crossSourcePairs({ gap: { least: 1, most: 0 } })).toThrow(/received 1 to 0/);
  });
});

const SELECTORS = [
  bestAnswer(),
  bestCorrectAnswer(),
  majorityAnswer({ leastShare: 0.4 }),
  leastNllAnswer(),
  sameSourcePairs({ gap: { least: 0.1, most: 2 } }),
  sameSourcePairs({ isVerified: true, sources: "all" }),
  crossSourcePairs({ isVerified: true, allowsSameSource: false }),
  shortestAboveMeanPairs(),
  wrpoTriples({ target: "x" }),
  wrpoTriples({ target: "y", isVerified: true }),
];

it("every answer stands in exactly one decision, whatever is known of it", () => {
  const random = new RandomStream({ seed: 5, stream: 1 });
  const one = <T>(values: readonly T[]): T => values[random.nextInteger(values.length)]!;
  for (let round = 0; round < 300; round++) {
    const answers = Array.from({ length: random.nextInteger(9) }, (_, index) =>
      answer(`${index}`, one(["x", "y", "z"]), one([null, 0, 0.5, 1, 1.5]), {
        status: one(["ok", "ok", "ok", "empty", "refusal"] as const),
        isCorrect: one([true, false, null]),
        finalAnswer: one(["1", "2", null]),
        text: one(["same", `text ${index}`]),
        ...(one([true, false]) && { tokens: 1 + random.nextInteger(5) }),
        ...(one([true, false]) && { logProbability: -random.nextUniform() }),
      }),
    );
    for (const selector of SELECTORS) {
      const decisions = decideGroup(selector, group(...answers));
      const keys = decisions.flatMap(({ answer: given, rejected, sourceChosen }) =>
        [given, rejected, sourceChosen].map((one) => one?.key),
      );
      expect(keys.filter((key) => key !== undefined).sort()).toEqual(answers.map(({ key }) => key));
      if (answers.length === 0) expect(said(decisions)).toEqual(["-:no_answers"]);
      for (const { isKept, answer: given, rejected } of decisions.filter(({ isKept: kept }) => kept)) {
        expect(isKept && (rejected !== undefined) === (selector.gives === "pairs")).toBe(true);
        expect(given?.status).toBe("ok");
      }
    }
  }
});
