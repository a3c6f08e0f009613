import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type JudgedRecord, promptText, readJudgedRecords } from "../../judged/index.ts";
import { permutation, RandomStream } from "../../tensor/random.ts";
import { buildDriftMonitor, detectDrift, formatDrift, loadDriftMonitor, saveDriftMonitor } from "./index.ts";
import { adjustedPValues, twoSampleTest } from "./two-sample.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-drift-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let known: readonly JudgedRecord[] = [];
let foreign: readonly JudgedRecord[] = [];
const read = async (...names: string[]) =>
  (
    await readJudgedRecords(
      names.map((name) => join(import.meta.dirname, `../../../assets/judged/${name}.jsonl.gz`)),
    )
  ).records;
const shuffled = (rows: readonly JudgedRecord[], seed: number): JudgedRecord[] =>
  [...permutation(rows.length, { seed, stream: 0 })].map((index) => rows[index]!);
const trafficOf = (rows: readonly JudgedRecord[]) =>
  rows.map(({ id, prompt }) => ({ id, prompt: promptText(prompt) }));

beforeAll(async () => {
  known = await read("gsm8k", "mbpp", "humaneval");
  foreign = await read("math");
});

test("Holm's adjustment", () => {
  const adjusted = adjustedPValues({ mix: 0.01, novelty: 0.04, length: 0.03 });
  expect(adjusted).toEqual({ mix: 0.03, length: 0.06, novelty: 0.06 });
  expect(adjustedPValues({ mix: 0.9, novelty: 0.8, length: 0.7 })).toEqual({ mix: 1, novelty: 1, length: 1 });
});

test("p-values of equal distributions are uniform, and each question sees its own change", () => {
  const rejected = { mix: 0, novelty: 0, length: 0 };
  const rounds = 200;
  for (let seed = 0; seed < rounds; seed++) {
    const stream = new RandomStream({ seed, stream: 5 });
    const draw = (count: number) => ({
      embeddings: Float32Array.from({ length: 3 * count }, () => stream.nextNormal()),
      distances: Float64Array.from({ length: count }, () => stream.nextUniform()),
      lengths: Float64Array.from({ length: count }, () => stream.nextUniform()),
    });
    const values = twoSampleTest(draw(40), draw(20), 3, { permutations: 99, seed });
    for (const question of ["mix", "novelty", "length"] as const) {
      if (values[question] <= 0.1) rejected[question]++;
    }
  }
  // Expected at most 20 of 200; standard deviation 4.2, four of them. Ties only make novelty rarer.
  expect(Math.max(...Object.values(rejected))).toBeLessThan(38);
  expect(rejected.mix).toBeGreaterThan(5);
  expect(rejected.length).toBeGreaterThan(5);

  const stream = new RandomStream({ seed: 1, stream: 6 });
  const sample = (count: number, shift: number, far: number, longer: number) => ({
    embeddings: Float32Array.from({ length: 3 * count }, () => stream.nextNormal() + shift),
    distances: Float64Array.from(
      { length: count },
      (_, index) => (index % 5 === 0 ? far : 0) + stream.nextUniform(),
    ),
    lengths: Float64Array.from({ length: count }, () => longer + stream.nextUniform()),
  });
  const plain = sample(100, 0, 0, 0);
  const least = 1 / 200;
  const options = { permutations: 199 };
  expect(twoSampleTest(plain, sample(50, 2, 0, 0), 3, options).mix).toBe(least);
  expect(twoSampleTest(plain, sample(50, 0, 5, 0), 3, options).novelty).toBe(least);
  expect(twoSampleTest(plain, sample(50, 0, 0, 5), 3, options).length).toBe(least);
});

test("the same kind of prompts raises no more false alarms than stated", { timeout: 120_000 }, async () => {
  const [seeds, alpha] = [24, 0.05];
  let alarms = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const rows = shuffled(known, seed).slice(0, 500);
    const monitor = await buildDriftMonitor(rows.slice(80), undefined, seed);
    const report = await detectDrift(monitor, trafficOf(rows.slice(0, 80)), {
      alpha,
      seed,
      permutations: 99,
    });
    if (report.hasDrifted) alarms++;
  }
  // 1.2 expected; six or more come by chance once in 800 times.
  expect(alarms).toBeLessThan(6);
});

test("mathematics on a router of GSM8K and code is an alarm that says what is new", async () => {
  const monitor = await buildDriftMonitor(shuffled(known, 1).slice(200), undefined, 1);
  saveDriftMonitor(folder, monitor);
  const loaded = loadDriftMonitor(folder, undefined);
  const options = { alpha: 0.01, seed: 0 };
  const report = await detectDrift(loaded, trafficOf(shuffled(foreign, 1).slice(0, 100)), options);
  expect(report.hasDrifted).toBe(true);
  expect(report.pValues.mix).toBeLessThan(0.005);
  expect(report.pValues.novelty).toBeLessThan(0.005);
  expect(report.unfamiliarShare).toBeGreaterThan(0.05);
  expect(report.unfamiliar.ids).toHaveLength(Math.round(100 * report.unfamiliarShare));
  const text = formatDrift(report);
  expect(text).toMatch(/^DRIFT/);
  expect(text).toContain("what to do: the router guesses on the unfamiliar prompts");
  expect(report).toEqual(await detectDrift(monitor, trafficOf(shuffled(foreign, 1).slice(0, 100)), options));

  const same = await detectDrift(loaded, trafficOf(shuffled(known, 1).slice(0, 200)), options);
  expect(same.hasDrifted).toBe(false);
  expect(formatDrift(same)).toMatch(/^no drift/);
});

test("a change of mix among known kinds is named by its words", async () => {
  const monitor = await buildDriftMonitor(shuffled(known, 2).slice(300), undefined, 2);
  const code = shuffled(known, 2)
    .slice(0, 300)
    .filter(({ benchmark }) => benchmark !== "GSM8k");
  const report = await detectDrift(monitor, trafficOf(code.slice(0, 60)), { alpha: 0.01, seed: 0 });
  expect(report.hasDrifted).toBe(true);
  const grown = report.clusters.filter(({ trafficShare, trainingShare }) => trafficShare > trainingShare);
  expect(grown[0]!.words.join(" ")).toMatch(/def|docstring|function|python|code|tests|pass/);
});

test("too little of either is refused", async () => {
  await expect(buildDriftMonitor(known.slice(0, 50), undefined, 0)).rejects.toThrow(
    /50 distinct training prompts/,
  );
  const monitor = await buildDriftMonitor(known.slice(0, 200), undefined, 0);
  const repeated = Array.from({ length: 100 }, () => trafficOf(known)[0]!);
  await expect(detectDrift(monitor, repeated, { alpha: 0.01, seed: 0 })).rejects.toThrow(
    /1 distinct prompts/,
  );
  await expect(detectDrift(monitor, trafficOf(known), { alpha: 0.0001, seed: 0 })).rejects.toThrow(
    /alpha is 0.0001/,
  );
});
