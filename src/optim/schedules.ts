/** Learning-rate schedules as factors on the peak rate; the formulas are those of transformers' get_*_schedule. */
import { TuttiError } from "../support/errors.ts";

export type ScheduleKind = "constant" | "linear" | "cosine";

export interface PlainSchedule {
  readonly kind: ScheduleKind;
  /** Steps of linear rise from 0. */
  readonly warmupSteps: number;
  /** Steps until linear and cosine reach 0. */
  readonly totalSteps: number;
}

/** Warm-up, stable, decay: the long middle stays at 1, so that a run can be prolonged before its decay. */
export interface WarmupStableDecaySchedule {
  readonly kind: "wsd";
  /** Steps of linear rise from minimumFactor. */
  readonly warmupSteps: number;
  /** Length of the fall, which ends at totalSteps. */
  readonly decaySteps: number;
  readonly totalSteps: number;
  /** @default "linear" */
  readonly decayShape?: "linear" | "cosine" | "1-sqrt";
  /** Where warm-up starts and decay ends. @default 0 */
  readonly minimumFactor?: number;
}

export type Schedule = PlainSchedule | WarmupStableDecaySchedule;

/**
 * The factor for `step`, counted from 0.
 *
 * warm-up: step / warmupSteps; then constant 1, linear (total - step) / (total - warmup), or cosine
 * (1 + cos(pi progress)) / 2. Past the end linear and cosine stay at 0. For "wsd" see
 * {@link WarmupStableDecaySchedule}: with progress q over the decay, 1 - q, (1 + cos(pi q)) / 2 or 1 - sqrt(q).
 *
 * @throws {TuttiError} INVALID_ARGUMENT for an unknown kind or shape, or a wsd whose parts exceed its total
 */
export function learningRateMultiplier(schedule: Schedule, step: number): number {
  if (schedule.kind === "wsd") return warmupStableDecay(schedule, step);
  const { kind, warmupSteps, totalSteps } = schedule;
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
        `schedule must be constant, linear, cosine or wsd, received ${String(kind)}`,
      );
  }
}

/** Hu et al., "MiniCPM", arXiv 2404.06395, section 4; 1-sqrt: Haegele et al., arXiv 2405.18392. */
function warmupStableDecay(schedule: WarmupStableDecaySchedule, step: number): number {
  const { warmupSteps, decaySteps, totalSteps, decayShape = "linear", minimumFactor = 0 } = schedule;
  if (warmupSteps + decaySteps > totalSteps) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `wsd schedule: ${warmupSteps} warm-up and ${decaySteps} decay steps exceed the total of ${totalSteps}`,
      { hint: "shorten the warm-up or the decay" },
    );
  }
  const between = (factor: number): number => minimumFactor + (1 - minimumFactor) * factor;
  if (step < warmupSteps) return between(step / warmupSteps);
  const decayStart = totalSteps - decaySteps;
  if (step < decayStart) return 1;
  if (step >= totalSteps) return minimumFactor;
  const progress = (step - decayStart) / decaySteps;
  switch (decayShape) {
    case "linear":
      return between(1 - progress);
    case "cosine":
      return between(0.5 * (1 + Math.cos(Math.PI * progress)));
    case "1-sqrt":
      return between(1 - Math.sqrt(progress));
    default:
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `wsd decayShape must be linear, cosine or 1-sqrt, received ${String(decayShape)}`,
      );
  }
}
