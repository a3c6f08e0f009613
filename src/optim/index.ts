export type { AdafactorOptions } from "./adafactor.ts";
export { type AdamWOptions, type AdamWState, adamWStep, createAdamWState } from "./adamw.ts";
export type { AdamW8BitOptions } from "./adamw-8bit.ts";
export { clipFactor, globalNorm } from "./clip.ts";
export { createOptimizer, type OptimizerSettings } from "./create.ts";
export type { LionOptions } from "./lion.ts";
export type { MuonOptions, Orthogonalize } from "./muon.ts";
export { newtonSchulz } from "./newton-schulz.ts";
export type { Optimizer, ParameterGroup, StepScaling } from "./optimizer.ts";
export {
  learningRateMultiplier,
  type PlainSchedule,
  type Schedule,
  type ScheduleKind,
  type WarmupStableDecaySchedule,
} from "./schedules.ts";
export type { SgdOptions } from "./sgd.ts";
