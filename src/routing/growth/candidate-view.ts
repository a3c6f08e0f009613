/** A router with some of its candidates left out. */
import { isOutcomeRouter, type OutcomeEstimate, type OutcomeRouter } from "../outcome.ts";
import type { Router } from "../router.ts";

/**
 * The router without the `removed` candidates: what it computes stays the same, their columns are dropped. The router
 * itself where none of them is among its candidates.
 */
export function withoutCandidates(router: Router, removed: readonly string[]): Router {
  const kept = router.candidates.flatMap((name, column) => (removed.includes(name) ? [] : [column]));
  if (kept.length === router.candidates.length) return router;
  const pick = (row: Float64Array): Float64Array => Float64Array.from(kept, (column) => row[column]!);
  const view: Router = {
    name: router.name,
    candidates: kept.map((column) => router.candidates[column]!),
    ...(router.readsDomain !== undefined && { readsDomain: router.readsDomain }),
    scores: async (queries) => (await router.scores(queries)).map(pick),
  };
  if (!isOutcomeRouter(router)) return view;
  const pickEstimate = ({ quality, completionTokens }: OutcomeEstimate): OutcomeEstimate => ({
    quality: pick(quality),
    ...(completionTokens && { completionTokens: pick(completionTokens) }),
  });
  const outcomes: OutcomeRouter = {
    ...view,
    isCalibrated: router.isCalibrated,
    outcomes: async (queries) => (await router.outcomes(queries)).map(pickEstimate),
    assess: async (queries) =>
      (await router.assess(queries)).map(({ scores, estimate }) => ({
        scores: pick(scores),
        estimate: pickEstimate(estimate),
      })),
  };
  return outcomes;
}
