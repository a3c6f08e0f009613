/** Agreement and bias of judges, with planted biases that go through a real pairwise judge over HTTP. */
import { describe, expect, it } from "vitest";
import { type JudgementRow, judgementKey, type ResponseRow } from "../../src/judged/index.ts";
import {
  agreementReport,
  BUILT_IN_RUBRICS,
  biasReport,
  comparisonsOf,
  createPairwiseJudge,
  type Rating,
  ratingsOfComparisons,
} from "../../src/judges/index.ts";
import { cohenKappa, fleissKappa, type KappaWeights } from "../../src/statistics/kappa.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import { type ChatBody, scriptedModel } from "../support/chat-server.ts";
import { fixtureJson } from "../support/fixtures.ts";
import { promptRow, responseRow } from "../support/store-rows.ts";

interface KappaFixture {
  readonly categories: number;
  readonly ratings: number[][];
  readonly cohen: Record<KappaWeights, number>;
  readonly fleiss: number;
}

describe("kappa", () => {
  const { categories, ratings, cohen, fleiss } = fixtureJson<KappaFixture>("evaluation/kappa.json");

  it("Cohen's as scikit-learn has it, unweighted and weighted", () => {
    for (const weights of ["none", "linear", "quadratic"] as const)
      expect(cohenKappa(ratings[0]!, ratings[1]!, categories, weights)).toBeCloseTo(cohen[weights], 12);
  });

  it("Fleiss' as exact fractions have it", () => {
    const items = ratings[0]!.map((_, item) => ratings.map((rater) => rater[item]!));
    expect(fleissKappa(items, categories)).toBeCloseTo(fleiss, 12);
  });

  it("1 for equal raters, 0 for constant ones, undefined without anything to agree about", () => {
    expect(cohenKappa([0, 1, 2], [0, 1, 2], 3)).toBe(1);
    expect(cohenKappa([0, 1, 0, 1], [0, 0, 0, 0], 2)).toBe(0);
    expect(cohenKappa([0, 0], [0, 0], 2)).toBeNaN();
    expect(
      fleissKappa(
        [
          [1, 1],
          [1, 1],
        ],
        2,
      ),
    ).toBeNaN();
  });
});

describe("agreement", () => {
  const ratings: Rating[] = fixtureJson<KappaFixture>("evaluation/kappa.json")
    .ratings.slice(0, 3)
    .flatMap((rater, judge) =>
      rater.map((category, item) => ({ judge: "abc"[judge]!, item: `${item}`, category: `${category}` })),
    );

  it("for every two judges and for all, with intervals that hold the value", () => {
    const report = agreementReport(ratings, { samples: 200 });
    expect(report.pairs.map(({ judges }) => judges.join(""))).toEqual(["ab", "ac", "bc"]);
    expect(report.pairs[0]!.kappa.value).toBeCloseTo(
      fixtureJson<KappaFixture>("evaluation/kappa.json").cohen.none,
      12,
    );
    for (const { kappa, agreement } of report.pairs) {
      expect(kappa.interval[0]).toBeLessThan(kappa.value);
      expect(kappa.interval[1]).toBeGreaterThan(kappa.value);
      expect(agreement.value).toBeGreaterThan(kappa.value);
    }
    expect(report.all!.items).toBe(200);
  });

  it("items that a judge did not rate are left out of its pairs, and of all", () => {
    const fewer = ratings.filter(({ judge, item }) => judge !== "c" || Number(item) < 50);
    const report = agreementReport(fewer, { samples: 10 });
    expect(report.pairs.map(({ items }) => items)).toEqual([200, 50, 50]);
    expect(report.all!.items).toBe(50);
    expect(() => agreementReport(ratings.filter(({ judge }) => judge === "a"))).toThrow(
      /ratings of 1 judges/,
    );
    expect(() => agreementReport(ratings, { categories: ["0"] })).toThrow(/expected one of 0/);
  });
});

/**
 * 60 prompts, three models; "long" writes four times as much. Quality is in the text; the judge's liking for places,
 * lengths and its own model is added to it.
 */
async function judged(
  name: string,
  likes: { readonly place?: number; readonly length?: number; readonly own?: number },
) {
  const random = new RandomStream({ seed: 9, stream: 1 });
  const quality = { plain: 0.3, long: 0, judge: 0 };
  const shown = (body: ChatBody, tag: string): string =>
    body.messages.at(-1)!.content.split(`<${tag}>\n`)[1]!.split(`\n</${tag}>`)[0]!;
  const worth = (text: string): number => {
    const [model = "", points = "0"] = text.split(" ");
    return (
      Number(points) +
      (likes.length ?? 0) * Math.log(text.length / 100) +
      (model === "judge" ? (likes.own ?? 0) : 0)
    );
  };
  const { model } = await scriptedModel((body) => {
    const difference = worth(shown(body, "answer_a")) + (likes.place ?? 0) - worth(shown(body, "answer_b"));
    return { text: `[[${difference > 0 ? "A" : "B"}]]` };
  }, name);
  const judge = createPairwiseJudge(model, BUILT_IN_RUBRICS.choice!);
  const responses = new Map<string, ResponseRow>();
  const rows: JudgementRow[] = [];
  for (let number = 0; number < 60; number++) {
    const prompt = promptRow(number);
    const answers = Object.entries(quality).map(([writer, base]) => {
      const points = (base + random.nextNormal()).toFixed(3);
      const text = `${writer} ${points} `.padEnd(
        (writer === "long" ? 400 : 100) + random.nextInteger(20),
        "x",
      );
      return responseRow(prompt, { model: writer, text });
    });
    for (const answer of answers) responses.set(answer.key, answer);
    for (const [first, second] of [
      [0, 1],
      [0, 2],
      [2, 1],
    ] as const) {
      const [own, rival] = [answers[first]!, answers[second]!];
      const verdict = await judge.compare(prompt, own, rival);
      const row = {
        responseKey: own.key,
        rivalKey: rival.key,
        judge: judge.name,
        judgeVersion: judge.version,
        source: "test",
        createdAt: "2026-01-01T00:00:00Z",
        ...verdict,
      };
      rows.push({ key: judgementKey(row), ...row });
    }
  }
  return comparisonsOf(rows, responses);
}

describe("bias", () => {
  it("a fair judge shows none", async () => {
    const [report] = biasReport(await judged("fair", {}), { samples: 300 });
    expect(report!.position!.firstShownShare.value).toBe(0.5);
    expect(report!.position!.consistency.value).toBe(1);
    const { interval } = report!.length!.effectAtEqualStrength;
    expect(interval[0]).toBeLessThan(0);
    expect(interval[1]).toBeGreaterThan(0);
    expect(report!.self).toBeUndefined();
  });

  it("a liking for the first place is found, and which place it is", async () => {
    const [first] = biasReport(await judged("first", { place: 1 }), { samples: 300 });
    expect(first!.position!.firstShownShare.interval[0]).toBeGreaterThan(0.6);
    expect(first!.position!.consistency.value).toBeLessThan(0.8);
    const [second] = biasReport(await judged("second", { place: -1 }), { samples: 300 });
    expect(second!.position!.firstShownShare.interval[1]).toBeLessThan(0.4);
  });

  it("a liking for length is found", async () => {
    const [report] = biasReport(await judged("long", { length: 1 }), { samples: 300 });
    expect(report!.length!.longerShare.interval[0]).toBeGreaterThan(0.6);
  });

  it("a judge that favours its own model is found by judges that do not", async () => {
    const comparisons = [...(await judged("fair", {})), ...(await judged("vain", { own: 1 }))];
    const ownModels = { "vain/choice": "judge", "fair/choice": "judge" };
    const [fair, vain] = biasReport(comparisons, { samples: 300, ownModels });
    expect(vain!.self!.pairs).toBe(120);
    expect(vain!.self!.difference.interval[0]).toBeGreaterThan(0.1);
    expect(fair!.self!.difference.value).toBeCloseTo(-vain!.self!.difference.value, 12);
    const { pairs } = agreementReport(ratingsOfComparisons(comparisons), { samples: 100 });
    expect(pairs[0]!.items).toBe(180);
    expect(pairs[0]!.kappa.value).toBeLessThan(1);
    expect(pairs[0]!.kappa.value).toBeGreaterThan(0.3);
  });
});
