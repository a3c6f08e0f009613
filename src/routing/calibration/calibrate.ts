/** Calibrates the routers of a folder on prompts that none of them was trained on. */
import type { JudgedRecord } from "../../judged/index.ts";
import type { Router } from "../router.ts";
import { type CalibrationFile, saveCalibration } from "./calibration-file.ts";
import { fitCalibration, meanQualityErrors } from "./fit.ts";
import { heldOutRows } from "./held-out.ts";

/**
 * Fits curves for every router and writes `calibration.json`.
 *
 * @param routers - trained on `training` only
 * @throws {TuttiError} DATASET_INVALID when a held-out prompt is a training prompt or there are too few; RECORD_INVALID
 */
export async function calibrateRouters(
  folder: string,
  routers: readonly Router[],
  training: readonly JudgedRecord[],
  heldOut: readonly JudgedRecord[],
): Promise<CalibrationFile> {
  const fitted: CalibrationFile["routers"] = {};
  let meanQuality = { brier: 0, logLoss: 0 };
  for (const router of routers) {
    const rows = await heldOutRows(router, training, heldOut);
    const { method, errors, curves } = fitCalibration(rows);
    meanQuality = meanQualityErrors(rows);
    fitted[router.name] = {
      method,
      errors: { ...errors },
      curves: Object.fromEntries(router.candidates.map((name, index) => [name, curves[index]!])),
    };
  }
  const content: CalibrationFile = {
    format: "tutti-calibration-1",
    candidates: [...(routers[0]?.candidates ?? [])],
    heldOutPrompts: heldOut.length,
    meanQuality,
    routers: fitted,
  };
  saveCalibration(folder, content);
  return content;
}
