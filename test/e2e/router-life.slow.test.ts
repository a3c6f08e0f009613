/** A router's life after training, as a person runs it: models come and go, traffic drifts. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type JudgedRecord,
  promptText,
  readJudgedRecords,
  writeJudgedRecords,
} from "../../src/judged/index.ts";
import { loadRouters } from "../../src/routing/router-folder.ts";
import { ROOT, tutti } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-life-"));
const file = (name: string): string => join(folder, name);
const [mlm, clm] = [file("mlm"), file("clm")];
const [oldFile, newFile, testFile] = [file("old.jsonl"), file("new.jsonl"), file("test.jsonl")];
let candidates: string[] = [];
let old: string[] = [];
let added = "";
let test_: JudgedRecord[] = [];

const only = (names: readonly string[]) => (record: JudgedRecord) => ({
  ...record,
  candidates: Object.fromEntries(names.map((name) => [name, record.candidates[name]!])),
});

/** Scores of the test prompts by method, and what the calibrated methods expect of them. */
async function stateOf(router: string) {
  const { routers, calibrated, manifest } = loadRouters(router);
  const queries = test_
    .slice(0, 20)
    .map(({ id, prompt, benchmark }) => ({ id, prompt: promptText(prompt), domain: benchmark }));
  const scores = new Map<string, number[][]>();
  for (const method of routers)
    scores.set(
      method.name,
      (await method.scores(queries)).map((row) => [...row]),
    );
  const expected = new Map<string, { quality: number[][]; tokens: (number[] | undefined)[] }>();
  for (const [name, method] of calibrated) {
    const rows = await method.outcomes(queries);
    expected.set(name, {
      quality: rows.map(({ quality }) => [...quality]),
      tokens: rows.map(({ completionTokens }) => completionTokens && [...completionTokens]),
    });
  }
  return { manifest, scores, expected };
}

const narrowed = (rows: readonly (number[] | undefined)[], width = 4) =>
  rows.map((row) => row?.slice(0, width));

async function train(out: string, variant: string): Promise<void> {
  const sizes = ["--epochs", "1", "--prompt-tokens", "24", "--response-tokens", "4", "--threads", "1"];
  const result = await tutti(
    ...[
      "router",
      "train",
      "--data",
      oldFile,
      "--out",
      out,
      "--no-mlc",
      "--serves",
      "lookahead",
      "--variant",
      variant,
      ...sizes,
    ],
  );
  expect(result.code, result.stderr).toBe(0);
}

const addModel = (router: string, ...more: string[]) =>
  tutti("router", "add-model", "--router", router, "--data", oldFile, newFile, "--model", added, ...more);

beforeAll(async () => {
  const files = ["mbpp", "humaneval"].map((name) => join(ROOT, `assets/judged/${name}.jsonl.gz`));
  const data = await readJudgedRecords(files);
  candidates = [...data.candidates];
  old = candidates.slice(0, 4);
  added = candidates[4]!;
  const trained = data.records.filter((_, index) => index % 3 !== 0);
  test_ = data.records.filter((_, index) => index % 3 === 0);
  await writeJudgedRecords(oldFile, trained.map(only(old)));
  await writeJudgedRecords(newFile, trained.slice(0, 80).map(only([added])));
  await writeJudgedRecords(testFile, test_);
  await train(mlm, "mlm");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a model cannot join an mlm router by stealth: refused with the reason, the folder as it was", {
  timeout: 120_000,
}, async () => {
  const before = readFileSync(join(mlm, "router.json"), "utf8");
  const refused = await addModel(mlm);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("joint prediction (mlm) reads all candidates in one sequence");
  expect(refused.stderr).toContain("--drop-ungrowable");
  const unserved = await addModel(mlm, "--drop-ungrowable");
  expect(unserved.code).toBe(2);
  expect(unserved.stderr).toContain("lookahead would not be left to serve");
  expect(unserved.stderr).toContain("--default");
  const unjudged = await tutti(
    ...["router", "add-model", "--router", mlm, "--data", oldFile, "--model", added],
  );
  expect(unjudged.code).toBe(1);
  expect(unjudged.stderr).toContain("no prompt has answers of all candidates");
  expect(readFileSync(join(mlm, "router.json"), "utf8")).toBe(before);
});

test("the others take it in, calibration and lengths with them, and it can be dropped again", {
  timeout: 120_000,
}, async () => {
  const before = await stateOf(mlm);
  expect(before.expected.size).toBeGreaterThan(0);
  const result = await addModel(mlm, "--drop-ungrowable", "--default", "ridge");
  expect(result.code, result.stderr).toBe(0);
  expect(result.stderr).toContain("left out: lookahead: joint prediction (mlm)");
  const after = await stateOf(mlm);
  expect(after.manifest).toMatchObject({ candidates, default: "ridge", models: [] });
  for (const [name, rows] of after.scores) {
    if (name === `fixed:${added}`) continue;
    expect(narrowed(rows), name).toEqual(before.scores.get(name));
  }
  // Every method that was calibrated still is, or is named in a note.
  for (const [name, { quality, tokens }] of before.expected) {
    if (name === "lookahead") continue;
    const now = after.expected.get(name);
    if (now === undefined) {
      expect(result.stderr).toMatch(new RegExp(`note: .*\\b${name}\\b.* a quality`));
      continue;
    }
    expect(narrowed(now.quality), name).toEqual(quality);
    expect(narrowed(now.tokens), name).toEqual(tokens);
    expect(
      now.quality.every((row) => row.length === 5 && row.every((value) => value >= 0 && value <= 1)),
    ).toBe(true);
    expect(now.tokens.every((row) => row?.length === 5 && row[4]! >= 1)).toBe(true);
  }
  const json = file("evaluation.json");
  const evaluated = await tutti(
    ...["router", "eval", "--router", mlm, "--data", testFile, "--json", json, "--samples", "20"],
  );
  expect(evaluated.code, evaluated.stderr).toBe(0);
  expect(Object.keys(JSON.parse(readFileSync(json, "utf8")).mean)).toContain(`fixed:${added}`);

  const removed = await tutti("router", "remove-model", "--router", mlm, "--model", added);
  expect(removed.code, removed.stderr).toBe(0);
  const restored = await stateOf(mlm);
  expect(restored.manifest.candidates).toEqual(old);
  for (const [name, rows] of restored.scores) expect(rows, name).toEqual(before.scores.get(name));
  expect([...restored.expected.keys()]).toEqual([...after.expected.keys()]);
  for (const [name, outcome] of restored.expected) expect(outcome, name).toEqual(before.expected.get(name));
});

test("a clm router takes it in and goes on serving; dropping an old model leaves the rest calibrated", {
  timeout: 180_000,
}, async () => {
  await train(clm, "clm");
  const before = await stateOf(clm);
  const result = await addModel(clm);
  expect(result.code, result.stderr).toBe(0);
  expect(result.stderr).not.toContain("left out");
  const after = await stateOf(clm);
  expect(after.manifest).toMatchObject({ candidates, default: "lookahead", models: ["lookahead"] });
  expect(narrowed(after.scores.get("lookahead")!)).toEqual(before.scores.get("lookahead"));
  const removed = await tutti("router", "remove-model", "--router", clm, "--model", old[0]!);
  expect(removed.code, removed.stderr).toBe(0);
  const shrunk = await stateOf(clm);
  expect(shrunk.manifest.candidates).toEqual(candidates.slice(1));
  const picked = (rows: readonly (number[] | undefined)[]) => rows.map((row) => row?.slice(1));
  expect(shrunk.scores.get("lookahead")).toEqual(picked(after.scores.get("lookahead")!));
  expect([...shrunk.expected.keys()]).toEqual([...after.expected.keys()]);
  for (const [name, { quality, tokens }] of shrunk.expected) {
    expect(quality, name).toEqual(picked(after.expected.get(name)!.quality));
    expect(tokens, name).toEqual(picked(after.expected.get(name)!.tokens));
  }
  const refused = await tutti(
    ...["router", "add-model", "--router", clm, "--data", testFile, "--model", old[0]!],
  );
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("was removed from this router, whose models still hold it");
});

test("drift is told apart from no drift, and fails only where asked", { timeout: 120_000 }, async () => {
  const json = file("drift.json");
  const drift = (data: string, ...more: string[]) =>
    tutti("router", "drift", "--router", mlm, "--data", data, "--json", json, ...more);
  const calm = await drift(testFile, "--fail-on-drift");
  expect(calm.code, calm.stderr).toBe(0);
  expect(JSON.parse(readFileSync(json, "utf8"))).toMatchObject({ hasDrifted: false });
  const foreign = join(ROOT, "assets/judged/gsm8k.jsonl.gz");
  const told = await drift(foreign);
  expect(told.code, told.stderr).toBe(0);
  expect(JSON.parse(readFileSync(json, "utf8"))).toMatchObject({ hasDrifted: true });
  expect((await drift(foreign, "--fail-on-drift")).code).toBe(1);
});

test("layers of a backbone that is not there are refused before any work", async () => {
  const train = (...more: string[]) =>
    tutti(
      "router",
      "train",
      "--data",
      "assets/judged/mbpp.jsonl.gz",
      "--out",
      join(folder, "tuned"),
      ...more,
    );
  const scratch = await train("--tuned-layers", "2");
  expect([scratch.code, scratch.stdout]).toEqual([2, ""]);
  expect(scratch.stderr).toContain("--tuned-layers 2 was given, but there is no --backbone");
  const latent = await train("--tuned-layers", "2", "--variant", "latent", "--backbone", "anywhere");
  expect([latent.code, latent.stdout]).toEqual([2, ""]);
  expect(latent.stderr).toContain("--variant latent trains no network");
});
