/** The one measurement on the prompts set apart. */
import type { JudgedRecord } from "../../judged/record.ts";
import { bestSingleModel, chooseAll, evaluateRouters } from "../evaluation/index.ts";
import type { Router } from "../router.ts";
import type { HoldoutResult } from "./result.ts";

const CHOSEN = "chosen";
const BEST_SINGLE = "best single";

/**
 * Grades the router on the holdout, and how much that is above the model that is best on the training part.
 *
 * @throws {TuttiError} as {@link evaluateRouters}
 */
export async function measureHoldout(
  router: Router,
  { train, holdout }: { readonly train: readonly JudgedRecord[]; readonly holdout: readonly JudgedRecord[] },
  candidates: readonly string[],
  { samples, seed }: { readonly samples: number; readonly seed: number },
): Promise<HoldoutResult> {
  const single = bestSingleModel(train, candidates);
  const evaluation = evaluateRouters({
    records: holdout,
    candidates,
    choices: {
      [CHOSEN]: await chooseAll(router, holdout, candidates),
      [BEST_SINGLE]: new Int32Array(holdout.length).fill(candidates.indexOf(single)),
    },
    comparisons: [{ router: CHOSEN, baseline: BEST_SINGLE }],
    bootstrapSamples: samples,
    seed,
  });
  const benchmarks: Record<string, HoldoutResult["benchmarks"][string]> = {};
  for (const [benchmark, { n, routers }] of Object.entries(evaluation.benchmarks)) {
    const { native, normalised, interval } = routers[CHOSEN]!;
    benchmarks[benchmark] = { n, native, normalised, interval };
  }
  const [difference] = evaluation.differences;
  return {
    prompts: holdout.length,
    ...evaluation.mean[CHOSEN]!,
    benchmarks,
    overBestSingle: { model: single, mean: difference!.mean, interval: difference!.interval },
  };
}
