/** Answer lengths and latencies: better than constants on real answers, honest intervals, damaged files named. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { type JudgedRecord, promptText, readJudgedRecords, splitByPrompt } from "../../judged/index.ts";
import { RandomStream } from "../../tensor/random.ts";
import { type Embedder, TfidfLsaEmbedder } from "../embedding/index.ts";
import {
  answerTokenRow,
  evaluateLengths,
  expectedLatencyMs,
  fitLatency,
  type LengthModel,
  loadLengthModel,
  saveLengthModel,
  trainLengthModel,
} from "./index.ts";
import { smearingFactor } from "./length-model.ts";

const FILES = ["gsm8k", "mbpp", "arenahard"].map((name) => `assets/judged/${name}.jsonl.gz`);

let train: JudgedRecord[];
let holdout: JudgedRecord[];
let candidates: readonly string[];
let embedder: Embedder;
let model: LengthModel;
beforeAll(async () => {
  const data = await readJudgedRecords(FILES);
  candidates = data.candidates;
  ({ train, holdout } = splitByPrompt(data.records, { holdoutShare: 0.3, seed: 0 }));
  const prompts = train.map(({ prompt }) => promptText(prompt));
  embedder = TfidfLsaEmbedder.fit(prompts, { dimension: 32, seed: 0 });
  model = await trainLengthModel(train, candidates, embedder);
}, 60_000);

describe("answers to prompts that the model has not seen", () => {
  it("are nearer to the prediction than to each candidate's mean, add up, and lie in the intervals", async () => {
    const errors = await evaluateLengths(model, train, holdout);
    expect(errors.model.meanAbsolute).toBeLessThan(0.8 * errors.candidateMean.meanAbsolute);
    expect(errors.model.meanAbsoluteShare).toBeLessThan(0.6 * errors.candidateMean.meanAbsoluteShare);
    expect(errors.model.totalRatio).toBeGreaterThan(0.9);
    expect(errors.model.totalRatio).toBeLessThan(1.1);
    expect(errors.coverage).toBeGreaterThan(0.74);
    expect(errors.coverage).toBeLessThan(0.86);
  });

  it("cost too little by the median alone: smearing makes up for it", async () => {
    const estimates = await model.predict(holdout.map(({ prompt }) => promptText(prompt)));
    const { smearing } = model.header;
    const medians = estimates.reduce(
      (sum, { mean }) => sum + mean.reduce((row, tokens, c) => row + tokens / smearing[c]!, 0),
      0,
    );
    const real = holdout.reduce(
      (sum, record) => sum + answerTokenRow(record, candidates).reduce((row, tokens) => row + tokens, 0),
      0,
    );
    expect(medians / real).toBeLessThan(0.93);
  });

  it("are never longer than the longest answer known, and intervals hold the mean's neighbourhood", async () => {
    const [estimate] = await model.predict(["Count to a million. ".repeat(5000)]);
    for (const [c, longest] of model.header.longest.entries()) {
      expect(estimate!.mean[c]!).toBeLessThanOrEqual(longest);
      expect(estimate!.low[c]!).toBeLessThanOrEqual(estimate!.high[c]!);
      expect(estimate!.low[c]!).toBeGreaterThanOrEqual(1);
    }
  });
});

test("the smearing factor turns the median of a log-normal into its mean, exp(s^2 / 2)", () => {
  const stream = new RandomStream({ seed: 4, stream: 1 });
  const errors = Float64Array.from({ length: 20_000 }, () => 0.6 * stream.nextNormal());
  expect(smearingFactor(errors)).toBeCloseTo(Math.exp(0.6 ** 2 / 2), 1);
});

test("recorded token counts come before estimates, and too few records are refused", async () => {
  const record: JudgedRecord = {
    id: "r",
    benchmark: "b",
    prompt: "p",
    candidates: {
      counted: { response: "abcdefgh", score: 1, tokens: 7 },
      text: { response: "abcdefgh", score: 1 },
    },
  };
  expect([...answerTokenRow(record, ["counted", "text"])]).toEqual([7, 2]);
  expect(() => answerTokenRow(record, ["absent"])).toThrow(
    expect.objectContaining({ code: "RECORD_INVALID" }),
  );
  await expect(trainLengthModel(train.slice(0, 19), candidates, embedder)).rejects.toMatchObject({
    code: "DATASET_INVALID",
  });
});

describe("the file", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-length-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "length.json");
  const damage = (change: (header: Record<string, unknown>) => void): void => {
    saveLengthModel(folder, model);
    const file = JSON.parse(readFileSync(path, "utf8"));
    change(file.header);
    writeFileSync(path, JSON.stringify(file));
  };
  const load = () => loadLengthModel(folder, candidates, embedder);

  it("is optional, and gives back the same predictions", async () => {
    expect(load()).toBeUndefined();
    saveLengthModel(folder, model);
    expect(await load()!.predict(["What is 1 + 1?"])).toEqual(await model.predict(["What is 1 + 1?"]));
  });

  it.each([
    [
      "smearing",
      "negative",
      (header: Record<string, unknown>) => (header.smearing = candidates.map(() => -1)),
    ],
    ["low", "too few", (header: Record<string, unknown>) => (header.low = [0])],
    ["candidates", "others", (header: Record<string, unknown>) => (header.candidates = ["x"])],
    ["penalty", "absent", (header: Record<string, unknown>) => delete header.penalty],
  ])("names the damaged field: %s %s", (field, _, change) => {
    damage(change);
    expect(load).toThrow(
      expect.objectContaining({ code: "ROUTER_INVALID", message: expect.stringContaining(field) }),
    );
  });

  it("is refused for another embedder", () => {
    saveLengthModel(folder, model);
    const other = TfidfLsaEmbedder.fit(["one two", "two three", "three four"], { dimension: 2, seed: 0 });
    expect(() => loadLengthModel(folder, candidates, other)).toThrow(
      expect.objectContaining({ code: "ROUTER_INVALID" }),
    );
  });
});

describe("latency", () => {
  const observations = (from: (tokens: number) => number) =>
    Array.from({ length: 12 }, (_, index) => {
      const completionTokens = 20 + 30 * index;
      return { completionTokens, latencyMs: from(completionTokens) };
    });

  it("finds time to first token and rate again", () => {
    const profile = fitLatency(observations((tokens) => 300 + tokens * 25))!;
    expect(profile.timeToFirstTokenMs).toBeCloseTo(300, 6);
    expect(profile.tokensPerSecond).toBeCloseTo(40, 6);
    expect(expectedLatencyMs(profile, 100)).toBeCloseTo(2800, 6);
  });

  it("never starts before the request, and fits the best line through the origin then", () => {
    const measured = observations((tokens) => Math.max(1, 20 * tokens - 200));
    const profile = fitLatency(measured)!;
    expect(profile.timeToFirstTokenMs).toBe(0);
    const errorOf = (tokensPerSecond: number): number =>
      measured.reduce((sum, { completionTokens, latencyMs }) => {
        return sum + (latencyMs - (1000 * completionTokens) / tokensPerSecond) ** 2;
      }, 0);
    expect(errorOf(profile.tokensPerSecond)).toBeLessThan(errorOf(profile.tokensPerSecond * 1.01));
    expect(errorOf(profile.tokensPerSecond)).toBeLessThan(errorOf(profile.tokensPerSecond * 0.99));
  });

  it("says nothing with nine answers, with equal lengths, or when longer answers come sooner", () => {
    const measured = observations((tokens) => 300 + tokens);
    expect(fitLatency(measured.slice(0, 9))).toBeUndefined();
    expect(fitLatency(measured.map((one) => ({ ...one, completionTokens: 5 })))).toBeUndefined();
    expect(fitLatency(observations((tokens) => 10_000 - tokens))).toBeUndefined();
  });
});
