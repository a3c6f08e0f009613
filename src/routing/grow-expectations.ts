/** What a router folder expects of answers, quality and length, after a candidate came or went. */
import type { JudgedRecord } from "../judged/record.ts";
import {
  type CalibrationFile,
  loadCalibration,
  saveCalibration,
  withCalibratedCandidate,
  withoutCalibratedCandidate,
} from "./calibration/index.ts";
import { FEWEST_LENGTH_PROMPTS, type LengthModel, loadLengthModel, saveLengthModel } from "./length/index.ts";
import { embedderOf, expectationsFolder, type FolderParts } from "./router-folder.ts";

export interface Expectations {
  readonly calibration?: CalibrationFile | undefined;
  readonly lengths?: LengthModel | undefined;
}

/** @throws {TuttiError} as {@link loadCalibration} and {@link loadLengthModel} */
export function loadExpectations(folder: string, { manifest, baselines }: FolderParts): Expectations {
  const own = expectationsFolder(folder, manifest);
  return {
    calibration: loadCalibration(own, manifest.candidates),
    lengths: loadLengthModel(own, manifest.candidates, embedderOf(baselines)),
  };
}

export function saveExpectationsInto(folder: string, { calibration, lengths }: Expectations): void {
  if (calibration !== undefined) saveCalibration(folder, calibration);
  if (lengths !== undefined) saveLengthModel(folder, lengths);
}

/** With sentences that tell what could not be carried over. */
export async function expectationsWith(
  { calibration, lengths }: Expectations,
  name: string,
  records: readonly JudgedRecord[],
): Promise<{ readonly expectations: Expectations; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const grown = calibration && withCalibratedCandidate(calibration, name);
  if (grown !== undefined && grown.lost.length > 0) {
    notes.push(
      `${grown.lost.join(", ")} no longer ${grown.lost.length === 1 ? "expects" : "expect"} a quality: calibrated for each model by itself, and not for ${name}; train the router again to have it`,
    );
  }
  const enough = records.length >= FEWEST_LENGTH_PROMPTS;
  if (lengths !== undefined && !enough) {
    notes.push(
      `answer lengths are no longer expected: ${records.length} judged prompts of ${name}, at least ${FEWEST_LENGTH_PROMPTS} are needed`,
    );
  }
  return {
    expectations: {
      calibration: grown?.content,
      lengths: enough ? await lengths?.withCandidate(name, records) : undefined,
    },
    notes,
  };
}

export function expectationsWithout({ calibration, lengths }: Expectations, name: string): Expectations {
  return {
    calibration: calibration && withoutCalibratedCandidate(calibration, name),
    lengths: lengths?.withoutCandidate(name),
  };
}
