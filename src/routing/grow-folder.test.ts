import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { joinJudgedFiles, promptText, readJudgedRecords, writeJudgedRecords } from "../judged/index.ts";
import { saveBaselines, trainBaselines } from "./baselines/index.ts";
import { TfidfLsaEmbedder } from "./embedding/index.ts";
import { addCandidate, removeCandidate } from "./grow-folder.ts";
import { loadRouters, readManifest, saveManifest } from "./router-folder.ts";
import { saveTrainedPrompts, TrainedPrompts } from "./trained-prompts.ts";

const work = mkdtempSync(join(tmpdir(), "tutti-grow-folder-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

test("a candidate is added and dropped on disk; the others score as before, and leftovers do no harm", async () => {
  const { records, candidates } = await readJudgedRecords([
    join(import.meta.dirname, "../../assets/judged/mbpp.jsonl.gz"),
  ]);
  const old = candidates.slice(0, 4);
  const added = candidates[4]!;
  const folder = join(work, "router");
  const embedder = TfidfLsaEmbedder.fit(
    records.map(({ prompt }) => promptText(prompt)),
    { dimension: 32 },
  );
  mkdirSync(folder);
  saveBaselines(folder, await trainBaselines(records.slice(0, 120), old, { seed: 0, embedder }));
  // Half of the prompts that the added model is judged on.
  saveTrainedPrompts(folder, TrainedPrompts.of(records.slice(30, 120)));
  saveManifest(folder, {
    format: "tutti-router-1",
    candidates: old,
    default: "knn",
    models: [],
    hasEmbedder: false,
    training: {},
  });
  const queries = records
    .slice(120)
    .map(({ id, prompt, benchmark }) => ({ id, prompt: promptText(prompt), domain: benchmark }));
  const scoresOf = async () =>
    new Map(
      await Promise.all(
        loadRouters(folder).routers.map(
          async (router) => [router.name, (await router.scores(queries)).map((row) => [...row])] as const,
        ),
      ),
    );
  const before = await scoresOf();

  // Old and new answers in two files, the new ones for half of the prompts.
  const only = (names: readonly string[]) => (record: (typeof records)[number]) => ({
    ...record,
    candidates: Object.fromEntries(
      Object.entries(record.candidates).filter(([name]) => names.includes(name)),
    ),
  });
  const [oldFile, newFile] = [join(work, "old.jsonl"), join(work, "new.jsonl")];
  await writeJudgedRecords(oldFile, records.map(only(old)));
  await writeJudgedRecords(newFile, records.slice(0, 60).map(only([added])));
  const judged = await joinJudgedFiles([oldFile, newFile], candidates);
  expect(judged.records).toEqual(
    records.slice(0, 60).map((record) => expect.objectContaining({ id: record.id })),
  );
  await expect(joinJudgedFiles([oldFile], candidates)).rejects.toThrow(
    /no prompt has answers of all candidates/,
  );

  // What a process killed halfway leaves behind.
  mkdirSync(join(folder, "grown-1"));
  writeFileSync(join(folder, "grown-1", "baselines.json"), "{");
  expect(await scoresOf()).toEqual(before);

  await addCandidate(folder, added, judged.records, { dropsUngrowable: false });
  expect(readManifest(folder).candidates).toEqual(candidates);
  const after = await scoresOf();
  expect([...after.keys()]).toContain(`fixed:${added}`);
  for (const [name, rows] of before)
    expect(
      after.get(name)!.map((row) => row.slice(0, 4)),
      name,
    ).toEqual(rows);
  await expect(addCandidate(folder, added, judged.records, { dropsUngrowable: false })).rejects.toThrow(
    /already/,
  );

  expect(loadRouters(folder).trainedPrompts!.size).toBe(120);

  removeCandidate(folder, added);
  expect(loadRouters(folder).trainedPrompts!.size).toBe(120);
  const restored = await scoresOf();
  expect([...restored.keys()]).toEqual([...before.keys()]);
  for (const [name, rows] of before) expect(restored.get(name), name).toEqual(rows);
  expect(readdirSync(folder).filter((name) => name.startsWith("grown-"))).toEqual(["grown-2"]);
  expect(() => removeCandidate(folder, "nobody")).toThrow(/has no candidate "nobody"/);
});
