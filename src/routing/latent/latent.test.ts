import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JudgedRecord } from "../../judged/index.ts";
import { RandomStream } from "../../tensor/index.ts";
import { loadBaselines, saveBaselines } from "../baselines/index.ts";
import type { Embedder } from "../embedding/index.ts";
import { argmax } from "../router.ts";
import { answerFeatures } from "./answer-features.ts";
import { benchmarkFamilies } from "./families.ts";
import { fitStandardisation, standardise } from "./features.ts";
import { type LatentRouter, trainLatent, withLatentCandidate } from "./index.ts";
import { candidateTargets, measureBenchmarks } from "./targets.ts";
import { fitTaskPosterior, taskProbabilities } from "./task-posterior.ts";
import { taughtUtilities } from "./teacher.ts";

const DIMENSION = 12;
const CANDIDATES = ["left", "right", "middle"];

/** A prompt is the list of its coordinates; two kinds of prompts lie around opposite points. */
const vectorOf = (prompt: string): Float32Array => {
  const vector = Float32Array.from(prompt.split(" ").slice(1), Number);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
};

const embedder: Embedder = {
  kind: "coordinates",
  dimension: DIMENSION,
  embed: async (texts) => texts.map(vectorOf),
};

/**
 * "sums" are scored 0 or 1: left is right where coordinate 1 is high, right where it is low, middle now and then.
 * "essays" are scored 1 to 10, middle best wherever coordinate 2 is high, right otherwise; middle writes long lists.
 */
function records(count: number, seed: number): JudgedRecord[] {
  const random = new RandomStream({ seed, stream: 0 });
  return Array.from({ length: count }, (_, index) => {
    const isSum = random.nextUniform() < 0.7;
    const x = Array.from({ length: DIMENSION }, () => random.nextNormal());
    x[0] = isSum ? 4 : -4;
    const noise = () => 0.3 * random.nextNormal();
    const scores = isSum
      ? [x[1]! + noise() > 0 ? 1 : 0, x[1]! + noise() < 0 ? 1 : 0, random.nextUniform() < 0.3 ? 1 : 0]
      : [4 + noise(), 5 - x[2]! + noise(), 5 + x[2]! + noise()];
    const words = [20, 40, isSum ? 10 : Math.round(100 * Math.exp(0.5 * random.nextNormal()))];
    const [benchmark, word] = isSum ? ["sums", "add"] : ["essays", "write"];
    return {
      id: `${seed}-${index}`,
      benchmark: benchmark!,
      prompt: `${word} ${x.map((value) => value.toFixed(4)).join(" ")}`,
      candidates: Object.fromEntries(
        CANDIDATES.map((name, column) => [
          name,
          {
            response: "- point\n".repeat(name === "middle" ? 5 : 0),
            score: scores[column]!,
            tokens: words[column]!,
          },
        ]),
      ),
    };
  });
}

const training = records(600, 1);
const unseen = records(300, 2);
const queries = unseen.map(({ id, prompt }) => ({ id, prompt: prompt as string }));
const folder = mkdtempSync(join(tmpdir(), "tutti-latent-"));
let router: LatentRouter;

const withoutAll = (full: LatentRouter): LatentRouter =>
  full.candidates.reduce((rest, name) => rest.withoutCandidate(name), full);

beforeAll(async () => {
  router = await trainLatent("latent", training, CANDIDATES, embedder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const qualityOf = (chosen: (row: number) => number): number =>
  unseen.reduce((sum, record, row) => {
    const score = record.candidates[CANDIDATES[chosen(row)]!]!.score;
    return sum + (record.benchmark === "sums" ? score : (score - 1) / 9) / unseen.length;
  }, 0);

describe("the latent variant", () => {
  test("finds which model suits which prompt, and tells tasks apart by the prompt alone", async () => {
    const scores = await router.scores(queries);
    const routed = qualityOf((row) => argmax(scores[row]!));
    const best = Math.max(...CANDIDATES.map((_, column) => qualityOf(() => column)));
    const oracle = qualityOf((row) => argmax(CANDIDATES.map((name) => unseen[row]!.candidates[name]!.score)));
    expect((routed - best) / (oracle - best)).toBeGreaterThan(0.7);
    const tasks = await router.tasks(queries);
    const { benchmarks } = router.parts;
    const right = tasks.filter((row, index) => {
      return argmax(row) === benchmarks.find(({ name }) => name === unseen[index]!.benchmark)!.task;
    });
    expect(right.length / tasks.length).toBeGreaterThan(0.98);
  });

  test("expects qualities, lengths and forms of answers", async () => {
    const outlooks = await router.outlooks(queries);
    const essays = outlooks.filter((_, row) => unseen[row]!.benchmark === "essays");
    const sums = outlooks.filter((_, row) => unseen[row]!.benchmark === "sums");
    const meanOf = (values: readonly number[]) =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(meanOf(sums.map(([left]) => left!.completionTokens))).toBeCloseTo(20, 0);
    // Means and not medians: the median of these lengths is 12 % below their mean.
    const learned = training.filter(({ benchmark }) => benchmark === "essays");
    const again = await router.outlooks(learned.map(({ id, prompt }) => ({ id, prompt: prompt as string })));
    const real = meanOf(learned.map((record) => record.candidates.middle!.tokens!));
    expect(Math.abs(meanOf(again.map((row) => row[2]!.completionTokens)) / real - 1)).toBeLessThan(0.03);
    expect(essays[0]![2]!.features["list items"]).toBeCloseTo(Math.log1p(5), 1);
    expect(essays[0]![0]!.features["list items"]).toBeLessThan(0.1);
    const share = meanOf(
      unseen.filter(({ benchmark }) => benchmark === "sums").map((r) => r.candidates.left!.score),
    );
    expect(Math.abs(meanOf(sums.map(([left]) => left!.quality)) - share)).toBeLessThan(0.06);
    const assessed = await router.assess(queries);
    expect(assessed.map(({ scores }) => scores)).toEqual(await router.scores(queries));
    expect(assessed.map(({ estimate }) => estimate)).toEqual(await router.outcomes(queries));
  });

  test("scores follow their candidates, and a query alone is scored as in company", async () => {
    const order = [2, 0, 1];
    const permuted = await trainLatent(
      "latent",
      training,
      order.map((column) => CANDIDATES[column]!),
      embedder,
    );
    const [own, other] = [await router.scores(queries), await permuted.scores(queries)];
    for (const [row, scores] of own.entries()) {
      for (const [position, column] of order.entries()) {
        expect(other[row]![position]).toBeCloseTo(scores[column]!, 9);
      }
    }
    expect(await router.scores([queries[5]!])).toEqual([own[5]]);
  });

  test("takes in a candidate without touching the others", async () => {
    const two = await trainLatent("latent", training, ["left", "right"], embedder);
    const grown = await withLatentCandidate(two, "middle", training.slice(0, 200));
    expect(grown.candidates).toEqual(CANDIDATES);
    const [before, after] = [await two.scores(queries), await grown.scores(queries)];
    expect(after.map((row) => row.slice(0, 2))).toEqual(before);
    // Essays that middle writes best go to it now.
    const essays = [...unseen.keys()].filter((row) => unseen[row]!.benchmark === "essays");
    const high = essays.filter((row) => vectorOf(queries[row]!.prompt)[2]! > 0.2);
    const share = high.filter((row) => argmax(after[row]!) === 2).length / high.length;
    expect(share).toBeGreaterThan(0.9);
    await expect(withLatentCandidate(two, "left", training)).rejects.toThrow(
      /has the candidate "left" already/,
    );
    await expect(withLatentCandidate(two, "middle", [])).rejects.toThrow(/no judged prompts of middle/);
    const strange = [{ ...training[0]!, benchmark: "riddles" }];
    await expect(withLatentCandidate(two, "middle", strange)).rejects.toThrow(
      /benchmark "riddles" is unknown to the router, which was trained on sums, essays|essays, sums/,
    );
  });

  test("judged on one prompt, a newcomer differs from the mean of the pool by the same amount everywhere", async () => {
    const two = await trainLatent("latent", training, ["left", "right"], embedder);
    const grown = await withLatentCandidate(two, "middle", training.slice(0, 1));
    const scores = await grown.scores(queries);
    const advantages = scores.map(([left, right, middle]) => middle! - (left! + right!) / 2);
    const spread = Math.max(...scores.map(([left]) => left!)) - Math.min(...scores.map(([left]) => left!));
    expect(spread).toBeGreaterThan(1);
    for (const advantage of advantages) expect(advantage).toBeCloseTo(advantages[0]!, 9);
  });

  test("of two that join, the second is learned with the first among them; a pool of none is no prior", async () => {
    const few = training.slice(0, 30);
    const one = await trainLatent("latent", training, ["left"], embedder);
    const column = async (names: readonly string[], read: string) => {
      let grown = one;
      for (const name of names) grown = await withLatentCandidate(grown, name, few);
      const scores = await grown.scores(queries);
      return scores.map((row) => row[grown.candidates.indexOf(read)]!);
    };
    const [alone, after] = [await column(["middle"], "middle"), await column(["right", "middle"], "middle")];
    expect(after).not.toEqual(alone);
    expect(await column(["middle", "right"], "middle")).toEqual(alone);
    const none = withoutAll(one);
    const first = await withLatentCandidate(none, "left", training);
    const [scores, trained] = [await first.scores(queries), await one.scores(queries)];
    for (const [index, row] of trained.entries()) expect(scores[index]![0]).toBeCloseTo(row[0]!, 9);
  });

  test("without a judged prompt of a task, a newcomer is expected to answer there as the pool does", async () => {
    const two = await trainLatent("latent", training, ["left", "middle"], embedder);
    const sums = training.filter(({ benchmark }) => benchmark === "sums").slice(0, 20);
    const { benchmarks, candidates } = (await withLatentCandidate(two, "right", sums)).parts;
    const { task } = benchmarks.find(({ name }) => name === "essays")!;
    const [left, middle, right] = candidates.map(({ heads, smearing }) => ({
      slopes: heads.answer[task]!.weights,
      smearing: smearing[task]!,
    }));
    expect(middle!.smearing).toBeGreaterThan(1.05);
    expect(right!.smearing).toBeCloseTo((left!.smearing + middle!.smearing) / 2, 12);
    for (const [index, slope] of right!.slopes.entries())
      expect(slope).toBeCloseTo((left!.slopes[index]! + middle!.slopes[index]!) / 2, 12);
  });

  test("loads as saved", async () => {
    saveBaselines(folder, [router]);
    const [loaded] = loadBaselines(folder, { embedder });
    expect(await loaded!.scores(queries)).toEqual(await router.scores(queries));
    expect(await (loaded as LatentRouter).outlooks(queries)).toEqual(await router.outlooks(queries));
  });

  test("a teacher that reads answers takes the noise out of judgements", () => {
    // What an answer is worth is told by its form, here its list items; judgements add noise.
    const random = new RandomStream({ seed: 9, stream: 1 });
    const noisy: JudgedRecord[] = training.map((record) => ({
      ...record,
      benchmark: "all",
      candidates: Object.fromEntries(
        CANDIDATES.map((name) => {
          const points = Math.round(10 * random.nextUniform());
          const score = Math.log1p(points) + 0.8 * random.nextNormal();
          return [name, { response: "- point\n".repeat(points), score, tokens: 10 }];
        }),
      ),
    }));
    const rows = Int32Array.from(noisy.keys());
    const [measured] = measureBenchmarks(noisy, CANDIDATES, "utility");
    const targets = CANDIDATES.map((name) =>
      candidateTargets(
        noisy,
        [measured!],
        rows.map(() => 0),
        name,
      ),
    );
    const worth = CANDIDATES.map((name) =>
      noisy.map(({ candidates }) => Math.log1p(candidates[name]!.response.length / 8) / measured!.spread),
    );
    const error = (share: number): number => {
      const taught = taughtUtilities(rows, targets, share);
      return rows.reduce((sum, row) => {
        const [learned, truth] = [taught, worth].map((columns) => columns[0]![row]! - columns[1]![row]!);
        return sum + (learned! - truth!) ** 2 / rows.length;
      }, 0);
    };
    expect(error(1)).toBeLessThan(0.1 * error(0));
    expect(error(0.5)).toBeLessThan(error(0));
  });

  test("refuses to learn from nothing", async () => {
    await expect(trainLatent("latent", [], CANDIDATES, embedder)).rejects.toThrow(/no training records/);
  });
});

describe("its parts", () => {
  test("features have length 1, and a dimension that never changes counts for nothing", () => {
    const x = Float32Array.of(1, 5, 0.1, 3, 5, 0.2, 8, 5, 0.1);
    const features = standardise(fitStandardisation(x, 3), x);
    for (let row = 0; row < 3; row++) {
      expect(Math.hypot(...features.subarray(3 * row, 3 * row + 3))).toBeCloseTo(1, 6);
      expect(features[3 * row + 1]).toBe(0);
    }
  });

  test("benchmarks whose mean embeddings are within 60 degrees are one family", () => {
    const at = (degrees: number) => [
      Math.cos((degrees * Math.PI) / 180),
      Math.sin((degrees * Math.PI) / 180),
    ];
    const embeddings = Float32Array.from([0, 90, 40, 200].flatMap(at));
    expect([...benchmarkFamilies(embeddings, Int32Array.of(0, 1, 2, 3), 4, 2)]).toEqual([0, 1, 0, 2]);
  });

  test("task probabilities follow Bayes' rule for two Gaussians", () => {
    // One dimension, means -1 and 1, unit variance: log odds are 2 x + log of the shares, but for the shrinkage.
    const x = Float32Array.of(-2, -1, 0, 0, 1, 2, 2, 0);
    const tasks = Int32Array.of(0, 0, 0, 1, 1, 1, 1, 1);
    const posterior = fitTaskPosterior(x, tasks, 2, 1);
    const probabilities = taskProbabilities(posterior, Float32Array.of(0.7));
    expect(probabilities[0]! + probabilities[1]!).toBeCloseTo(1, 12);
    const [mean0, mean1, variance] = [-1, 1, (2 + 4) / 8];
    const logOdds = ((mean1 - mean0) * (0.7 - (mean0 + mean1) / 2)) / variance + Math.log(5 / 3);
    expect(Math.log(probabilities[1]! / probabilities[0]!)).toBeCloseTo(logOdds, 6);
  });

  test("answer features count what they say", () => {
    const answer =
      "# Title\n\nA **bold** word.\n\n1. one\n2. two\n- three\n\n```py\nx = 12\n```\nIs $x^2$ fine?";
    const [paragraphs, items, headings, bold, code, formulas, digits, questions] = answerFeatures(answer);
    expect([paragraphs, items, headings, bold].map((value) => Math.round(Math.expm1(value!)))).toEqual([
      3, 3, 1, 1,
    ]);
    expect(Math.expm1(code!)).toBeCloseTo(1, 9);
    expect(Math.expm1(formulas!)).toBeCloseTo(2, 9);
    expect(digits).toBeCloseTo(5 / answer.length, 9);
    expect(Math.expm1(questions!)).toBeCloseTo(1, 9);
  });
});
