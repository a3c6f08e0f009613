/** `tutti router tune` as a person runs it: killed, stopped, gone on with, and the folder used afterwards. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeJudgedRecords } from "../../src/judged/index.ts";
import type { TuningResult } from "../../src/routing/tuning/index.ts";
import { colourShapeRecords } from "../support/colour-shape-prompts.ts";
import { finish, start, tutti } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-tune-cli-"));
const data = join(folder, "judged.jsonl.gz");
beforeAll(() => writeJudgedRecords(data, colourShapeRecords(360)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const args = (out: string, ...more: string[]): string[] => [
  "router",
  "tune",
  "--data",
  data,
  "--out",
  out,
  "--methods",
  "ridge",
  "knn",
  "kmeans",
  "latent",
  "--folds",
  "3",
  "--budget",
  "10m",
  ...more,
];

const trialsOf = (out: string): string[] => {
  const trials = join(out, "tuning/trials");
  return existsSync(trials) ? readdirSync(trials).filter((name) => name.endsWith(".json")) : [];
};

/** Runs the command until that many trials are there, then sends the signal. */
async function stopAt(out: string, trials: number, signal: NodeJS.Signals) {
  const child = start(...args(out));
  const finished = finish(child);
  while (trialsOf(out).length < trials && child.exitCode === null) await sleep(2);
  child.kill(signal);
  return finished;
}

/** Everything but what the clock says. */
function withoutTimes(out: string) {
  const result: TuningResult = JSON.parse(readFileSync(join(out, "tuning.json"), "utf8"));
  const { searchSeconds: _, settings, ...rest } = result;
  return { ...rest, settings: settings.map(({ seconds: __, timeShare: ___, ...setting }) => setting) };
}

test("killed and stopped, the same command repeats nothing and ends the same", {
  timeout: 240_000,
}, async () => {
  const undisturbed = join(folder, "undisturbed");
  const whole = await tutti(...args(undisturbed));
  expect(whole.code, whole.stderr).toBe(0);
  expect(whole.stdout).toMatch(/on \d+ prompts set apart, read once: mean normalised score/);
  expect(whole.stderr).toMatch(/tuning +\d+% {2}\d+\/\d+ trials/);

  const disturbed = join(folder, "disturbed");
  const times = new Map<string, number>();
  const remember = (): void => {
    for (const name of trialsOf(disturbed)) {
      const { mtimeMs } = statSync(join(disturbed, "tuning/trials", name));
      expect(times.get(name) ?? mtimeMs, name).toBe(mtimeMs);
      times.set(name, mtimeMs);
    }
  };
  for (const trials of [1, 6, 12]) {
    await stopAt(disturbed, trials, "SIGKILL");
    expect(existsSync(join(disturbed, "tuning.json"))).toBe(false);
    remember();
  }
  const stopped = await stopAt(disturbed, times.size + 2, "SIGINT");
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain("run the same command again");
  remember();
  const resumed = await tutti(...args(disturbed));
  expect(resumed.code, resumed.stderr).toBe(0);
  remember();
  expect(withoutTimes(disturbed)).toEqual(withoutTimes(undisturbed));
  expect(trialsOf(disturbed).sort()).toEqual(trialsOf(undisturbed).sort());

  const again = await tutti(...args(disturbed));
  expect(again.code).toBe(2);
  expect(again.stderr).toContain("the holdout of this folder has been used");
  expect(again.stderr).toContain("another --out");
});

test("the folder is a router: eval compares it, explain explains it", { timeout: 120_000 }, async () => {
  const out = join(folder, "used");
  const tuned = await tutti(...args(out, "--json"));
  expect(tuned.code, tuned.stderr).toBe(0);
  const result: TuningResult = JSON.parse(tuned.stdout);
  expect(result).toEqual(JSON.parse(readFileSync(join(out, "tuning.json"), "utf8")));
  expect(["knn", "kmeans"]).toContain(result.chosen.method);
  const json = join(folder, "evaluation.json");
  const evaluated = await tutti(
    ...["router", "eval", "--router", out, "--data", data, "--json", json, "--samples", "20"],
  );
  expect(evaluated.code, evaluated.stderr).toBe(0);
  const { analysis, differences } = JSON.parse(readFileSync(json, "utf8"));
  expect(analysis.served).toBe(result.chosen.method);
  expect(differences.map(({ router }: { router: string }) => router)).toContain(result.chosen.method);
  const prompt = `${"crimson ".repeat(4)}and the ${"square ".repeat(4)}filler1`;
  const explained = await tutti("router", "explain", prompt, "--router", out, "--json");
  expect(explained.code, explained.stderr).toBe(0);
  expect(JSON.parse(explained.stdout)).toMatchObject({ model: "different" });
});

test.each([
  [["--budget", "20"], "INVALID_ARGUMENT", "expected a time such as"],
  [["--methods", "rigde"], "INVALID_ARGUMENT", 'did you mean "ridge"'],
  [["--folds", "1"], "INVALID_ARGUMENT", "whole number of at least 2"],
  [["--holdout", "0"], "INVALID_ARGUMENT", "number from 0.01 to 0.9"],
  [["--holdout", "0.01"], "DATASET_INVALID", "larger --holdout"],
])("%j is refused clearly", async (flags, code, words) => {
  const out = join(folder, `refused-${flags.join("")}`);
  const refused = await tutti("router", "tune", "--data", data, "--out", out, ...flags);
  expect(refused.code).toBe(code === "INVALID_ARGUMENT" ? 2 : 1);
  expect(refused.stderr).toContain(code);
  expect(refused.stderr).toContain(words);
  expect(existsSync(out)).toBe(false);
});
