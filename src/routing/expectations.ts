/**
 * What a router folder expects of answers: calibrated quality and answer length.
 *
 * Calibration uses the prompts that were held out from training the models. Baselines are saved as trained on all
 * prompts; their curves come from twins trained without the held-out ones. The embedding has seen the held-out prompts'
 * text, never their scores. The models' checkpoints were chosen on the same prompts, which flatters their calibration a
 * little. Lengths are learned from all prompts: their intervals come from leave-one-out errors.
 */
import type { JudgedRecord } from "../judged/record.ts";
import { trainBaselines } from "./baselines/index.ts";
import {
  calibrateRouters,
  FEWEST_CALIBRATION_PROMPTS,
  saveCalibration,
  saveDifficulty,
  trainDifficulty,
} from "./calibration/index.ts";
import type { Embedder } from "./embedding/index.ts";
import { FEWEST_LENGTH_PROMPTS, saveLengthModel, trainLengthModel } from "./length/index.ts";
import type { Router } from "./router.ts";

export interface ExpectationRecords {
  /** What the models were trained on. */
  readonly train: readonly JudgedRecord[];
  readonly heldOut: readonly JudgedRecord[];
  readonly all: readonly JudgedRecord[];
}

/** Scores that say nothing of the prompt, or need its domain, have no use for a policy. */
function isWorthCalibrating({ name, readsDomain }: Router): boolean {
  return name !== "random" && !name.startsWith("fixed:") && readsDomain !== true;
}

/**
 * Writes `length.*`, and `difficulty.*` and `calibration.json` when at least ten prompts were held out.
 *
 * @param models - trained on `records.train`; one that is called like a baseline stands for it
 */
export async function saveExpectations(
  folder: string,
  models: readonly Router[],
  records: ExpectationRecords,
  candidates: readonly string[],
  { seed, embedder }: { readonly seed: number; readonly embedder: Embedder },
): Promise<void> {
  const { train, heldOut, all } = records;
  if (all.length >= FEWEST_LENGTH_PROMPTS) {
    saveLengthModel(folder, await trainLengthModel(all, candidates, embedder));
  }
  if (heldOut.length < FEWEST_CALIBRATION_PROMPTS) return;
  const twins = await trainBaselines(train, candidates, { seed, embedder });
  const difficulty = await trainDifficulty(train, candidates, embedder);
  saveDifficulty(folder, difficulty);
  const others = twins.filter(
    (twin) => isWorthCalibrating(twin) && !models.some(({ name }) => name === twin.name),
  );
  const calibration = await calibrateRouters([...models, ...others], {
    training: train,
    heldOut,
    difficulty,
  });
  saveCalibration(folder, calibration);
}
