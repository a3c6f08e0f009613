import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../test/support/command.ts";
import { expectAllClose, fixtureJson } from "../../../test/support/fixtures.ts";
import { RandomStream } from "../../tensor/random.ts";
import { readJudgedRecords } from "../read.ts";
import type { JudgedRecord } from "../record.ts";
import {
  answersOfRecords,
  type Battle,
  battlesOfResponses,
  battlesOfScores,
  battlesOfVerdicts,
  type Comparisons,
  eloRatings,
  fitBradleyTerry,
  formatLeaderboard,
  makeLeaderboard,
  renderLeaderboard,
  STYLE_FEATURES,
  styleCovariates,
  styleOf,
} from "./index.ts";

const read = async (name: string): Promise<readonly JudgedRecord[]> =>
  (await readJudgedRecords([join(ROOT, `assets/judged/${name}.jsonl.gz`)])).records;
const benchmark = (record: JudgedRecord): string => record.benchmark;

interface BradleyTerryFixture {
  readonly models: number;
  readonly first: number[];
  readonly second: number[];
  readonly outcomes: number[];
  readonly weights: number[];
  readonly features: [[number, number], [number, number]][];
  readonly cases: { name: string; ridge: number; hasCovariates: boolean; parameters: number[] }[];
}

describe("Bradley-Terry", () => {
  const fixture = fixtureJson<BradleyTerryFixture>("evaluation/bradley-terry.json");
  const style = ([length, headers]: [number, number]) => ({ length, headers, bold: 0, lists: 0 });
  const z = styleCovariates(
    fixture.features.map(([a, b]) => [style(a), style(b)] as const),
    ["length", "headers"],
  );
  const comparisons = (hasCovariates: boolean): Comparisons => ({
    models: fixture.models,
    first: Int32Array.from(fixture.first),
    second: Int32Array.from(fixture.second),
    outcomes: Float64Array.from(fixture.outcomes),
    weights: Float64Array.from(fixture.weights),
    z: hasCovariates ? z : new Float64Array(0),
    covariates: hasCovariates ? 2 : 0,
  });

  it.each(fixture.cases)("as scikit-learn fits it: $name", ({ name, ridge, hasCovariates, parameters }) => {
    const { strengths, coefficients } = fitBradleyTerry(comparisons(hasCovariates), { ridge });
    expectAllClose(
      [...strengths, ...coefficients],
      parameters,
      { absolute: 1e-7, relative: 0 },
      `Bradley-Terry ${name}`,
    );
    expect(Math.abs(strengths.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-9);
  });

  it("stays finite where a model wins everything, and where nobody met", () => {
    const all: Comparisons = {
      ...comparisons(false),
      outcomes: new Float64Array(500).fill(1),
      first: new Int32Array(500),
      second: new Int32Array(500).fill(1),
    };
    const { strengths } = fitBradleyTerry(all);
    expect(strengths[0]! - strengths[1]!).toBeGreaterThan(5);
    expect([...strengths].every(Number.isFinite)).toBe(true);
    expect([...strengths.slice(2)]).toEqual([0, 0, 0, 0]);
  });
});

it("Elo: one game moves K times the surprise", () => {
  const one = eloRatings(3, [{ first: 0, second: 1, outcome: 1 }], { k: 32 });
  expect([...one]).toEqual([1016, 984, 1000]);
  const two = eloRatings(
    2,
    [
      { first: 0, second: 1, outcome: 1 },
      { first: 0, second: 1, outcome: 0 },
    ],
    { k: 32 },
  );
  expect(two[0]).toBeCloseTo(1016 - 32 / (1 + 10 ** (-32 / 400)), 10);
});

describe("style", () => {
  it("counts markdown outside of code", () => {
    const text =
      "# Head\n\n- **one**\n- two\n1. three\n```py\n# no head\n- no item\n```\n### More\n__bold__ **a** * b";
    expect(styleOf(text)).toEqual({ length: text.length, headers: 2, bold: 3, lists: 3 });
    expect(styleOf("```\n# open code")).toMatchObject({ headers: 0 });
    expect(styleOf("x", 17).length).toBe(17);
  });

  it("swapping the answers turns the sign of every covariate", () => {
    const [a, b] = [styleOf("# long **text** here"), styleOf("- short")];
    const z = styleCovariates(
      [
        [a, b],
        [b, a],
      ],
      STYLE_FEATURES,
    );
    for (let k = 0; k < 4; k++) expect(z[k]).toBe(-z[4 + k]!);
  });
});

/** Battles of models whose strength and love of length are planted. */
function planted(prompts: number, seed: number): Battle[] {
  const random = new RandomStream({ seed, stream: 3 });
  const strengths = [0.8, 0, -0.8];
  const verbosity = [100, 100, 400];
  const battles: Battle[] = [];
  for (let prompt = 0; prompt < prompts; prompt++) {
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const lengths = [a, b].map((model) => verbosity[model]! * (0.5 + random.nextUniform()));
      const ratio = (lengths[0]! - lengths[1]!) / (lengths[0]! + lengths[1]!);
      const p = 1 / (1 + Math.exp(-(strengths[a]! - strengths[b]! + 3 * ratio)));
      battles.push({
        prompt: `${prompt}`,
        domain: prompt % 2 ? "odd" : "even",
        first: "abc"[a]!,
        second: "abc"[b]!,
        outcome: random.nextUniform() < p ? 1 : 0,
        weight: 1,
        styles: [styleOf("", lengths[0]), styleOf("", lengths[1])],
      });
    }
  }
  return battles;
}

describe("leaderboard", () => {
  it("length control turns the order back that the love of length had turned", () => {
    const battles = planted(1500, 1);
    const board = makeLeaderboard({ battles, answers: [] }, { control: ["length"], samples: 60 }).boards[0]!;
    const by = Object.fromEntries(board.rows.map((row) => [row.model, row]));
    expect(by.c!.rating.value).toBeGreaterThan(by.b!.rating.value);
    expect(board.rows.map(({ model }) => model)).toEqual(["a", "b", "c"]);
    expect(board.rows.map(({ rank }) => rank)).toEqual([1, 2, 3]);
    // Planted: 0.8 nats apart.
    const apart = by.a!.controlled!.value - by.b!.controlled!.value;
    expect(apart).toBeGreaterThan(0.6 * 173.7);
    expect(apart).toBeLessThan(1.0 * 173.7);
    expect(board.styleEffects!.length!.interval[0]).toBeGreaterThan(0);
  });

  it("intervals hold the planted difference about as often as they say", () => {
    const truth = 0.8 * 173.7;
    const hits = Array.from({ length: 40 }, (_, seed) => {
      const battles = planted(120, 100 + seed).filter(({ second }) => second !== "c");
      const board = makeLeaderboard(
        { battles, answers: [] },
        { control: ["length"], samples: 100, baseline: "b" },
      ).boards[0]!;
      const [low, high] = board.rows.find(({ model }) => model === "a")!.controlled!.interval;
      return low <= 1000 + truth && truth + 1000 <= high;
    }).filter(Boolean).length;
    expect(hits).toBeGreaterThanOrEqual(34);
  });

  it("the same seed gives the same board, domains have boards of their own", () => {
    const data = { battles: planted(60, 2), answers: [] };
    const first = makeLeaderboard(data, { samples: 20 });
    expect(makeLeaderboard(data, { samples: 20 })).toEqual(first);
    expect(first.boards.map(({ domain, prompts }) => [domain, prompts])).toEqual([
      ["all", 60],
      ["even", 30],
      ["odd", 30],
    ]);
  });

  it("refuses nothing to compare, unknown baselines, and style without texts", () => {
    expect(() => makeLeaderboard({ battles: [], answers: [] })).toThrow(/no comparison/);
    const data = { battles: planted(3, 1).map(({ styles: _styles, ...battle }) => battle), answers: [] };
    expect(() => makeLeaderboard(data, { baseline: "z" })).toThrow(/expected one of a, b, c/);
    expect(() => makeLeaderboard(data, { control: ["length"] })).toThrow(/without the texts/);
  });
});

interface ReferenceNumbers {
  readonly benchmarks: Record<string, { readonly fixed: Record<string, number> }>;
}

describe("recorded results", () => {
  const reference = fixtureJson<ReferenceNumbers>("evaluation/reference-numbers.json").benchmarks;
  let arena: readonly JudgedRecord[] = [];
  let mtbench: readonly JudgedRecord[] = [];
  beforeAll(async () => {
    [arena, mtbench] = [await read("arenahard"), await read("mtbench")];
  });

  it("Arena-Hard: win probabilities against the baseline as recorded", () => {
    const battles = battlesOfVerdicts(arena, benchmark, "gpt-4-0314");
    const board = makeLeaderboard({ battles, answers: [] }, { baseline: "gpt-4-0314", samples: 30 })
      .boards[0]!;
    expect(board.rows).toHaveLength(6);
    for (const { model, againstBaseline, winRate } of board.rows) {
      if (model === "gpt-4-0314") continue;
      const recorded = reference.ArenaHard!.fixed[model]!;
      // Without a ridge the fit of a model that meets the baseline only is its win rate.
      expect(Math.abs(againstBaseline!.value - recorded)).toBeLessThan(0.01);
      expect(winRate.value).toBeCloseTo(recorded, 3);
    }
  });

  it("MT-Bench: means and their order as recorded", () => {
    const data = {
      battles: battlesOfScores(mtbench, benchmark),
      answers: answersOfRecords(mtbench, benchmark),
    };
    const { rows } = makeLeaderboard(data, { samples: 50 }).boards[0]!;
    for (const { model, score } of rows) {
      expect(score!.value).toBeCloseTo(reference["MT-Bench"]!.fixed[model]!, 3);
      expect(score!.interval[0]).toBeLessThan(score!.value);
    }
    const categories = makeLeaderboard(
      { battles: battlesOfScores(mtbench, ({ category }) => String(category)), answers: [] },
      { samples: 5 },
    );
    expect(categories.boards).toHaveLength(9);
  });

  it("table, page and JSON", () => {
    const data = { battles: battlesOfScores(arena, benchmark), answers: answersOfRecords(arena, benchmark) };
    const board = makeLeaderboard(data, { samples: 20, control: STYLE_FEATURES });
    const table = formatLeaderboard(board);
    expect(table).toMatch(/Yi-1\.5-34B-Chat +1 /);
    expect(table).toContain("style effects");
    const page = renderLeaderboard(board, "Arena <Hard>");
    expect(page).toContain("Arena &lt;Hard&gt;");
    expect(page).not.toMatch(/NaN|undefined/);
    expect(JSON.parse(JSON.stringify(board))).toEqual(board);
  });

  it("names the record whose verdict is none", () => {
    const wrong = { ...arena[0]!, candidates: { a: { response: "", score: 0, verdicts: ["A>B", "A>>>B"] } } };
    expect(() => battlesOfVerdicts([wrong], benchmark, "base")).toThrow(/candidates\["a"\]\.verdicts\[1\]/);
    expect(() => battlesOfVerdicts(mtbench, benchmark, "base")).toThrow(/expected two verdicts/);
  });
});

it("responses of a store: comparisons as judged, and pairs of scored answers", () => {
  const createdAt = "2026-01-01T00:00:00Z";
  const response = (key: string, model: string) => ({
    key,
    promptKey: "p",
    model,
    modelRevision: "",
    template: "",
    parameters: {},
    seedIndex: 0,
    text: key,
    status: "ok" as const,
    source: "",
    createdAt,
    costUsd: 0.5,
  });
  const judgement = (responseKey: string, score: number | null, rivalKey?: string) => ({
    key: `${responseKey}${rivalKey}`,
    responseKey,
    ...(rivalKey && { rivalKey }),
    judge: "j",
    judgeVersion: "1",
    score,
    verdict: "",
    explanation: {},
    source: "",
    createdAt,
  });
  const responses = [response("a1", "a"), response("a2", "a"), response("b1", "b"), response("c1", "c")];
  const { battles, answers } = battlesOfResponses({ key: "p", domain: "d" }, responses, [
    judgement("a1", 1),
    judgement("a2", 0),
    judgement("b1", 0.5),
    judgement("c1", null),
    judgement("a1", 0.7, "c1"),
    judgement("a1", 1, "a2"),
    judgement("gone", 1, "c1"),
  ]);
  expect(battles.map(({ first, second, outcome }) => [first, second, outcome])).toEqual([
    ["a", "c", 0.7],
    ["a", "b", 0.5],
  ]);
  expect(answers).toHaveLength(4);
  expect(answers[3]).toEqual({ prompt: "p", domain: "d", model: "c", costUsd: 0.5 });
});
