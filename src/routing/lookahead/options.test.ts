/** The pure parts behind the options: masking, spans, targets, turns of several samples, presets. */
import { describe, expect, test } from "vitest";
import { tinyLookahead } from "../../../test/support/tiny-lookahead.ts";
import type { JudgedRecord } from "../../judged/record.ts";
import { defaultTokenizerPath, loadTokenizer } from "../../text/index.ts";
import { LOOKAHEAD_PRESETS, lookaheadDefaults, lookaheadPreset } from "../defaults.ts";
import { benchmarkRanges } from "../labels.ts";
import { encodeRecords } from "./encode.ts";
import { clmRow, type EncodedExample, mlmRow } from "./layout.ts";
import { candidateKey, hiddenTokens } from "./masking.ts";
import { positionsOf } from "./model.ts";
import { separateRows } from "./separate-layout.ts";
import type { LookaheadSettings } from "./settings.ts";
import { copiedTokens, SPAN_SELECTORS } from "./spans.ts";
import { recordTargets, targetsOf } from "./targets.ts";
import { exampleOfPass } from "./task.ts";
import { meanChosenScore, scaledRoutingLoss } from "./validation.ts";

const settingsFor = (changes: Partial<LookaheadSettings> = {}): LookaheadSettings =>
  tinyLookahead({ variant: "mlm", ...changes });

const ids = (...values: number[]): Int32Array => Int32Array.of(...values);
const row = (...values: number[]): Float64Array => Float64Array.of(...values);
const example: EncodedExample = {
  recordId: "r",
  prompt: ids(2, 20, 21, 22, 3),
  responses: [
    { tokens: ids(30, 31, 32, 33), isComplete: false },
    { tokens: ids(40, 41), isComplete: true },
    { tokens: ids(50), isComplete: true },
  ],
  labels: row(1, 0, 1),
  weight: 1,
};

describe("masking", () => {
  const key = { seed: 3, stream: 4 };

  test("right hides the end, left the beginning, none everything", () => {
    expect(hiddenTokens("right", 4, 0.5, key)).toEqual([false, false, true, true]);
    expect(hiddenTokens("left", 4, 0.5, key)).toEqual([true, true, false, false]);
    expect(hiddenTokens("none", 4, 0.5, key)).toEqual([true, true, true, true]);
    expect(hiddenTokens("left", 3, 0.1, key)).toEqual([true, false, false]);
  });

  test("random hides as many, anywhere, repeatably and apart for each candidate", () => {
    const draws = Array.from({ length: 200 }, (_, stream) =>
      hiddenTokens("random", 8, 0.5, { seed: 1, stream }),
    );
    for (const draw of draws) expect(draw.filter(Boolean)).toHaveLength(4);
    for (let place = 0; place < 8; place++) {
      const share = draws.filter((draw) => draw[place]).length / draws.length;
      expect(share).toBeGreaterThan(0.35);
      expect(share).toBeLessThan(0.65);
    }
    expect(hiddenTokens("random", 8, 0.5, { seed: 1, stream: 7 })).toEqual(draws[7]);
    expect(candidateKey(key, 0)).not.toEqual(candidateKey(key, 1));
  });

  test("rows hide what the settings say and are asked for exactly that", () => {
    const left = mlmRow(settingsFor({ masking: "left" }), example, 5, 0.5, key);
    expect([...left.inputIds.slice(5, 9)]).toEqual([5, 5, 32, 33]);
    expect(left.targets.map(({ token }) => token)).toEqual([30, 31, 40, 50]);
    const none = mlmRow(settingsFor({ masking: "none" }), example, 5, 0.3, key);
    expect(none.targets.map(({ token }) => token)).toEqual([30, 31, 32, 33, 40, 41, 50]);
  });
});

describe("positions", () => {
  test("restart with every block, or run on", () => {
    const restart = mlmRow(settingsFor(), example, 8, 1);
    expect([...restart.positionIds.slice(8)]).toEqual([5, 6, 7, 8, 9, 5, 6, 7, 8, 9, 5, 6, 7, 8, 9]);
    const running = mlmRow(settingsFor({ positions: "running" }), example, 8, 1);
    expect([...running.positionIds.slice(8)]).toEqual(Array.from({ length: 15 }, (_, index) => 5 + index));
    const clm = settingsFor({ variant: "clm", positions: "running" });
    expect([...clmRow(clm, example, 8, true).positionIds.slice(0, 3)]).toEqual([5, 11, 17]);
    expect(positionsOf(settingsFor())).toBe(32 + 4 + 2);
    expect(positionsOf(clm)).toBe(32 + 3 * 6);
  });
});

describe("separate prediction", () => {
  test("has one row per candidate, the identifier before masked places", () => {
    const rows = separateRows(settingsFor({ prediction: "separate" }), example, 6, {
      rate: 0.5,
      key: { seed: 0, stream: 0 },
    });
    expect(rows.map(({ inputIds }) => [...inputIds.slice(6)])).toEqual([
      [5, 30, 31, 4, 4, 3],
      [6, 40, 4, 4, 4, 3],
      [7, 4, 4, 4, 4, 3],
    ]);
    expect([...rows[0]!.positionIds]).toEqual([0, 1, 2, 3, 4, 0, 5, 6, 7, 8, 9, 10]);
    expect([...rows[1]!.poolingWeights].indexOf(1)).toBe(6);
    expect(rows.map(({ targets }) => targets)).toEqual([
      [
        { position: 9, token: 32 },
        { position: 10, token: 33 },
      ],
      [{ position: 8, token: 41 }],
      [{ position: 7, token: 50 }],
    ]);
  });
});

test("pooling reads the first place, everything that is no padding, or the candidates' places", () => {
  const read = (pooling: LookaheadSettings["pooling"]) =>
    [...mlmRow(settingsFor({ pooling }), example, 6, 1).poolingWeights].flatMap((weight, place) =>
      weight > 0 ? [place] : [],
    );
  expect(read("cls")).toEqual([0]);
  expect(read("mean")).toEqual(
    Array.from({ length: 21 }, (_, place) => place).filter((place) => place !== 5),
  );
  expect(read("blocks")).toEqual([6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19]);
});

describe("spans", () => {
  const prompt = ids(1, 2, 3, 4, 5);

  test("head and tail", () => {
    expect(SPAN_SELECTORS.head(ids(1, 2, 3), prompt, 2)).toEqual({ start: 0, end: 2 });
    expect(SPAN_SELECTORS.tail(ids(1, 2, 3), prompt, 2)).toEqual({ start: 1, end: 3 });
    expect(SPAN_SELECTORS.tail(ids(1), prompt, 2)).toEqual({ start: 0, end: 1 });
  });

  test("three tokens in the prompt's order are a copy, two are not", () => {
    expect(copiedTokens(ids(9, 2, 3, 4, 9, 1, 2, 9), prompt)).toEqual([
      false,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test("informative skips what restates the prompt and otherwise stays at the beginning", () => {
    const select = SPAN_SELECTORS.informative;
    expect(select(ids(9, 1, 2, 3, 4, 60, 61, 62, 63), prompt, 3)).toEqual({ start: 5, end: 8 });
    expect(select(ids(60, 61, 62, 63, 1, 2, 3), prompt, 3)).toEqual({ start: 0, end: 3 });
    expect(select(ids(1, 2, 3, 4), prompt, 3)).toEqual({ start: 0, end: 3 });
    expect(select(ids(), prompt, 3)).toEqual({ start: 0, end: 0 });
  });
});

describe("targets", () => {
  const range = { min: 0, max: 10 };
  const targets = (changes: Partial<LookaheadSettings>, scores: readonly Float64Array[]) =>
    [...targetsOf(settingsFor(changes), scores, range)].map((value) => Number(value.toFixed(6)));

  test("a soft label is the share of a candidate's samples that are good", () => {
    const samples = [row(10, 0, 9, 2), row(8), row(1, 1)];
    expect(targets({}, samples)).toEqual([0.5, 1, 0]);
    expect(targets({ labelThreshold: 0.95 }, samples)).toEqual([0.25, 0, 0]);
    expect(targets({ routingLoss: "mse", normalisation: "dataset" }, samples)).toEqual([0.525, 0.8, 0.1]);
    expect(targets({ routingLoss: "ce" }, samples)).toEqual([0, 1, 0]);
  });

  test("normalisation per dataset keeps what all of a prompt's answers share", () => {
    const close = [row(8), row(8.5), row(9)];
    expect(targets({ normalisation: "dataset" }, close)).toEqual([1, 1, 1]);
    expect(targets({ normalisation: "prompt" }, close)).toEqual([0, 0, 1]);
  });

  test("records without a known benchmark are refused by name", () => {
    const record: JudgedRecord = {
      id: "r1",
      benchmark: "new",
      prompt: "p",
      candidates: Object.fromEntries(["a", "b", "c"].map((name) => [name, { response: "", score: 1 }])),
    };
    expect(() => recordTargets(settingsFor(), [record], new Map())).toThrow(
      /"r1": no score range for benchmark "new"/,
    );
  });

  test("validation fits the scale of the loss that was trained", () => {
    const target = [row(0.7, 0.3), row(0.3, 0.7)];
    const logits = [row(1, 0), row(0, 1)];
    const entropy = -(0.7 * Math.log(0.7) + 0.3 * Math.log(0.3));
    expect(scaledRoutingLoss(logits, target, [1, 1], "kl")).toBeCloseTo(entropy, 9);
    // min over a of ((a - 0.7)^2 + 0.3^2) / 2
    expect(scaledRoutingLoss(logits, target, [1, 1], "mse")).toBeCloseTo(0.045, 9);
  });
});

test("validation by score: the mean normalised score of what the logits choose", () => {
  const scores = [row(1, 0, 0.5), row(0, 1, 0.25)];
  expect(meanChosenScore([row(3, 1, 2), row(0, -1, 5)], scores)).toBe((1 + 0.25) / 2);
});

describe("records with several samples", () => {
  const tokenizer = loadTokenizer(defaultTokenizerPath);
  const record: JudgedRecord = {
    id: "r",
    benchmark: "b",
    prompt: "what is the sum of these numbers",
    candidates: {
      a: {
        response: "one",
        score: 0.5,
        samples: [
          { response: "one", score: 1 },
          { response: "two three", score: 0 },
        ],
      },
      b: { response: "the number", score: 0 },
      c: { response: "three", score: 0.25 },
    },
  };
  const settings = settingsFor();
  const encode = (changes: Partial<LookaheadSettings> = {}, records = [record]) =>
    encodeRecords(settingsFor(changes), tokenizer, records);

  test("take turns over the epochs, with one soft label", () => {
    const [encoded] = encode();
    expect([...encoded!.labels]).toEqual([0.5, 0, 0]);
    const textOf = (pass: number) =>
      exampleOfPass(encoded!, pass).responses.map(({ tokens }) => tokenizer.decode(tokens));
    expect([0, 1, 2].map((pass) => textOf(pass)[0])).toEqual(["one", "two three", "one"]);
    expect([0, 1].map((pass) => textOf(pass)[1])).toEqual(["the number", "the number"]);
  });

  test("their scores count in the range of the benchmark", () => {
    expect(benchmarkRanges([record], settings.candidates).get("b")).toEqual({ min: 0, max: 1 });
  });

  test("tail keeps the end and says that the response ends there; a short sequence leaves no room for it", () => {
    const long = { ...record.candidates.b!, response: "one two three four five six seven" };
    const records = [{ ...record, candidates: { ...record.candidates, b: long } }];
    const [tail] = encode({ span: "tail" }, records);
    expect(tokenizer.decode(tail!.responses[1]!.tokens)).toBe("four five six seven");
    expect(tail!.responses[1]!.isComplete).toBe(true);
    const room = tail!.prompt.length + 1 + 2;
    const [cut] = encode({ maxSequenceTokens: room }, records);
    expect(tokenizer.decode(cut!.responses[1]!.tokens)).toBe("one two");
    expect(cut!.responses[1]!.isComplete).toBe(false);
    const [full] = encode({ maxSequenceTokens: room }, [record]);
    expect(full!.responses[1]).toMatchObject({ isComplete: false });
  });

  test("informative looks past the restated prompt", () => {
    const restating = {
      ...record.candidates.b!,
      response: "what is the sum of these numbers one two three four",
    };
    const [encoded] = encode({ span: "informative" }, [
      { ...record, candidates: { ...record.candidates, b: restating } },
    ]);
    expect(tokenizer.decode(encoded!.responses[1]!.tokens)).toBe("one two three four");
  });
});

test("presets keep the paper's values, the released scripts theirs", () => {
  expect(LOOKAHEAD_PRESETS).toEqual(["default", "paper", "released-code"]);
  expect(lookaheadPreset("default", "mlm", true)).toEqual(lookaheadDefaults("mlm", true));
  const paper = lookaheadPreset("paper", "mlm", true);
  expect(paper).toMatchObject({
    learningRate: 5e-5,
    curriculumFraction: 0.4,
    normalisation: "dataset",
    pooling: "blocks",
    responseTokens: 64,
    maxPromptTokens: 1983,
    lambda: 0.2,
    epochs: 4,
    bestBy: "score",
    validateEverySteps: 100,
  });
  expect(paper.batchSize * paper.accumulation).toBe(64);
  const clm = lookaheadPreset("paper", "clm", true);
  expect(clm).toMatchObject({ lambda: 0.5, epochs: 2, maxPromptTokens: 2038, maxSequenceTokens: 2048 });
  expect(clm.batchSize * clm.accumulation).toBe(64);
  expect(lookaheadPreset("released-code", "mlm", true)).toMatchObject({
    learningRate: 1e-5,
    curriculumFraction: 0.2,
    curriculumStart: 0.3,
    normalisation: "prompt",
    pooling: "cls",
    positions: "running",
  });
});
