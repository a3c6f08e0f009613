import { describe, expect, it } from "vitest";
import { AngleEmbedder, angleQuery, angleRecord } from "../../../../test/support/angle-prompts.ts";
import { RandomStream } from "../../../tensor/random.ts";
import { argmax } from "../../router.ts";
import { trainSmoothie } from "../index.ts";
import { latentErrors, squaredDistances } from "./smoothie-quality.ts";

const CANDIDATES = ["a", "b", "c", "d"];
const embedder = new AngleEmbedder();

/** The definition: average over all pairs of other sources of half (D_ij + D_ik - D_jk). */
function byTriples(distances: Float64Array, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const estimates: number[] = [];
    for (let j = 0; j < count; j++) {
      for (let k = j + 1; k < count; k++) {
        if (j === i || k === i) continue;
        const [ij, ik, jk] = [
          distances[i * count + j]!,
          distances[i * count + k]!,
          distances[j * count + k]!,
        ];
        estimates.push((ij + ik - jk) / 2);
      }
    }
    return estimates.reduce((sum, value) => sum + value, 0) / estimates.length;
  });
}

describe("latent errors", () => {
  it("equal the average over triples", () => {
    const stream = new RandomStream({ seed: 1, stream: 0 });
    for (const count of [3, 4, 7]) {
      const outputs = Array.from({ length: count }, () =>
        Float32Array.from({ length: 5 }, () => stream.nextNormal()),
      );
      const distances = squaredDistances(outputs);
      const expected = byTriples(distances, count);
      for (const [index, value] of latentErrors(distances, count).entries()) {
        expect(value).toBeCloseTo(expected[index]!, 10);
      }
    }
  });

  it("recover planted noise", () => {
    const stream = new RandomStream({ seed: 2, stream: 0 });
    const spreads = [0.1, 0.4, 0.8, 0.2];
    const dimension = 8;
    const prompts = 3000;
    const mean = new Float64Array(16);
    for (let prompt = 0; prompt < prompts; prompt++) {
      const truth = Float32Array.from({ length: dimension }, () => stream.nextNormal());
      const outputs = spreads.map((spread) => truth.map((value) => value + spread * stream.nextNormal()));
      for (const [index, value] of squaredDistances(outputs).entries()) mean[index]! += value / prompts;
    }
    for (const [index, error] of latentErrors(mean, 4).entries()) {
      expect(Math.abs(error - dimension * spreads[index]! ** 2)).toBeLessThan(0.15);
    }
  });

  it("need three sources", () => {
    expect(() => latentErrors(new Float64Array(4), 2)).toThrow(/2 sources, expected at least 3/);
  });
});

describe("smoothie", () => {
  /** On eastern prompts a strays least from the true answer (angle 0), on northern ones b; scores say the opposite. */
  const records = Array.from({ length: 60 }, (_, index) => {
    const isEast = index % 2 === 0;
    const sign = index % 4 < 2 ? 1 : -1;
    const answers = isEast ? [2, 30, -40, 50] : [40, 1, 50, -30];
    const scores = isEast ? [0, 1, 1, 1] : [1, 0, 1, 1];
    return angleRecord(
      `r${index}`,
      "mixed",
      String(isEast ? (index % 7) - 3 : 90 + (index % 7) - 3),
      scores,
      answers.map((angle) => String(sign * angle)),
    );
  });

  it("prefers the candidate nearest to the truth on similar prompts, without reading scores", async () => {
    const router = await trainSmoothie(records, CANDIDATES, embedder, { neighbours: 10 });
    const rows = await router.scores([angleQuery("1"), angleQuery("91")]);
    expect(rows.map(argmax)).toEqual([0, 1]);
    const unjudged = records.map((record) => ({
      ...record,
      candidates: Object.fromEntries(
        Object.entries(record.candidates).map(([name, judged]) => [name, { ...judged, score: Number.NaN }]),
      ),
    }));
    const blind = await trainSmoothie(unjudged, CANDIDATES, embedder, { neighbours: 10 });
    expect(await blind.scores([angleQuery("1"), angleQuery("91")])).toEqual(rows);
  });

  it("is the mean over all prompts with every prompt as a neighbour", async () => {
    const router = await trainSmoothie(records, CANDIDATES, embedder);
    const [east, north] = await router.scores([angleQuery("1"), angleQuery("91")]);
    for (const [index, value] of east!.entries()) expect(value).toBeCloseTo(north![index]!, 12);
  });

  it("refuses what it cannot learn from", async () => {
    await expect(trainSmoothie(records, ["a", "b"], embedder)).rejects.toThrow(
      /2 candidates, expected at least 3/,
    );
    await expect(trainSmoothie(records, CANDIDATES, embedder, { neighbours: 0 })).rejects.toThrow(
      /neighbours is 0/,
    );
    await expect(trainSmoothie(records, ["a", "b", "z"], embedder)).rejects.toThrow(
      /record "r0": candidates\.z\.response is missing/,
    );
    await expect(trainSmoothie([], CANDIDATES, embedder)).rejects.toThrow(/no training records/);
  });
});
