/** `tutti router tune` and `add-model` on a store, as a person runs them: tuned on two models, then a third joins. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore, putRecords } from "../../src/judged/index.ts";
import { loadRouters } from "../../src/routing/router-folder.ts";
import { colourShapeRecords } from "../support/colour-shape-prompts.ts";
import { tutti } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-router-store-"));
const at = (name: string): string => join(folder, name);
const [store, router] = [at("store.db"), at("router")];
beforeAll(async () => {
  const opened = await openStore(store);
  await putRecords(opened, colourShapeRecords(240), { judge: "exact", source: "colours" });
  await putRecords(
    opened,
    colourShapeRecords(240).map((record) => ({ ...record, prompt: `${record.prompt} again` })),
    {
      judge: "other",
      source: "colours again",
    },
  );
  await opened.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ofStore = ["--store", store, "--judge", "exact"];
const models = ["--models", "different", "same"];

test("tuned on the store's verdicts of one judge, grown by a model of the store, evaluated on it", {
  timeout: 600_000,
}, async () => {
  const undecided = await tutti("router", "tune", "--store", store, "--out", router);
  expect([undecided.code, undecided.stderr]).toEqual([2, expect.stringContaining("exact, other")]);
  const tuned = await tutti(
    ...["router", "tune", ...ofStore, ...models, "--out", router, "--methods", "ridge", "knn"],
    ...["--folds", "2", "--budget", "5m"],
  );
  expect(tuned.code, tuned.stderr).toBe(0);
  const { manifest, routers } = loadRouters(router);
  expect(manifest.candidates).toEqual(["different", "same"]);
  const query = { id: "q", prompt: String(colourShapeRecords(1)[0]!.prompt) };
  const scoresOf = async () => {
    const rows = new Map<string, number[]>();
    for (const method of loadRouters(router).routers)
      rows.set(method.name, [...(await method.scores([query]))[0]!]);
    return rows;
  };
  const before = await scoresOf();
  expect(routers.length).toBeGreaterThan(0);

  const absent = await tutti("router", "add-model", "--router", router, ...ofStore, "--model", "nobody");
  expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining("nobody")]);
  const grown = await tutti("router", "add-model", "--router", router, ...ofStore, "--model", "steady");
  expect(grown.code, grown.stderr).toBe(0);
  expect(grown.stderr).toContain("240 prompts with answers of steady and 2 others");
  const after = await scoresOf();
  for (const [name, row] of before) expect(after.get(name)?.slice(0, 2), name).toEqual(row);
  expect(loadRouters(router).manifest.candidates).toEqual(["different", "same", "steady"]);

  const json = at("evaluation.json");
  const evaluated = await tutti(
    "router",
    "eval",
    ...ofStore,
    "--router",
    router,
    "--json",
    json,
    "--samples",
    "20",
  );
  expect(evaluated.code, evaluated.stderr).toBe(0);
  const { mean, analysis } = JSON.parse(readFileSync(json, "utf8"));
  expect(Object.keys(mean)).toContain("fixed:steady");
  // The fifth that tuning set apart was learned from when the third model joined.
  expect(analysis.trainingOverlap).toEqual({ source: "hashes", evaluated: 240, trained: 240, share: 1 });
  expect(evaluated.stderr).toContain("warning: the router was trained on 240 of these 240 prompts (100 %)");
});
