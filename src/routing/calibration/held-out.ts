/** Calibration rows from judged records that a router has not been trained on. */
import { foldOf, type JudgedRecord, normalisedPrompt, promptText } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { benchmarkRanges, routingTargets } from "../labels.ts";
import { isOutcomeRouter } from "../outcome.ts";
import type { Router, RoutingQuery } from "../router.ts";
import type { DifficultyModel } from "./difficulty.ts";
import type { CalibrationRows } from "./fit.ts";
import { logit } from "./logistic.ts";

const FOLDS = 5;
const FOLD_SEED = 0;

/**
 * What calibration reads: the scores, or, of a router that already expects qualities, their log odds, so that quality
 * as it stands is the temperature 1.
 */
export async function calibrationScores(
  router: Router,
  queries: readonly RoutingQuery[],
): Promise<Float64Array[]> {
  if (!isOutcomeRouter(router)) return router.scores(queries);
  return (await router.outcomes(queries)).map(({ quality }) => quality.map(logit));
}

/** @throws {TuttiError} DATASET_INVALID when a held-out prompt, up to case and punctuation, is among the training prompts */
export function checkHeldOut(training: readonly JudgedRecord[], heldOut: readonly JudgedRecord[]): void {
  const known = new Set(training.map(({ prompt }) => normalisedPrompt(prompt)));
  const seen = heldOut.find(({ prompt }) => known.has(normalisedPrompt(prompt)));
  if (seen === undefined) return;
  throw new TuttiError(
    "DATASET_INVALID",
    `calibration: the prompt of record ${JSON.stringify(seen.id)} is among the training prompts, expected prompts that no router was trained on`,
    { details: { recordId: seen.id }, hint: "split by prompt, with splitByPrompt" },
  );
}

/**
 * Scores, easiness and absolute qualities of held-out prompts. Qualities are on each benchmark's own scale, measured on training
 * and held-out records together where it is not [0, 1].
 *
 * @param difficulty - trained on `training`; left out for a router that expects qualities itself
 * @throws {TuttiError} see {@link checkHeldOut}; RECORD_INVALID when a record lacks a candidate's finite score
 */
export async function heldOutRows(
  router: Router,
  training: readonly JudgedRecord[],
  heldOut: readonly JudgedRecord[],
  difficulty?: DifficultyModel,
): Promise<CalibrationRows> {
  checkHeldOut(training, heldOut);
  const { candidates } = router;
  const prompts = heldOut.map(({ prompt }) => promptText(prompt));
  const easiness = isOutcomeRouter(router) ? undefined : await difficulty?.logOdds(prompts);
  const ranges = benchmarkRanges([...training, ...heldOut], candidates);
  return {
    scores: await calibrationScores(
      router,
      heldOut.map(({ id, benchmark }, index) => ({
        id,
        prompt: prompts[index]!,
        ...(router.readsDomain === true && { domain: benchmark }),
      })),
    ),
    ...(easiness !== undefined && { easiness }),
    qualities: routingTargets(heldOut, candidates, { ranges }).map(({ absolute }) => absolute),
    folds: Int32Array.from(heldOut, (record) => foldOf(record, FOLDS, FOLD_SEED)),
  };
}
