/** What a trained folder expects of answers: from held-out prompts alone, and refused when its files are damaged. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type JudgedRecord, promptText, readJudgedRecords, splitByPrompt } from "../../judged/index.ts";
import { loadBaselines, trainKnn } from "../baselines/index.ts";
import { lookaheadDefaults } from "../defaults.ts";
import { TfidfLsaEmbedder } from "../embedding/index.ts";
import { benchmarkRanges, routingTargets } from "../labels.ts";
import { loadRouters } from "../router-folder.ts";
import { trainRouter } from "../train-router.ts";
import { type CalibrationFile, calibrateRouters, loadDifficulty, trainDifficulty } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-calibration-"));
const files = ["calibration.json", "difficulty.json", "router.json"] as const;
const saved = new Map<string, Buffer>();
let records: JudgedRecord[];
let candidates: readonly string[];
/** Prompts that the model was given to train on and to be validated with. */
const given = { training: 0, validation: 0 };

beforeAll(async () => {
  const data = await readJudgedRecords([join("assets/judged/mbpp.jsonl.gz")]);
  candidates = data.candidates;
  const plain = data.records.slice(0, 70);
  // The same prompts again, shouted: a split by record would put half of them on either side.
  const shouted = plain.map((record) => ({
    ...record,
    id: `${record.id}-shouted`,
    prompt: `${promptText(record.prompt).toUpperCase()} !!`,
  }));
  records = [...plain, ...shouted];
  const lookahead = {
    ...lookaheadDefaults("mlc", false),
    maxPromptTokens: 16,
    epochs: 1,
    validations: 1,
    threads: 1,
  };
  const options = { lookahead, networks: ["mlc"], serves: "latent", validationShare: 0.25 } as const;
  await trainRouter(records, candidates, options, folder, {
    lookahead: {
      onStart: ({ trainingPrompts, validationPrompts }) => {
        Object.assign(given, { training: trainingPrompts, validation: validationPrompts });
      },
    },
  });
  for (const name of files) saved.set(name, readFileSync(join(folder, name)));
}, 120_000);
afterEach(() => {
  for (const [name, content] of saved) writeFileSync(join(folder, name), content);
});
afterAll(() => rmSync(folder, { recursive: true }));

const readCalibration = (): CalibrationFile =>
  JSON.parse(readFileSync(join(folder, "calibration.json"), "utf8"));
/** The split of `trainRouter`, whose seed is that of the models and 7919. */
const split = () => splitByPrompt(records, { holdoutShare: 0.25, seed: 7919 });

describe("a trained folder", () => {
  it("is calibrated on the prompts that no model was trained on, spelled any way", () => {
    const { train, holdout } = split();
    expect(given).toEqual({ training: train.length, validation: holdout.length });
    const { heldOutPrompts, routers } = readCalibration();
    expect(heldOutPrompts).toBe(holdout.length);
    expect(Object.keys(routers)).toEqual(["mlc", "string-rule", "knn", "kmeans", "ridge", "latent"]);
  });

  it("has the curves of a kNN router that never saw the held-out prompts' scores", async () => {
    const { train, holdout } = split();
    const embedder = TfidfLsaEmbedder.fit(
      records.map(({ prompt }) => promptText(prompt)),
      { seed: 0 },
    );
    const curvesFrom = async (training: readonly JudgedRecord[]) => {
      const twin = await trainKnn(training, candidates, embedder);
      const difficulty = await trainDifficulty(train, candidates, embedder);
      return (await calibrateRouters([twin], { training: train, heldOut: holdout, difficulty })).routers.knn!;
    };
    const { knn } = readCalibration().routers;
    expect(knn).toEqual(await curvesFrom(train));
    expect(knn).not.toEqual(await curvesFrom(records));
  });

  it("serves expected qualities and lengths", async () => {
    const { calibrated, lengths } = loadRouters(folder);
    const queries = [{ id: "q", prompt: "Write a function that adds two numbers." }];
    const [length] = await lengths!.predict([queries[0]!.prompt]);
    for (const router of calibrated.values()) {
      const [estimate] = await router.outcomes(queries);
      expect(estimate!.quality.every((quality) => quality >= 0 && quality <= 1)).toBe(true);
      // Latent predicts lengths of its own, which would set it apart from the others.
      expect([...estimate!.completionTokens!], router.name).toEqual([...length!.mean]);
    }
    expect([...calibrated.keys()]).toContain("mlc");
  });
});

describe("damaged files are named", () => {
  interface Content {
    routers: Record<string, { curves: Record<string, unknown>; weights: { easiness: number } }>;
    candidates: string[];
    header: { embedder: { dimension: number } };
  }
  const damage = (name: string, change: (content: Content) => void): void => {
    const content = JSON.parse(saved.get(name)!.toString());
    change(content);
    writeFileSync(join(folder, name), JSON.stringify(content));
  };

  it.each([
    ["text", "calibration.json", "is not JSON", () => writeFileSync(join(folder, "calibration.json"), "{")],
    [
      "a falling curve",
      "calibration.json",
      "slope",
      () =>
        damage("calibration.json", ({ routers }) => {
          routers.knn!.curves[candidates[0]!] = { kind: "logistic", slope: -1, intercept: 0 };
        }),
    ],
    [
      "a curve too few",
      "calibration.json",
      "routers.knn.curves",
      () =>
        damage("calibration.json", ({ routers }) => {
          delete routers.knn!.curves[candidates[0]!];
        }),
    ],
    [
      "other candidates",
      "calibration.json",
      "candidates",
      () =>
        damage("calibration.json", (content) => {
          content.candidates.reverse();
        }),
    ],
    [
      "no difficulty where it has a weight",
      "calibration.json of knn",
      "difficulty.json",
      () => {
        damage("calibration.json", ({ routers }) => {
          routers.knn!.weights.easiness = 1;
        });
        rmSync(join(folder, "difficulty.json"));
      },
    ],
    [
      "difficulty of another embedder",
      "difficulty.json",
      "embedder",
      () =>
        damage("difficulty.json", ({ header }) => {
          header.embedder.dimension = 3;
        }),
    ],
  ])("%s", (_name, file, field, damaged) => {
    damaged();
    const failure = (() => {
      try {
        loadRouters(folder);
      } catch (thrown) {
        return thrown;
      }
      return undefined;
    })();
    expect(failure).toMatchObject({
      code: "ROUTER_INVALID",
      message: expect.stringContaining(file.split(" ")[0]!),
    });
    expect((failure as Error).message).toContain(field);
  });
});

describe("difficulty", () => {
  it("tells easy prompts from hard ones, on prompts it has not seen", async () => {
    const data = await readJudgedRecords(
      ["gsm8k", "math"].map((name) => join(`assets/judged/${name}.jsonl.gz`)),
    );
    const { train, holdout } = splitByPrompt(
      data.records.filter((_, index) => index % 3 === 0),
      { holdoutShare: 0.3, seed: 0 },
    );
    const prompts = (part: readonly JudgedRecord[]) => part.map(({ prompt }) => promptText(prompt));
    const embedder = TfidfLsaEmbedder.fit(prompts(train), { dimension: 32, seed: 0 });
    const model = await trainDifficulty(train, data.candidates, embedder);
    const logOdds = await model.logOdds(prompts(holdout));
    const targets = routingTargets(holdout, data.candidates, {
      ranges: benchmarkRanges(data.records, data.candidates),
    }).map(({ absolute }) => absolute.reduce((sum, quality) => sum + quality, 0) / absolute.length);
    const order = [...logOdds.keys()].sort((a, b) => logOdds[a]! - logOdds[b]!);
    const third = Math.floor(order.length / 3);
    const meanOf = (indices: readonly number[]): number =>
      indices.reduce((sum, index) => sum + targets[index]!, 0) / indices.length;
    expect(meanOf(order.slice(-third))).toBeGreaterThan(meanOf(order.slice(0, third)) + 0.25);
  }, 60_000);

  it("is read back as it was saved", async () => {
    const embedder = loadBaselines(folder).find((router) => router.embedder !== undefined)!.embedder!;
    const odds = await loadDifficulty(folder, embedder)!.logOdds(["Write a function.", "Sort a list."]);
    const { train } = split();
    const again = await (await trainDifficulty(train, candidates, embedder)).logOdds([
      "Write a function.",
      "Sort a list.",
    ]);
    expect([...odds]).toEqual([...again]);
  });
});
