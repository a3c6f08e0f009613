/** A latent router as saved data: header and arrays. */
import type { BundleArray, BundleArrays, BundleContent } from "../bundle.ts";
import { ANSWER_FEATURES } from "./answer-features.ts";
import type { LinearHead } from "./heads.ts";
import type { CandidateHeads, LatentParts } from "./latent-router.ts";
import { type LatentHeader, PART_WIDTHS, PARTS, type Part } from "./settings.ts";

export function contentOf(parts: LatentParts): BundleContent {
  const { standardisation, posterior, benchmarks, tasks, candidates } = parts;
  const arrays: Record<string, BundleArray> = {
    "features/mean": standardisation.mean,
    "features/deviation": standardisation.deviation,
    "tasks/weights": posterior.weights,
    "tasks/biases": posterior.biases,
  };
  for (const [index, { heads, smearing }] of candidates.entries()) {
    arrays[`candidates.${index}/smearing`] = smearing;
    for (const part of PARTS) {
      for (const [task, { weights, biases }] of heads[part].entries()) {
        arrays[`candidates.${index}/${part}.${task}/weights`] = weights;
        arrays[`candidates.${index}/${part}.${task}/biases`] = biases;
      }
    }
  }
  const header: LatentHeader = {
    kind: "latent",
    benchmarks: [...benchmarks],
    tasks: [...tasks],
    answerFeatures: [...ANSWER_FEATURES],
  };
  return { header, arrays };
}

/** @throws {TuttiError} ROUTER_INVALID when an array is missing or has another length than the header says */
export function partsOfContent(
  { benchmarks, tasks }: LatentHeader,
  arrays: BundleArrays,
  names: readonly string[],
  dimension: number,
): LatentParts {
  const candidates = names.map((name, index): CandidateHeads => {
    const own = arrays.under(`candidates.${index}/`);
    const headsOf = (part: Part): LinearHead[] =>
      tasks.map((_, task) => ({
        weights: own.float64(`${part}.${task}/weights`, PART_WIDTHS[part] * dimension),
        biases: own.float64(`${part}.${task}/biases`, PART_WIDTHS[part]),
      }));
    return {
      name,
      heads: { utility: headsOf("utility"), quality: headsOf("quality"), answer: headsOf("answer") },
      smearing: own.float64("smearing", tasks.length),
    };
  });
  return {
    standardisation: {
      mean: arrays.float64("features/mean", dimension),
      deviation: arrays.float64("features/deviation", dimension),
    },
    benchmarks,
    tasks,
    posterior: {
      weights: arrays.float64("tasks/weights", tasks.length * dimension),
      biases: arrays.float64("tasks/biases", tasks.length),
    },
    candidates,
  };
}
