export {
  loadCheckpoint,
  loadParameters,
  saveCheckpoint,
  saveParameters,
  type TrainingState,
} from "./checkpoint.ts";
export { CompiledSteps } from "./compiled-steps.ts";
export {
  type TrainingContext,
  type TrainingResult,
  type TrainingSettings,
  train,
  trainingPaths,
} from "./loop.ts";
export { readMetrics, type StepMetrics } from "./metrics-file.ts";
export type { Bucket, MicroBatch, StepOutputs, TrainingTask } from "./task.ts";
