/** Stages are done once for each set of inputs. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { finishedStage, runStage, type Stage } from "../../src/fusion/index.ts";
import type { JsonObject } from "../../src/judged/index.ts";

const root = mkdtempSync(join(tmpdir(), "tutti-stages-"));
afterAll(() => rmSync(root, { recursive: true }));

let runs = 0;
const stage = (inputs: JsonObject, more: Partial<Stage<JsonObject>> = {}): Stage<JsonObject> => ({
  name: "count",
  inputs,
  run: async () => {
    runs++;
    return { sum: Number(inputs.a) + 1, empty: Number.NaN };
  },
  ...more,
});

it("runs once, and again for other inputs only", async () => {
  const first = await runStage(root, stage({ a: 1, b: [2] }));
  expect(first).toMatchObject({ result: { sum: 2, empty: null }, wasDone: false });
  const again = await runStage(root, stage({ b: [2], a: 1 }));
  expect({ ...again, wasDone: false }).toEqual(first);
  expect([again.wasDone, runs]).toEqual([true, 1]);
  const other = await runStage(root, stage({ a: 2, b: [2] }));
  expect([other.result.sum, other.folder === first.folder, runs]).toEqual([3, false, 2]);
  await runStage(root, stage({ a: 1, b: [2] }));
  expect(runs).toBe(2);
});

it("a stage that failed is not done", async () => {
  const inputs = { a: 7 };
  const broken = stage(inputs, { run: () => Promise.reject(new Error("power cut")) });
  await expect(runStage(root, broken)).rejects.toThrow("power cut");
  expect(await finishedStage(root, broken)).toBeUndefined();
  expect((await runStage(root, stage(inputs))).wasDone).toBe(false);
});

it("a stage whose files are gone is done again", async () => {
  const before = runs;
  await runStage(root, stage({ a: 1, b: [2] }, { isIntact: () => false }));
  expect(runs).toBe(before + 1);
});

it("a result that was meddled with is refused", async () => {
  const folder = mkdtempSync(join(root, "own-"));
  await runStage(folder, stage({ a: 4 }));
  const file = join(
    folder,
    "stages",
    readdirSync(join(folder, "stages")).find((name) => name.endsWith(".json"))!,
  );
  writeFileSync(file, JSON.stringify({ inputs: { a: 5 }, result: {} }));
  await expect(runStage(folder, stage({ a: 4 }))).rejects.toMatchObject({ code: "FILE_CORRUPT" });
  writeFileSync(file, "{");
  await expect(runStage(folder, stage({ a: 4 }))).rejects.toMatchObject({ code: "FILE_CORRUPT" });
});
