import { describe, expect, it } from "vitest";
import { costQualityHull, zeroChoice, zeroMixture } from "./zero-router.ts";

const point = (model: string, cost: number, quality: number) => ({ model, cost, quality });
const MODELS = [
  point("best", 10, 0.9),
  point("small", 1, 0.4),
  point("worse and dearer", 12, 0.8),
  point("under the line", 4, 0.5),
  point("middle", 3, 0.7),
  point("same price, worse", 3, 0.6),
];

describe("the zero router", () => {
  it("keeps the models that no cheaper one and no mixture matches", () => {
    const hull = costQualityHull(MODELS);
    expect(hull.map(({ model }) => model)).toEqual(["small", "middle", "best"]);
  });

  it("equals the best of all pairwise mixtures at every cost", () => {
    const hull = costQualityHull(MODELS);
    for (let target = 1; target <= 12; target += 0.25) {
      let best = Number.NEGATIVE_INFINITY;
      for (const a of MODELS) {
        for (const b of MODELS) {
          for (let share = 0; share <= 1; share += 1 / 512) {
            const cost = (1 - share) * a.cost + share * b.cost;
            if (cost <= target + 1e-9) best = Math.max(best, (1 - share) * a.quality + share * b.quality);
          }
        }
      }
      const { quality, cost } = zeroMixture(hull, target);
      expect(quality).toBeGreaterThan(best - 1e-9);
      expect(quality).toBeLessThan(best + 0.002);
      expect(cost).toBeLessThanOrEqual(target);
    }
  });

  it("takes the cheapest below the hull and the best above it", () => {
    const hull = costQualityHull(MODELS);
    expect(zeroMixture(hull, 0)).toMatchObject({ cost: 1, quality: 0.4, dearerShare: 0 });
    expect(zeroMixture(hull, 99)).toMatchObject({ cost: 10, quality: 0.9, dearerShare: 0 });
    expect(zeroMixture(hull, 3)).toMatchObject({ cost: 3, quality: 0.7 });
  });

  it("tosses a coin that the prompt and the seed decide", () => {
    const mixture = zeroMixture(costQualityHull(MODELS), 4.75);
    expect(mixture.dearerShare).toBe(0.25);
    const prompts = Array.from({ length: 4000 }, (_, index) => `prompt ${index}`);
    const chosen = prompts.map((prompt) => zeroChoice(mixture, prompt, 1));
    expect(prompts.map((prompt) => zeroChoice(mixture, prompt, 1))).toEqual(chosen);
    // Standard deviation is 27; five of them.
    expect(Math.abs(chosen.filter((model) => model === "best").length - 1000)).toBeLessThan(135);
    expect(new Set(chosen)).toEqual(new Set(["middle", "best"]));
    expect(prompts.map((prompt) => zeroChoice(mixture, prompt, 2))).not.toEqual(chosen);
  });

  it("refuses models without numbers", () => {
    expect(() => costQualityHull([])).toThrow(/no models/);
    expect(() => costQualityHull([point("x", Number.NaN, 1)])).toThrow(/model "x" has cost NaN/);
    expect(() => zeroMixture([], 1)).toThrow(/received 0 models/);
  });
});
