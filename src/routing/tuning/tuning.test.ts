import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { colourShapeRecords } from "../../../test/support/colour-shape-prompts.ts";
import { durationSeconds } from "../../cli/flags.ts";
import type { JudgedRecord } from "../../judged/record.ts";
import { FixedRouter } from "../baselines/index.ts";
import { evaluateRouters } from "../evaluation/index.ts";
import { loadRouters } from "../router-folder.ts";
import { formatTuning } from "./format.ts";
import { tunableMethods } from "./methods.ts";
import { planSettings } from "./plan.ts";
import { promptGains } from "./prompt-gains.ts";
import { isClearlyBehind, pairedDifference } from "./racing.ts";
import type { TunableMethod } from "./tunable-method.ts";
import { type TuneRouterOptions, tuneRouter } from "./tune-router.ts";

const root = mkdtempSync(join(tmpdir(), "tutti-tune-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newFolder = (): string => mkdtempSync(join(root, "run-"));

const records = colourShapeRecords(360);
const candidates = ["same", "different", "steady"];
const options = (changes: Partial<TuneRouterOptions> = {}): TuneRouterOptions => ({
  methods: tunableMethods(["ridge", "knn"]),
  budgetSeconds: 600,
  folds: 3,
  holdoutShare: 0.2,
  seed: 1,
  samples: 200,
  ...changes,
});

/** Always asks one model; its settings are the models, its training takes ten seconds of the test's clock. */
function fixedModels(models: readonly string[], clock: { ms: number }): TunableMethod {
  return {
    name: "fixed-model",
    isSlow: false,
    grid: () => models.map((model) => ({ model })),
    train: async (_, names, { model }) => {
      clock.ms += 10_000;
      return new FixedRouter(names, String(model));
    },
  };
}

describe("choosing", () => {
  test("finds the one kind of setting that can learn the data, and says what it is worth elsewhere", async () => {
    const folder = newFolder();
    const result = await tuneRouter(records, candidates, options(), folder);
    expect(result.chosen.method).toBe("knn");
    expect(Number(result.chosen.setting.neighbours)).toBeLessThan(100);
    const statuses = new Map(
      result.settings.map(({ method, setting, status }) => [`${method} ${Object.values(setting)}`, status]),
    );
    expect(statuses.get("knn 100")).toBe("dropped");
    expect(result.holdout.prompts + result.prompts.search).toBe(records.length);
    expect(result.holdout.overBestSingle.interval[0]).toBeGreaterThan(0);
    expect(result.holdout.interval[0]).toBeGreaterThan(30);
    expect(result.settings.reduce((sum, { timeShare }) => sum + timeShare, 0)).toBeCloseTo(1, 9);
    expect(JSON.parse(readFileSync(join(folder, "tuning.json"), "utf8"))).toEqual(result);

    const loaded = loadRouters(folder);
    expect(loaded.default.name).toBe("knn");
    expect(loaded.calibrated.has("knn")).toBe(true);
    expect(loaded.manifest.training).toMatchObject({ tuned: result.chosen, records: result.prompts.search });
    const stored = JSON.parse(readFileSync(join(folder, "baselines.json"), "utf8"));
    const kept = stored.header.routers.filter(({ kind }: { kind: string }) => kind === "knn");
    expect(kept.map(({ neighbours }: { neighbours: number }) => neighbours)).toEqual([
      result.chosen.setting.neighbours,
    ]);
    const text = formatTuning(result);
    expect(text).toContain(`on ${result.holdout.prompts} prompts set apart`);
    expect(text).toContain("used for choosing");
  });

  test("nothing reads an answer of the holdout before the choice is made", async () => {
    const touched = new Set<string>();
    let isMeasuring = false;
    let choiceBefore: boolean | undefined;
    const folder = newFolder();
    const guarded = records.map((record): JudgedRecord => {
      return Object.defineProperty({ ...record }, "candidates", {
        enumerable: true,
        get: () => {
          if (!isMeasuring) touched.add(record.id);
          return record.candidates;
        },
      });
    });
    const result = await tuneRouter(guarded, candidates, options(), folder, {
      onStage: (stage) => {
        if (stage !== "holdout") return;
        isMeasuring = true;
        choiceBefore = existsSync(join(folder, "tuning/choice.json"));
      },
    });
    expect(choiceBefore).toBe(true);
    expect(result.holdout.prompts).toBeGreaterThan(40);
    expect(touched.size).toBe(result.prompts.search);
    // The same run again, where touching the answers of a held-out prompt throws.
    isMeasuring = false;
    const forbidding = records.map((record): JudgedRecord => {
      if (touched.has(record.id)) return record;
      return Object.defineProperty({ ...record }, "candidates", {
        enumerable: true,
        get: () => {
          if (!isMeasuring) throw new Error(`holdout prompt ${record.id} was read`);
          return record.candidates;
        },
      });
    });
    const again = await tuneRouter(forbidding, candidates, options(), newFolder(), {
      onStage: (stage) => {
        isMeasuring = stage === "holdout";
      },
    });
    expect(again.holdout).toEqual(result.holdout);
  });

  test("a used holdout is refused", async () => {
    const folder = newFolder();
    const clock = { ms: 0 };
    const few = options({ methods: [fixedModels(["steady"], clock)] });
    await tuneRouter(records, candidates, few, folder);
    await expect(tuneRouter(records, candidates, few, folder)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("the holdout of this folder has been used"),
      hint: expect.stringContaining("another --out"),
    });
  });

  test("a choice stands even where the measurement did not end", async () => {
    const folder = newFolder();
    const clock = { ms: 0 };
    const models = [fixedModels(["steady", "same"], clock)];
    const tune = (budgetSeconds: number) =>
      tuneRouter(records, candidates, options({ methods: models, budgetSeconds }), folder, {
        clock: () => clock.ms,
      });
    const first = await tune(35);
    expect(first.hasBudgetEnded).toBe(true);
    rmSync(join(folder, "tuning.json"));
    const second = await tune(1000);
    expect(second.settings.map(({ folds }) => folds)).toEqual(first.settings.map(({ folds }) => folds));
    expect(second.holdout).toEqual(first.holdout);
  });
});

describe("the budget", () => {
  test("covers earlier runs; finished trials are not repeated, and more budget goes on", async () => {
    const folder = newFolder();
    const clock = { ms: 0 };
    const models = [fixedModels(["steady", "same"], clock)];
    const tune = (budgetSeconds: number) =>
      tuneRouter(records, candidates, options({ methods: models, budgetSeconds }), folder, {
        clock: () => clock.ms,
      });
    await expect(tune(15)).rejects.toMatchObject({
      code: "BUDGET_EXHAUSTED",
      hint: expect.stringContaining("--budget"),
    });
    expect(clock.ms).toBe(20_000);
    await expect(tune(15)).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED" });
    expect(clock.ms).toBe(20_000);
    const result = await tune(40);
    // Two more trials, then the winner and its twin for calibration.
    expect(result.searchSeconds).toBe(40);
    expect(clock.ms).toBe(60_000);
    expect(result.settings.map(({ status, folds }) => [status, folds])).toEqual([
      ["evaluated", 3],
      ["unfinished", 1],
    ]);
    expect(readdirSync(join(folder, "tuning/trials"))).toHaveLength(4);
  });

  test("another search in the same folder is refused, and a damaged trial named", async () => {
    const folder = newFolder();
    const clock = { ms: 0 };
    const methods = [fixedModels(["steady"], clock)];
    const tune = (changes: Partial<TuneRouterOptions>) =>
      tuneRouter(records, candidates, options({ methods, budgetSeconds: 5, ...changes }), folder, {
        clock: () => clock.ms,
      });
    await expect(tune({})).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED" });
    await expect(tune({ seed: 2 })).rejects.toMatchObject({
      code: "CHECKPOINT_MISMATCH",
      message: expect.stringContaining("other data, holdout, seed"),
    });
    const [trial] = readdirSync(join(folder, "tuning/trials"));
    writeFileSync(join(folder, "tuning/trials", trial!), '{"name": "fixed-model model=steady"}');
    await expect(tune({})).rejects.toMatchObject({
      code: "CHECKPOINT_INVALID",
      message: expect.stringContaining("fold"),
    });
  });

  test("an abort ends the search after the trial, with all trials kept", async () => {
    const folder = newFolder();
    const controller = new AbortController();
    const stopped = tuneRouter(records, candidates, options(), folder, {
      signal: controller.signal,
      onTrial: ({ done }) => {
        if (done === 2) controller.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(readdirSync(join(folder, "tuning/trials"))).toHaveLength(2);
    expect(existsSync(join(folder, "router.json"))).toBe(false);
  });
});

describe("what is compared", () => {
  test("the mean of the gains over benchmarks is the mean normalised score", () => {
    const choices = Int32Array.from(records, (_, index) => index % 3);
    const gains = promptGains(records, candidates);
    const own = gains.map((row, index) => row[choices[index]!]!);
    const { mean } = evaluateRouters({
      records,
      candidates,
      choices: { mixed: choices },
      bootstrapSamples: 1,
    });
    const benchmarks = records.map(({ benchmark }) => benchmark);
    expect(pairedDifference(own, benchmarks).mean).toBeCloseTo(mean.mixed!.normalised, 9);
  });

  test("the paired difference has the standard error of a stratified sample", () => {
    // a: 1, 3 (mean 2, variance 2); b: 0, 0, 6 (mean 2, variance 12): SE^2 = (2/2 + 12/3) / 4
    const { mean, standardError } = pairedDifference([1, 0, 3, 0, 6], ["a", "b", "a", "b", "b"]);
    expect(mean).toBeCloseTo(2, 12);
    expect(standardError).toBeCloseTo(Math.sqrt(5 / 4), 12);
  });

  test.each([
    [{ mean: -1, standardError: 0.4 }, true],
    [{ mean: -1, standardError: 0.6 }, false],
    [{ mean: 0, standardError: 0 }, false],
  ])("%j is clearly behind: %s", (difference, expected) => {
    expect(isClearlyBehind(difference)).toBe(expected);
  });
});

test("every default comes first, the rest in an order that the seed fixes", () => {
  const methods = tunableMethods();
  const names = (seed: number) => planSettings(methods, 1000, seed).map(({ name }) => name);
  expect(names(1).slice(0, methods.length)).toEqual(
    methods.map((method) => planSettings([method], 1000, 0)[0]!.name),
  );
  expect(names(1)).toEqual(names(1));
  expect(names(1)).not.toEqual(names(2));
  expect(new Set(names(1)).size).toBe(names(1).length);
  expect([...names(2)].sort()).toEqual([...names(1)].sort());
});

test.each([
  ["90s", 90],
  ["20m", 1200],
  ["1h30m", 5400],
])("a budget of %s is %s seconds", (text, seconds) => {
  expect(durationSeconds("--budget")(text)).toBe(seconds);
});

test.each(["", "20", "m", "0s", "-5m", "1.5h", "30m1h"])("a budget of %j is refused", (text) => {
  expect(() => durationSeconds("--budget")(text)).toThrow(/expected a time such as/);
});

test("an unknown method is refused with the nearest name", () => {
  expect(() => tunableMethods(["rigde"])).toThrow(/expected one or more of ridge/);
});
