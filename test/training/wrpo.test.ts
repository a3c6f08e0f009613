/** WRPO from a file of triples to a model: the loss falls, the source's share grows, and a stopped run goes on exactly. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { trainCommand } from "../../src/cli/commands/train.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { readMetrics, trainingPaths } from "../../src/train/index.ts";
import {
  loadLanguageModel,
  type PreferenceSettings,
  preparePreference,
  runTraining,
  TaskMeasure,
  weightedPreference,
} from "../../src/trainers/index.ts";
import { writeTinyChatModel } from "../support/tiny-chat-model.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-wrpo-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());
const at = (...names: string[]): string => join(folder, ...names);

const CITIES = ["Oslo", "Lima", "Bonn", "Cairo", "Perth", "Quito", "Seoul", "Turin"];
const triples = CITIES.map((city, index) => ({
  prompt: `Name the city ${city}`,
  chosen: `${city} it is.`,
  rejected: `${CITIES[(index + 3) % 8]} is far away from here.`,
  source_chosen: [{ role: "assistant", content: `The city is ${city}.` }],
}));
const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

beforeAll(() => {
  writeTinyChatModel(at("base"), 3);
  writeFileSync(at("triples.jsonl"), lines(triples));
  writeFileSync(at("held.jsonl"), lines(triples.slice(0, 5)));
});

/** What the command says on stderr. */
async function dpo(out: string, ...flags: string[]): Promise<string> {
  const said: string[] = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  const common = ["--model", at("base"), "--data", at("triples.jsonl"), "--out", at(out), "--threads", "1"];
  await trainCommand().parseAsync(["dpo", ...common, "--batch", "4", "--epochs", "5", ...flags], {
    from: "user",
  });
  return said.join("");
}
const metricsOf = (out: string) => readMetrics(trainingPaths(at(out, "training")).metricsPath);

test("train dpo --loss wrpo learns triples while the source's share grows", { timeout: 60_000 }, async () => {
  await dpo(
    "wrpo",
    ...["--loss", "wrpo", "--beta", "0.1", "--source-share", "0,0.5", "--learning-rate", "2e-3"],
  );
  const metrics = metricsOf("wrpo");
  expect(metrics).toHaveLength(10);
  expect(metrics[0]!.loss).toBeCloseTo(Math.log(2), 5);
  expect(metrics.at(-1)!.loss).toBeLessThan(0.6);
  for (const [step, { metrics: of }] of metrics.entries()) {
    expect(of.source_share).toBeCloseTo(0.5 * (step / 10), 6);
    expect(of["tokens/source"]).toBeGreaterThan(1);
  }
  expect(metrics.at(-1)!.metrics["rewards/source"]).toBeGreaterThan(0);
  const card = readFileSync(at("wrpo", "model", "README.md"), "utf8");
  expect(card).toContain("| name | wrpo |");
  expect(card).toContain("| sourceShare | `[0,0.5]` |");
});

test("its defaults are the paper's", { timeout: 60_000 }, async () => {
  await dpo("defaults", "--loss", "wrpo", "--epochs", "0.5");
  const card = readFileSync(at("defaults", "model", "README.md"), "utf8");
  for (const row of ["| beta | 0.01 |", "| sourceShare | `[0,0.1]` |", "| learningRate | 3e-7 |"])
    expect(card).toContain(row);
});

test("a loss without a place for the source's answers says so", { timeout: 60_000 }, async () => {
  const said = await dpo("pairs", "--epochs", "0.5");
  expect(said).toContain("left out: 8 source_chosen");
  expect(said).toMatch(/warning: dpo has no use for the 8 answers of source models .* WRPO learns from them/);
  expect(metricsOf("pairs")[0]!.metrics["tokens/source"]).toBeUndefined();
});

describe("as a run", () => {
  const settings = (out: string): PreferenceSettings => ({
    ...{ data: [at("triples.jsonl")], evaluationData: [at("held.jsonl")], out: at(out), seed: 1, epochs: 3 },
    ...{ batch: 3, maxTokens: 128, tokensAtOnce: 128, learningRate: 2e-3, weightDecay: 0 },
    ...{ optimizer: { kind: "adamw" }, schedule: "constant", warmupShare: 0, maxGradientNorm: 1 },
    ...{ checkpointEverySteps: 4, validateEverySteps: 3, referenceFolder: at("reference") },
    objective: weightedPreference({ beta: 0.1, isLengthNormalised: false, sourceShare: [0.2, 1] }),
  });
  const backend = createOrtBackend({ threads: 1 });
  const prepare = (out: string) => preparePreference(loadLanguageModel(at("base")), settings(out), backend);
  const curve = (out: string) =>
    metricsOf(out).map(({ step, loss, metrics, validation }) => ({ step, loss, metrics, validation }));

  test("stopped on the way, it goes on with the share that it had", { timeout: 60_000 }, async () => {
    const whole = await prepare("whole");
    const expected = await runTraining(whole, settings("whole"), backend);
    whole.close();
    const stopping = new AbortController();
    const first = await prepare("stopped");
    const stopped = runTraining(first, settings("stopped"), backend, {
      signal: stopping.signal,
      onStep: ({ step }) => step === 4 && stopping.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
    first.close();
    const second = await prepare("stopped");
    const resumed = await runTraining(second, settings("stopped"), backend);
    second.close();
    expect(curve("stopped")).toEqual(curve("whole"));
    expect(new Set(curve("whole").map(({ metrics }) => metrics.source_share)).size).toBe(expected.steps);
    expect(resumed.parameters).toEqual(expected.parameters);
  });

  test("held-out triples are measured with the last share, whatever the batch", {
    timeout: 60_000,
  }, async () => {
    const losses: number[] = [];
    for (const batch of [5, 2]) {
      const known = { ...settings("held"), batch };
      const run = await preparePreference(loadLanguageModel(at("base")), known, backend);
      const measure = new TaskMeasure(run.evaluation!, backend);
      const trained = Object.fromEntries(
        Object.entries(run.parameters).map(([name, { shape, data, dtype }]) => [
          name,
          { shape, dtype, data: data.map((value, index) => value + 0.02 * Math.sin(index)) },
        ]),
      );
      const { loss, metrics } = await measure.run(trained);
      expect(metrics.source_share).toBeCloseTo(1, 6);
      losses.push(loss);
      await measure.dispose();
      run.close();
    }
    expect(losses[0]).not.toBeCloseTo(Math.log(2), 3);
    expect(losses[1]).toBeCloseTo(losses[0]!, 5);
  });
});
