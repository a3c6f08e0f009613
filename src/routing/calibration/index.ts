export { type CalibrationInput, calibrateRouters } from "./calibrate.ts";
export {
  CalibratedRouter,
  type CalibrationParts,
  type RouterCalibration,
} from "./calibrated-router.ts";
export {
  type CalibrationFile,
  calibrationOf,
  loadCalibration,
  saveCalibration,
} from "./calibration-file.ts";
export { type CalibrationCurve, calibratedQuality } from "./curve.ts";
export { DifficultyModel, trainDifficulty } from "./difficulty.ts";
export { loadDifficulty, saveDifficulty } from "./difficulty-file.ts";
export { type CalibrationErrors, calibrationErrors, meanQualityErrors } from "./errors.ts";
export {
  type CalibrationRows,
  type CalibrationWeights,
  FEWEST_CALIBRATION_PROMPTS,
  type FittedCalibration,
  fitCalibration,
} from "./fit.ts";
export {
  type GrownCalibration,
  withCalibratedCandidate,
  withoutCalibratedCandidate,
} from "./grow-calibration.ts";
export { checkHeldOut, heldOutRows } from "./held-out.ts";
export { CALIBRATION_METHODS, type CalibrationMethod } from "./methods.ts";
