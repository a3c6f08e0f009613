/** Calibrates the routers of a folder on prompts that none of them was trained on. */
import type { JudgedRecord } from "../../judged/index.ts";
import type { Router } from "../router.ts";
import type { CalibrationFile } from "./calibration-file.ts";
import type { DifficultyModel } from "./difficulty.ts";
import { meanQualityErrors } from "./errors.ts";
import { fitCalibration } from "./fit.ts";
import { heldOutRows } from "./held-out.ts";

export interface CalibrationInput {
  readonly training: readonly JudgedRecord[];
  readonly heldOut: readonly JudgedRecord[];
  /** Trained on `training`. */
  readonly difficulty?: DifficultyModel | undefined;
}

/**
 * Fits curves for every router.
 *
 * @param routers - trained on `training` only; at least one
 * @throws {TuttiError} DATASET_INVALID when a held-out prompt is a training prompt or there are too few; RECORD_INVALID
 */
export async function calibrateRouters(
  routers: readonly Router[],
  { training, heldOut, difficulty }: CalibrationInput,
): Promise<CalibrationFile> {
  const fitted: CalibrationFile["routers"] = {};
  let meanQuality = { brier: 0, logLoss: 0 };
  for (const router of routers) {
    const rows = await heldOutRows(router, training, heldOut, difficulty);
    const { method, weights, errors, curves } = fitCalibration(rows);
    meanQuality = meanQualityErrors(rows.qualities);
    fitted[router.name] = {
      method,
      errors: { ...errors },
      weights,
      curves: Object.fromEntries(router.candidates.map((name, index) => [name, curves[index]!])),
    };
  }
  return {
    format: "tutti-calibration-1",
    candidates: [...routers[0]!.candidates],
    heldOutPrompts: heldOut.length,
    meanQuality,
    routers: fitted,
  };
}
