export { calibrateRouters } from "./calibrate.ts";
export { type Assessment, CalibratedRouter } from "./calibrated-router.ts";
export { type CalibrationFile, loadCalibration } from "./calibration-file.ts";
export {
  CALIBRATION_METHODS,
  type CalibrationCurve,
  type CalibrationMethod,
  calibratedQuality,
} from "./curve.ts";
export {
  type CalibrationErrors,
  type CalibrationRows,
  calibrationErrors,
  FEWEST_CALIBRATION_PROMPTS,
  type FittedCalibration,
  fitCalibration,
} from "./fit.ts";
export { checkHeldOut, heldOutRows } from "./held-out.ts";
