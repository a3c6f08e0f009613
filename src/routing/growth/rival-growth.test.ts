import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type JudgedRecord, promptText, readJudgedRecords, splitByPrompt } from "../../judged/index.ts";
import { permutation } from "../../tensor/random.ts";
import {
  AvengersProRouter,
  type GrowableBaseline,
  isGrowableBaseline,
  type LogisticRouter,
  loadBaselines,
  type SavableRouter,
  saveBaselines,
  trainLogistic,
  trainRivals,
} from "../baselines/index.ts";
import { TfidfLsaEmbedder } from "../embedding/index.ts";
import { LatentRouter, trainLatent, withLatentCandidate } from "../latent/index.ts";
import type { RoutingQuery } from "../router.ts";

const ROOT = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "tutti-rival-growth-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NEW = "Qwen2.5-Coder-7B-Instruct";
let old: string[] = [];
let train: JudgedRecord[] = [];
let queries: RoutingQuery[] = [];
let isCode: boolean[] = [];
let rivals: SavableRouter[] = [];
let latent: LatentRouter;
let embedder: TfidfLsaEmbedder;
const plain = (rows: readonly Float64Array[], width = Number.POSITIVE_INFINITY): number[][] =>
  rows.map((row) => [...row].slice(0, width));

/** The new model wins all code prompts and loses all others. */
const splitByKind = (records: readonly JudgedRecord[]): JudgedRecord[] =>
  records.map((record) => {
    const wins = record.benchmark !== "GSM8k";
    const others = old.map((name) => [name, { response: "No.", score: wins ? 0 : 1 }]);
    return {
      ...record,
      candidates: { ...Object.fromEntries(others), [NEW]: { response: "Yes.", score: wins ? 1 : 0 } },
    };
  });

beforeAll(async () => {
  const files = ["gsm8k", "mbpp", "humaneval"].map((name) => join(ROOT, `assets/judged/${name}.jsonl.gz`));
  const { records, candidates } = await readJudgedRecords(files);
  const few = records.filter(({ benchmark }, index) => benchmark !== "GSM8k" || index % 3 === 0);
  const mixed = [...permutation(few.length, { seed: 0, stream: 0 })].map((index) => few[index]!);
  const parts = splitByPrompt(mixed, { holdoutShare: 0.3, seed: 0 });
  train = parts.train;
  queries = parts.holdout.map(({ id, prompt }) => ({ id, prompt: promptText(prompt) }));
  isCode = parts.holdout.map(({ benchmark }) => benchmark !== "GSM8k");
  old = candidates.filter((name) => name !== NEW);
  const prompts = train.map(({ prompt }) => promptText(prompt));
  embedder = TfidfLsaEmbedder.fit(prompts, { dimension: 64 });
  const costs = Object.fromEntries(old.map((name, index) => [name, 1 + index]));
  rivals = await trainRivals(train, old, { seed: 0, embedder, costs });
  latent = await trainLatent("latent", train, old, embedder);
});

const grow = (
  router: SavableRouter,
  records: readonly JudgedRecord[],
): Promise<GrowableBaseline> | undefined =>
  isGrowableBaseline(router) ? router.withCandidate(NEW, records) : undefined;

describe("a new candidate in the rivals", () => {
  test("is taken in where every candidate has a column of its own", () => {
    const growing = rivals.filter(isGrowableBaseline).map(({ name }) => name);
    expect(growing).toEqual(["soft-clusters", "avengers", "logistic"]);
  });

  test("leaves the scores of the others bit for bit, wins where it is better, and is the same from disk", async () => {
    const judged = splitByKind(train.slice(0, 200));
    const all: SavableRouter[] = [];
    for (const router of rivals) {
      const grown = await grow(router, judged);
      if (grown === undefined) continue;
      all.push(grown);
      const before = plain(await router.scores(queries));
      const after = await grown.scores(queries);
      expect(grown.candidates).toEqual([...old, NEW]);
      expect(plain(after, old.length)).toEqual(before);
      expect(plain(await grown.withoutCandidate(NEW).scores(queries))).toEqual(before);
      const first = grown.withoutCandidate(old[0]!);
      expect(plain(await first.scores(queries))).toEqual(plain(after).map((row) => row.slice(1)));
      const newest = (wanted: boolean): number => {
        const rows = after.filter((_, index) => isCode[index] === wanted);
        return rows.reduce((sum, row) => sum + row[old.length]!, 0) / rows.length;
      };
      // Soft clusters hardly tell prompts apart: all clusters speak, at a temperature as large as the distances.
      expect(newest(true) - newest(false), router.name).toBeGreaterThan(
        router.name === "soft-clusters" ? 0 : 0.3,
      );
    }
    saveBaselines(folder, all);
    for (const [index, loaded] of loadBaselines(folder).entries()) {
      expect(await loaded.scores(queries), loaded.name).toEqual(await all[index]!.scores(queries));
    }
  });

  test("needs a cost where one is weighed", async () => {
    const router = rivals.find((rival) => rival instanceof AvengersProRouter)!;
    const before = plain(await router.scores(queries));
    const judged = train.slice(0, 100);
    const [cheap, dear] = await Promise.all(
      [0, 9].map((cost) => router.withPricedCandidate(NEW, judged, cost)),
    );
    expect(plain(await cheap!.scores(queries), old.length)).toEqual(before);
    expect(plain(await cheap!.withoutCandidate(NEW).scores(queries))).toEqual(before);
    // Costs 1..4 in training: 0 and 9 are three times their range apart, at a weight of 1 - 0.7.
    const [low, high] = [await dear!.scores(queries), await cheap!.scores(queries)];
    expect(high[0]![old.length]! - low[0]![old.length]!).toBeCloseTo(0.3 * 3, 12);
    saveBaselines(folder, [cheap!]);
    expect(await loadBaselines(folder)[0]!.scores(queries)).toEqual(high);
    await expect(router.withPricedCandidate(NEW, judged, -1)).rejects.toThrow(/expected a number from 0/);
  });

  test("is learned by a logistic regression on the target that it was trained with", async () => {
    const judged = splitByKind(train.slice(0, 100));
    const trained = await trainLogistic(train, old, embedder, { target: "relative", penalties: [1] });
    const grown = await trained.withCandidate(NEW, judged);
    expect(grown.target).toBe("relative");
    // A free intercept makes the mean prediction on the judged prompts the mean target.
    const rows = await grown.scores(judged.map(({ id, prompt }) => ({ id, prompt: promptText(prompt) })));
    const predicted = rows.reduce((sum, row) => sum + row[old.length]!, 0) / rows.length;
    const wins = judged.filter(({ benchmark }) => benchmark !== "GSM8k").length / judged.length;
    expect(predicted).toBeCloseTo(wins, 4);
    saveBaselines(folder, [grown]);
    expect((loadBaselines(folder)[0] as LogisticRouter).target).toBe("relative");
  });
});

describe("a new candidate in a latent router", () => {
  test("leaves all that is expected of the others bit for bit", async () => {
    const grown = await latent.withCandidate(NEW, splitByKind(train.slice(0, 200)));
    expect(grown).toBeInstanceOf(LatentRouter);
    expect(grown.candidates).toEqual([...old, NEW]);
    const before = await latent.assess(queries);
    const after = await grown.assess(queries);
    const width = old.length;
    for (const [index, { scores, estimate }] of after.entries()) {
      const known = before[index]!;
      expect([...scores.slice(0, width)]).toEqual([...known.scores]);
      expect([...estimate.quality.slice(0, width)]).toEqual([...known.estimate.quality]);
      expect([...estimate.completionTokens!.slice(0, width)]).toEqual([...known.estimate.completionTokens!]);
    }
    const mean = (wanted: boolean): number => {
      const rows = after.filter((_, index) => isCode[index] === wanted);
      return rows.reduce((sum, { estimate }) => sum + estimate.quality[width]!, 0) / rows.length;
    };
    expect(mean(true) - mean(false)).toBeGreaterThan(0.5);
  });

  test("can be taken out again, in any order", async () => {
    const grown = await withLatentCandidate(latent, NEW, train.slice(0, 60));
    expect(await grown.withoutCandidate(NEW).assess(queries)).toEqual(await latent.assess(queries));
    const others = grown.withoutCandidate(old[1]!);
    expect(others.candidates).toEqual([old[0], ...old.slice(2), NEW]);
    expect(plain(await others.scores(queries))).toEqual(
      plain(await grown.scores(queries)).map((row) => row.filter((_, column) => column !== 1)),
    );
  });

  test("is refused when known already, judged by nobody or on a scale nobody knows", async () => {
    await expect(latent.withCandidate(old[0]!, train)).rejects.toThrow(/has the candidate .* already/);
    await expect(latent.withCandidate(NEW, [])).rejects.toThrow(/no judged prompts/);
    const strange = train.slice(0, 1).map((record) => ({ ...record, benchmark: "Strange" }));
    await expect(latent.withCandidate(NEW, strange)).rejects.toThrow(/"Strange" is unknown to the router/);
    expect(() => latent.withoutCandidate("nobody")).toThrow(/unknown candidate "nobody"/);
  });
});
