/** Learning-rate schedules as factors on the peak rate; the formulas are those of transformers' get_*_schedule. */
import { TuttiError } from "../support/errors.ts";

export type ScheduleKind = "constant" | "linear" | "cosine";

export interface Schedule {
  readonly kind: ScheduleKind;
  /** Steps of linear rise from 0. */
  readonly warmupSteps: number;
  /** Steps until linear and cosine reach 0. */
  readonly totalSteps: number;
}

/**
 * The factor for `step`, counted from 0.
 *
 * warm-up: step / warmupSteps; then constant 1, linear (total - step) / (total - warmup), or cosine
 * (1 + cos(pi progress)) / 2. Past the end linear and cosine stay at 0.
 */
export function learningRateMultiplier({ kind, warmupSteps, totalSteps }: Schedule, step: number): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  switch (kind) {
    case "constant":
      return 1;
    case "linear":
      return Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
    case "cosine":
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
    default:
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `schedule must be constant, linear or cosine, received ${String(kind)}`,
      );
  }
}
