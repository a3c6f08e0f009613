import { join } from "node:path";
import { expect, test } from "vitest";
import { promptText, readJudgedRecords } from "../../judged/index.ts";
import { TfidfLsaEmbedder } from "../embedding/index.ts";
import { type LengthEstimate, trainLengthModel } from "./length-model.ts";

const plain = (estimates: readonly LengthEstimate[], from = 0, to = Number.POSITIVE_INFINITY) =>
  estimates.map(({ mean, low, high }) => [mean, low, high].map((row) => [...row].slice(from, to)));

test("lengths of a new candidate are learned alone, and those of the others stay bit for bit", async () => {
  const path = join(import.meta.dirname, "../../../assets/judged/mbpp.jsonl.gz");
  const { records, candidates } = await readJudgedRecords([path]);
  const prompts = records.map(({ prompt }) => promptText(prompt));
  const embedder = TfidfLsaEmbedder.fit(prompts, { dimension: 16 });
  const [old, added] = [candidates.slice(0, 4), candidates[4]!];
  const model = await trainLengthModel(records.slice(0, 120), old, embedder);
  const judged = records.slice(0, 40);
  const grown = await model.withCandidate(added, judged);
  const alone = await trainLengthModel(judged, [added], embedder);
  const queries = prompts.slice(120);
  const [before, after] = [await model.predict(queries), await grown.predict(queries)];
  expect(grown.candidates).toEqual(candidates);
  expect(plain(after, 0, 4)).toEqual(plain(before));
  expect(plain(after, 4)).toEqual(plain(await alone.predict(queries)));
  expect(plain(await grown.withoutCandidate(added).predict(queries))).toEqual(plain(before));
  expect(plain(await grown.withoutCandidate(old[0]!).predict(queries))).toEqual(plain(after, 1));
  expect(() => grown.withoutCandidate("nobody")).toThrow(/unknown candidate "nobody"/);
  await expect(model.withCandidate(added, judged.slice(0, 5))).rejects.toThrow(/at least 20/);
});
