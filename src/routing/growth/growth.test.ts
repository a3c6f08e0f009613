import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type JudgedRecord, promptText, readJudgedRecords, splitByPrompt } from "../../judged/index.ts";
import { permutation } from "../../tensor/random.ts";
import { isGrowableBaseline, type SavableRouter, trainBaselines } from "../baselines/index.ts";
import { lookaheadDefaults } from "../defaults.ts";
import { CachingEmbedder, TfidfLsaEmbedder } from "../embedding/index.ts";
import { GrowableLookaheadRouter, growableLookahead, trainLookahead } from "../lookahead/index.ts";
import { argmax, type Router } from "../router.ts";
import { withoutCandidates } from "./candidate-view.ts";
import { shrunkenMeans } from "./shrunken-means.ts";

const ROOT = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "tutti-growth-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NEW = "Qwen2.5-Coder-7B-Instruct";
let old: string[] = [];
let train: JudgedRecord[] = [];
let test_: JudgedRecord[] = [];
let baselines: SavableRouter[] = [];
const queriesOf = (records: readonly JudgedRecord[]) =>
  records.map((record) => ({ id: record.id, prompt: promptText(record.prompt), domain: record.benchmark }));

beforeAll(async () => {
  const files = ["gsm8k", "mbpp", "humaneval"].map((name) => join(ROOT, `assets/judged/${name}.jsonl.gz`));
  const { records, candidates } = await readJudgedRecords(files);
  const few = records.filter(({ benchmark }, index) => benchmark !== "GSM8k" || index % 3 === 0);
  // Files follow each other; the first rows shall hold every benchmark.
  const mixed = [...permutation(few.length, { seed: 0, stream: 0 })].map((index) => few[index]!);
  ({ train, holdout: test_ } = splitByPrompt(mixed, { holdoutShare: 0.3, seed: 0 }));
  old = candidates.filter((name) => name !== NEW);
  const embedder = new CachingEmbedder(
    TfidfLsaEmbedder.fit(
      train.map(({ prompt }) => promptText(prompt)),
      { dimension: 64 },
    ),
  );
  baselines = await trainBaselines(train, old, { seed: 0, embedder });
});

describe("means of small groups", () => {
  test("stay as they are when groups differ far more than their members", () => {
    const values = Float64Array.of(0, 0.01, 1, 1.01, 5, 5.01);
    const means = shrunkenMeans(values, [0, 0, 1, 1, 2, 2], 4);
    expect(means[0]).toBeCloseTo(0.005, 3);
    expect(means[2]).toBeCloseTo(5.005, 3);
    // A group that nobody saw.
    expect(means[3]).toBeCloseTo(12.03 / 6, 12);
  });

  test("are the mean of all when groups differ no more than chance", () => {
    const means = shrunkenMeans(Float64Array.of(0, 1, 0, 1, 1, 0), [0, 0, 1, 1, 2, 2], 3);
    expect([...means]).toEqual([0.5, 0.5, 0.5]);
  });

  test("follow the stated formula in between", () => {
    const values = Float64Array.of(0, 1, 2, 3, 5);
    // Sizes 3 and 2, means 1 and 4; within (2 + 2) / 3, between 3 (1 - 2.2)^2 + 2 (4 - 2.2)^2 = 10.8,
    // variance (10.8 - 4/3) / (5 - 13/5), kappa = within / variance.
    const kappa = 4 / 3 / ((10.8 - 4 / 3) / 2.4);
    const means = shrunkenMeans(values, [0, 0, 0, 1, 1], 2);
    expect(means[0]).toBeCloseTo((3 + kappa * 2.2) / (3 + kappa), 12);
    expect(means[1]).toBeCloseTo((8 + kappa * 2.2) / (2 + kappa), 12);
  });
});

describe("a new candidate in the baselines", () => {
  test("leaves the scores of the others bit for bit, in memory and from its own column only", async () => {
    const queries = queriesOf(test_);
    for (const router of baselines) {
      if (!isGrowableBaseline(router)) throw new Error(router.name);
      const before = await router.scores(queries);
      const grown = await router.withCandidate(NEW, train.slice(0, 100));
      expect(grown.candidates).toEqual([...old, NEW]);
      const after = await grown.scores(queries);
      expect(after.map((row) => [...row.slice(0, old.length)])).toEqual(before.map((row) => [...row]));
      expect(after.every((row) => row.length === old.length + 1 && Number.isFinite(row[old.length]!))).toBe(
        true,
      );
      expect(await router.scores(queries)).toEqual(before);
      if (router.name === "random") continue;
      expect((await grown.withoutCandidate(NEW).scores(queries)).map((row) => [...row])).toEqual(
        before.map((row) => [...row]),
      );
    }
  });

  test("judged on every training prompt, decides as tables and kNN trained anew do", async () => {
    const anew = await trainBaselines(train, [...old, NEW], {
      seed: 0,
      embedder: baselines.at(-1)!.embedder!,
    });
    const queries = queriesOf(test_);
    for (const name of ["domain-best", "string-rule", "knn"]) {
      const router = baselines.find((other) => other.name === name)!;
      if (!isGrowableBaseline(router)) throw new Error(name);
      const grown = await (await router.withCandidate(NEW, train)).scores(queries);
      const full = await anew.find((other) => other.name === name)!.scores(queries);
      const same = grown.filter((row, index) => argmax(row) === argmax(full[index]!)).length / queries.length;
      // Scores are 0 or 1 here; string-rule shrinks its classes, which moves near ties.
      expect([name, same]).toEqual([name, name === "string-rule" ? expect.closeTo(1, 1) : 1]);
    }
  });

  test("is chosen where it is better, from two hundred prompts", async () => {
    const marks = (record: JudgedRecord): JudgedRecord => ({
      ...record,
      candidates: {
        ...record.candidates,
        [NEW]: { response: "", score: record.benchmark === "GSM8k" ? 0 : 1 },
      },
    });
    const others = (record: JudgedRecord): JudgedRecord => ({
      ...record,
      candidates: Object.fromEntries(
        Object.entries(record.candidates).map(([name, judged]) => [
          name,
          name === NEW ? judged : { ...judged, score: record.benchmark === "GSM8k" ? 1 : 0 },
        ]),
      ),
    });
    const judged = train.slice(0, 200).map((record) => others(marks(record)));
    for (const router of baselines.filter(({ name }) =>
      ["domain-best", "string-rule", "knn", "kmeans", "ridge"].includes(name),
    )) {
      if (!isGrowableBaseline(router)) throw new Error(router.name);
      const rows = await (await router.withCandidate(NEW, judged)).scores(queriesOf(test_));
      const right = rows.filter(
        (row, index) => (argmax(row) === old.length) === (test_[index]!.benchmark !== "GSM8k"),
      );
      expect([router.name, right.length / rows.length > 0.9]).toEqual([router.name, true]);
    }
  });

  test("is refused when known, unjudged or judged by nobody", async () => {
    const knn = baselines.find(({ name }) => name === "knn")!;
    if (!isGrowableBaseline(knn)) throw new Error("knn");
    await expect(knn.withCandidate(old[0]!, train)).rejects.toThrow(/has the candidate .* already/);
    await expect(knn.withCandidate(NEW, [])).rejects.toThrow(/no judged prompts/);
    await expect(knn.withCandidate("nobody", train)).rejects.toThrow(/candidates has no "nobody"/);
    expect(() => knn.withoutCandidate("nobody")).toThrow(/unknown candidate "nobody"/);
  });
});

test("a view drops columns and nothing else", async () => {
  const ridge = baselines.at(-1)!;
  const view = withoutCandidates(ridge, [old[1]!]);
  expect(view.candidates).toEqual([old[0], ...old.slice(2)]);
  const queries = queriesOf(test_.slice(0, 5));
  const full = await ridge.scores(queries);
  expect((await view.scores(queries)).map((row) => [...row])).toEqual(
    full.map((row) => [...row].filter((_, column) => column !== 1)),
  );
  expect(withoutCandidates(ridge, ["nobody"])).toBe(ridge);
});

describe("a new candidate in a CLM model", () => {
  let model: GrowableLookaheadRouter;
  beforeAll(async () => {
    const options = {
      ...lookaheadDefaults("clm", false),
      epochs: 1,
      threads: 1,
      maxPromptTokens: 32,
      responseTokens: 4,
    };
    const records = train.filter((_, index) => index % 2 === 0);
    const base = await trainLookahead("lookahead", records, [], old, options, join(folder, "clm"));
    const grown = growableLookahead(base, undefined);
    if (!(grown instanceof GrowableLookaheadRouter)) throw new Error("not growable");
    model = grown;
  });

  test("leaves the scores of the others bit for bit, learns, and is the same from disk", async () => {
    const queries = queriesOf(test_.slice(0, 60));
    const before = await model.scores(queries);
    // The new candidate wins all code prompts and loses all others.
    const isCode = (record: JudgedRecord): boolean => record.benchmark !== "GSM8k";
    const judged = train.slice(0, 120).map((record) => ({
      ...record,
      candidates: {
        ...Object.fromEntries(
          old.map((name) => [name, { response: "I do not know.", score: isCode(record) ? 0 : 1 }]),
        ),
        [NEW]: { response: isCode(record) ? "def f(x):" : "Never.", score: isCode(record) ? 1 : 0 },
      },
    }));
    const grown = await model.withCandidate(NEW, judged);
    const after = await grown.scores(queries);
    expect(grown.candidates).toEqual([...old, NEW]);
    expect(after.map((row) => [...row.slice(0, old.length)])).toEqual(before.map((row) => [...row]));
    const meanWhere = (wanted: boolean): number => {
      const rows = after.filter((_, index) => isCode(test_[index]!) === wanted);
      return rows.reduce((sum, row) => sum + row[old.length]!, 0) / rows.length;
    };
    expect(meanWhere(true) - meanWhere(false)).toBeGreaterThan(0.25);

    grown.saveGrowth(join(folder, "growth"));
    const { growableLookahead: load, loadLookahead } = await import("../lookahead/index.ts");
    const loaded: Router = load(loadLookahead(join(folder, "clm"), "lookahead"), join(folder, "growth"));
    expect(loaded.candidates).toEqual(grown.candidates);
    expect(await loaded.scores(queries)).toEqual(after);

    const twice = await grown.withCandidate(
      "third",
      judged.map((record) => ({
        ...record,
        candidates: { ...record.candidates, third: { response: "", score: 0.5 } },
      })),
    );
    expect((await twice.scores(queries)).map((row) => [...row.slice(0, -1)])).toEqual(
      after.map((row) => [...row]),
    );
    expect(await grown.scores(queries)).toEqual(after);
  }, 240_000);
});
