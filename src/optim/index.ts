export {
  type AdamWOptions,
  type AdamWState,
  adamWStep,
  createAdamWState,
  type ParameterGroup,
} from "./adamw.ts";
export { clipFactor, globalNorm } from "./clip.ts";
export { learningRateMultiplier, type Schedule, type ScheduleKind } from "./schedules.ts";
