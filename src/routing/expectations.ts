/**
 * What a router folder expects of answers: calibrated quality and answer length.
 *
 * Calibration uses the prompts that were held out from training the models. Baselines are saved as trained on all
 * prompts; their curves come from twins trained without the held-out ones. The embedding has seen the held-out prompts'
 * text, never their scores. The models' checkpoints were chosen on the same prompts, which flatters their calibration a
 * little. Lengths are learned from all prompts: their intervals come from leave-one-out errors.
 */
import type { JudgedRecord } from "../judged/record.ts";
import { type SavableRouter, trainTwins } from "./baselines/index.ts";
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

export interface FittedRouters {
  /** Trained on `records.train`. */
  readonly models: readonly Router[];
  /** Trained on `records.all`. */
  readonly baselines: readonly SavableRouter[];
  /** Made of models and of twins of the baselines. */
  readonly ensemble?: (members: readonly Router[]) => Router;
}

/**
 * Writes `length.*`, and `difficulty.*` and `calibration.json` when at least ten prompts were held out.
 *
 * @param fitted - one of the models that is called like a baseline stands for its twin
 * @param embedder - that of the baselines
 */
export async function saveExpectations(
  folder: string,
  { models, baselines, ensemble }: FittedRouters,
  records: ExpectationRecords,
  candidates: readonly string[],
  embedder: Embedder,
): Promise<void> {
  const { train, heldOut, all } = records;
  if (all.length >= FEWEST_LENGTH_PROMPTS) {
    saveLengthModel(folder, await trainLengthModel(all, candidates, embedder));
  }
  if (heldOut.length < FEWEST_CALIBRATION_PROMPTS) return;
  const twins = await trainTwins(baselines, train, candidates);
  const difficulty = await trainDifficulty(train, candidates, embedder);
  saveDifficulty(folder, difficulty);
  const others = twins.filter((twin) => !models.some(({ name }) => name === twin.name));
  const members = [...models, ...others];
  const routers = ensemble === undefined ? members : [ensemble(members), ...members];
  const calibration = await calibrateRouters(routers, {
    training: train,
    heldOut,
    difficulty,
  });
  saveCalibration(folder, calibration);
}
