/** Scores against the formula, and a whole folder that serves an ensemble. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type JudgedRecord, promptText, readJudgedRecords } from "../../judged/index.ts";
import { DomainBestRouter, FixedRouter, trainDomainBest } from "../baselines/index.ts";
import { lookaheadDefaults } from "../defaults.ts";
import { addCandidate, removeCandidate } from "../grow-folder.ts";
import type { Router, RoutingQuery } from "../router.ts";
import { loadRouters } from "../router-folder.ts";
import { trainRouter } from "../train-router.ts";
import { EnsembleRouter, fitEnsemble } from "./index.ts";

const work = mkdtempSync(join(tmpdir(), "tutti-ensemble-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A router that answers from a table of rows by prompt. */
const tableRouter = (name: string, rows: Record<string, number[]>, candidates = ["a", "b"]): Router => ({
  name,
  candidates,
  scores: async (queries) => queries.map(({ prompt }) => Float64Array.from(rows[prompt]!)),
});
const record = (id: string, score = 0): JudgedRecord => ({
  id,
  benchmark: "B",
  prompt: id,
  candidates: { a: { response: "", score }, b: { response: "", score: 1 } },
});
const queries: RoutingQuery[] = [
  { id: "p", prompt: "p" },
  { id: "q", prompt: "q" },
];

describe("scores", () => {
  const small = tableRouter("small", { p: [0.1, 0.3], q: [0.6, 0] });
  const large = tableRouter("large", { p: [900, 700], q: [100, 100] });

  test("are the mean of centred scores in units of each member's mean deviation", async () => {
    const router = await fitEnsemble("both", [small, large], [record("p"), record("q")]);
    // Deviations: small 0.1 and 0.3, large 100 and 0.
    expect(router.members.map(({ scale }) => scale)).toEqual([
      expect.closeTo(0.2, 12),
      expect.closeTo(50, 12),
    ]);
    const [p, q] = await router.scores(queries);
    expect([...p!]).toEqual([expect.closeTo((-0.5 + 2) / 2, 12), expect.closeTo((0.5 - 2) / 2, 12)]);
    expect([...q!]).toEqual([expect.closeTo(0.75, 12), expect.closeTo(-0.75, 12)]);
  });

  test("read no judgement: the same scales whatever the scores of the records", async () => {
    const judged = (score: number) =>
      fitEnsemble("both", [small, large], [record("p", score), record("q", score)]);
    expect((await judged(0)).members).toEqual((await judged(0.9)).members);
  });

  test("follow candidates into another order", async () => {
    const turned = (router: Router): Router => ({
      name: router.name,
      candidates: [...router.candidates].reverse(),
      scores: async (asked) => (await router.scores(asked)).map((row) => row.toReversed()),
    });
    const prompts = [record("p"), record("q")];
    const straight = await (await fitEnsemble("both", [small, large], prompts)).scores(queries);
    const reversed = await (await fitEnsemble("both", [turned(small), turned(large)], prompts)).scores(
      queries,
    );
    for (const [index, row] of straight.entries())
      expect([...reversed[index]!.toReversed()]).toEqual([...row].map((value) => expect.closeTo(value, 12)));
  });

  test("of a member that never tells candidates apart add nothing", async () => {
    const flat = tableRouter("flat", { p: [5, 5], q: [7, 7] });
    const router = await fitEnsemble("both", [small, flat], [record("p"), record("q")]);
    const [p] = await router.scores(queries);
    expect([...p!]).toEqual([expect.closeTo(-0.25, 12), expect.closeTo(0.25, 12)]);
  });

  test("read the domain when a member does", async () => {
    const told = trainDomainBest([record("p")], ["a", "b"]);
    expect(told).toBeInstanceOf(DomainBestRouter);
    const fixed = new FixedRouter(["a", "b"], "a");
    expect((await fitEnsemble("both", [told, fixed], [record("p")])).readsDomain).toBe(true);
    expect((await fitEnsemble("both", [small, fixed], [record("p")])).readsDomain).toBe(false);
  });

  test("need two members of the same candidates, scales above 0 and prompts to measure them on", async () => {
    const other = tableRouter("other", {}, ["a", "c"]);
    const member = (router: Router, scale = 1) => ({ router, scale });
    expect(() => new EnsembleRouter("one", [member(small)])).toThrow(
      "one has 1 members, expected at least two",
    );
    expect(() => new EnsembleRouter("x", [member(small), member(other)])).toThrow(
      "x: other scores a, c; small scores a, b",
    );
    expect(() => new EnsembleRouter("x", [member(small), member(large, Number.NaN)])).toThrow(
      "the scale of large is NaN, expected more than 0",
    );
    await expect(fitEnsemble("x", [small, large], [])).rejects.toMatchObject({ code: "DATASET_INVALID" });
  });
});

describe("a folder", () => {
  const load = async () => {
    const { records, candidates } = await readJudgedRecords([join("assets/judged/mbpp.jsonl.gz")]);
    return { records: records.slice(0, 80), candidates };
  };
  const trained = async (variant: "clm" | "mlm", folder: string, candidates: readonly string[]) => {
    const { records } = await load();
    const lookahead = {
      ...lookaheadDefaults(variant, false),
      maxPromptTokens: 16,
      responseTokens: 4,
      epochs: 1,
      validations: 1,
      threads: 1,
    };
    const options = {
      lookahead,
      networks: ["lookahead"],
      serves: "ensemble",
      validationShare: 0.25,
    } as const;
    await trainRouter(records, candidates, options, folder);
  };
  test("that is to serve a network which is not trained is refused before any work", async () => {
    const { records, candidates } = await load();
    const lookahead = lookaheadDefaults("mlm", false);
    for (const serves of ["ensemble", "lookahead"] as const) {
      const options = { lookahead, networks: ["mlc"], serves, validationShare: 0.25 } as const;
      const folder = join(work, "none");
      await expect(trainRouter(records, candidates, options, folder)).rejects.toThrow(
        `${serves} is to serve, which needs the network lookahead; networks are mlc`,
      );
      expect(existsSync(folder)).toBe(false);
    }
  });

  const asked = async () =>
    (await load()).records.slice(0, 5).map(({ id, prompt }) => ({ id, prompt: promptText(prompt) }));

  test("serves the mean of network and latent variant, calibrated, as candidates come and go", async () => {
    const { records, candidates } = await load();
    const folder = join(work, "clm");
    await trained("clm", folder, candidates.slice(0, 4));
    const loaded = loadRouters(folder);
    expect(loaded.default.name).toBe("ensemble");
    const { members } = loaded.default as EnsembleRouter;
    expect(members.map(({ router }) => router.name)).toEqual(["lookahead", "latent"]);
    const scores = await loaded.default.scores(await asked());
    expect(scores.flatMap((row) => [...row]).every(Number.isFinite)).toBe(true);
    const [estimate] = await loaded.calibrated.get("ensemble")!.outcomes(await asked());
    expect(estimate!.quality.every((quality) => quality >= 0 && quality <= 1)).toBe(true);

    await addCandidate(folder, candidates[4]!, records.slice(0, 60), { dropsUngrowable: false });
    const grown = loadRouters(folder).default;
    expect(grown.candidates).toEqual(candidates);
    // Differences between the old candidates stay; what a prompt's scores are centred on has changed.
    for (const [index, row] of (await grown.scores(await asked())).entries())
      for (const column of [1, 2, 3])
        expect(row[column]! - row[0]!).toBeCloseTo(scores[index]![column]! - scores[index]![0]!, 6);

    removeCandidate(folder, candidates[4]!);
    const restored = await loadRouters(folder).default.scores(await asked());
    for (const [index, row] of restored.entries())
      for (const [column, value] of row.entries()) expect(value).toBeCloseTo(scores[index]![column]!, 6);
  }, 120_000);

  test("whose network cannot take in a model loses the mean, and says so", async () => {
    const { records, candidates } = await load();
    const folder = join(work, "mlm");
    await trained("mlm", folder, candidates.slice(0, 4));
    const add = (defaultMethod?: string) =>
      addCandidate(folder, candidates[4]!, records.slice(0, 60), {
        dropsUngrowable: true,
        ...(defaultMethod !== undefined && { defaultMethod }),
      });
    await expect(add()).rejects.toThrow(/ensemble would not be left to serve/);
    const { dropped, manifest } = await add("latent");
    expect(dropped).toContain("ensemble: it is the mean of methods that are left out");
    expect(manifest).toMatchObject({ default: "latent" });
    expect(loadRouters(folder).routers.map(({ name }) => name)).not.toContain("ensemble");

    const path = join(folder, "router.json");
    const content = JSON.parse(readFileSync(path, "utf8"));
    const members = ["latent", "lookahead"].map((method) => ({ method, scale: 1 }));
    writeFileSync(path, JSON.stringify({ ...content, ensemble: members }));
    expect(() => loadRouters(folder)).toThrow(/has no method "lookahead"/);
  }, 120_000);
});
