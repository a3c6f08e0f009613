/**
 * The training loop: compile, run, clip, update, report, save. One function to read top to bottom.
 *
 * A run is a function of its seed, data and settings: batches, dropout and updates depend only on the step, so
 * a run stopped anywhere and started again goes on bit for bit (for one machine, ONNX Runtime version and
 * thread count).
 */
import { join } from "node:path";
import type { Parameters } from "../nn/parameters.ts";
import { clipFactor, globalNorm } from "../optim/clip.ts";
import { createOptimizer, type OptimizerSettings } from "../optim/create.ts";
import type { ParameterGroup } from "../optim/optimizer.ts";
import { learningRateMultiplier, type Schedule } from "../optim/schedules.ts";
import type { Backend } from "../runtime/backend.ts";
import { TuttiError } from "../support/errors.ts";
import { createBreather, inPieces } from "../support/event-loop.ts";
import { type Float32Tensor, zeros } from "../tensor/host-tensor.ts";
import { loadCheckpoint, saveCheckpoint, saveParameters, type TrainingState } from "./checkpoint.ts";
import { CompiledSteps, type StepResult } from "./compiled-steps.ts";
import { EventLoopDelay } from "./event-loop-delay.ts";
import { frozenDigest, splitTrained } from "./frozen.ts";
import { MetricsFile, type StepMetrics } from "./metrics-file.ts";
import { firstNonFinite, isFiniteTensor } from "./non-finite.ts";
import { createOrthogonalizer } from "./orthogonalizer.ts";
import type { MicroBatch, TrainingTask } from "./task.ts";

export interface TrainingSettings {
  readonly seed: number;
  readonly totalSteps: number;
  readonly groups: readonly ParameterGroup[];
  /** @default AdamW with its usual constants */
  readonly optimizer?: OptimizerSettings;
  readonly schedule: Schedule;
  /** Global-norm clipping; 0 = off. */
  readonly maxGradientNorm: number;
  readonly checkpointEverySteps: number;
  /** Identifies model, data and settings; a checkpoint with another fingerprint is refused. */
  readonly fingerprint: string;
  /** Holds checkpoint.safetensors, best.safetensors and metrics.jsonl. */
  readonly outputFolder: string;
}

export interface TrainingContext {
  readonly backend: Backend;
  /** Called after every step. */
  readonly onStep?: (metrics: StepMetrics) => void;
  readonly validation?: Validation;
  /** Aborting stops after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** Keeps the best trained parameters in best.safetensors. */
export interface Validation {
  readonly everySteps: number;
  /** Parameters of earlier steps are measured but never chosen: half-trained ones can be best by chance. @default 0 */
  readonly chosenFromStep?: number;
  /** Must not depend on anything but the parameters. */
  run(parameters: Parameters): Promise<number | Validated>;
}

export interface Validated {
  /** Higher is better. */
  readonly score: number;
  /** What is reported beside it, by name. */
  readonly figures?: Readonly<Record<string, number>>;
}

export interface TrainingResult {
  /** The last ones, trained and frozen in float32; the trained ones that were best by validation are in best.safetensors. */
  readonly parameters: Parameters;
  readonly best: TrainingState["best"];
  readonly resumedAtStep: number;
  readonly compiledSteps: number;
}

/**
 * Trains `parameters` in place (those that the task trains), resuming from the checkpoint in the output folder when there is one.
 *
 * @throws {TuttiError} NON_FINITE naming step, first bad tensor and batch; INTERRUPTED after an abort;
 *   CHECKPOINT_MISMATCH / CHECKPOINT_INVALID for a checkpoint that cannot be resumed
 */
export async function train(
  task: TrainingTask,
  parameters: Parameters,
  settings: TrainingSettings,
  context: TrainingContext,
): Promise<TrainingResult> {
  const { checkpointPath, bestPath, metricsPath } = trainingPaths(settings.outputFolder);
  const orthogonalizer = createOrthogonalizer(context.backend);
  const { trained, frozen } = splitTrained(task, parameters, settings.groups);
  const state: TrainingState = {
    parameters: trained,
    frozenSha256: await frozenDigest({ ...frozen, ...task.half }),
    optimizer: createOptimizer(
      settings.optimizer ?? { kind: "adamw" },
      settings.groups,
      trained,
      orthogonalizer.run,
    ),
    step: 0,
    best: undefined,
  };
  loadCheckpoint(checkpointPath, state, settings.fingerprint);
  const resumedAtStep = state.step;
  const metricsFile = new MetricsFile(metricsPath);
  metricsFile.truncateTo(resumedAtStep);
  const steps = new CompiledSteps(task, context.backend);
  const eventLoop = new EventLoopDelay();
  const gradients = gradientBuffers(trained);

  try {
    while (state.step < settings.totalSteps) {
      const startedAt = performance.now();
      const batches = task.microBatches(state.step);
      const result = await accumulate(steps, batches, parameters, state, gradients, settings, context);
      const gradientNorm = await globalNorm(Object.values(gradients).map(({ data }) => data));
      if (!Number.isFinite(result.loss) || !Number.isFinite(gradientNorm)) {
        throw nonFiniteGradient(task, state, gradients);
      }
      const multiplier = learningRateMultiplier(settings.schedule, state.step);
      await state.optimizer.step(trained, gradients, {
        gradientScale: clipFactor(gradientNorm, settings.maxGradientNorm),
        multiplier,
      });
      state.step++;
      const validation = await validate(parameters, state, settings, context, bestPath);
      const metrics: StepMetrics = {
        step: state.step - 1,
        loss: result.loss,
        gradientNorm,
        learningRateMultiplier: multiplier,
        metrics: result.metrics,
        ...(validation && { validation: validation.score }),
        ...(validation?.figures && { validationMetrics: validation.figures }),
        stepSeconds: (performance.now() - startedAt) / 1000,
        eventLoopDelaySeconds: eventLoop.takeLongestSeconds(),
        peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      };
      metricsFile.append(metrics);
      context.onStep?.(metrics);
      const isLast = state.step === settings.totalSteps;
      const isStopping = context.signal?.aborted === true;
      if (isStopping || isLast || state.step % settings.checkpointEverySteps === 0) {
        await requireFinite(task, state);
        saveCheckpoint(checkpointPath, state, settings.fingerprint);
      }
      if (isStopping && !isLast) throw interrupted(state.step, settings.totalSteps);
    }
    return { parameters, best: state.best, resumedAtStep, compiledSteps: steps.count };
  } finally {
    eventLoop.stop();
    await steps.dispose();
    await orthogonalizer.dispose();
  }
}

function interrupted(step: number, totalSteps: number): TuttiError {
  return new TuttiError("INTERRUPTED", `stopped after step ${step} of ${totalSteps}; nothing is lost`, {
    hint: "run the same command again to go on",
  });
}

/** Where a run keeps its files. */
export function trainingPaths(outputFolder: string) {
  return {
    checkpointPath: join(outputFolder, "checkpoint.safetensors"),
    bestPath: join(outputFolder, "best.safetensors"),
    metricsPath: join(outputFolder, "metrics.jsonl"),
  };
}

function gradientBuffers(parameters: Parameters): Record<string, Float32Tensor> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape }]) => [name, zeros("float32", shape) as Float32Tensor]),
  );
}

/** Counters of dropout masks: room for this many micro-batches a step. */
const MICRO_BATCHES_PER_STEP = 4096;

/** Runs all micro-batches of the current step; their gradients end up summed in `gradients`. */
async function accumulate(
  steps: CompiledSteps,
  batches: readonly MicroBatch[],
  parameters: Parameters,
  state: TrainingState,
  gradients: Readonly<Record<string, Float32Tensor>>,
  settings: TrainingSettings,
  context: TrainingContext,
): Promise<StepResult> {
  let loss = 0;
  const metrics: Record<string, number> = {};
  let scratch: Record<string, Float32Tensor> | undefined;
  for (const [index, batch] of batches.entries()) {
    if (index > 0) scratch ??= gradientBuffers(state.parameters);
    const into = index === 0 ? gradients : scratch!;
    const counter = state.step * MICRO_BATCHES_PER_STEP + index;
    const result = await steps.run(batch, parameters, into, { seed: settings.seed, counter });
    if (!Number.isFinite(result.loss)) {
      const {
        graph,
        loss: lossValue,
        feeds,
      } = await steps.inspect(batch, parameters, { seed: settings.seed, counter });
      const where = (await firstNonFinite(context.backend, graph, lossValue, feeds)) ?? "the loss";
      throw nonFinite(state.step, where, batch.recordIds);
    }
    loss += result.loss;
    for (const [name, value] of Object.entries(result.metrics)) metrics[name] = (metrics[name] ?? 0) + value;
    if (index > 0) await addInto(gradients, into);
  }
  return { loss, metrics };
}

async function addInto(
  totals: Readonly<Record<string, Float32Tensor>>,
  parts: Readonly<Record<string, Float32Tensor>>,
): Promise<void> {
  const breathe = createBreather();
  for (const [name, { data: total }] of Object.entries(totals)) {
    const part = parts[name]!.data;
    await inPieces(breathe, total.length, (start, end) => {
      for (let index = start; index < end; index++) total[index]! += part[index]!;
    });
  }
}

function nonFinite(step: number, where: string, recordIds: readonly string[]): TuttiError {
  const shown =
    recordIds.slice(0, 8).join(", ") + (recordIds.length > 8 ? `, and ${recordIds.length - 8} more` : "");
  return new TuttiError("NON_FINITE", `step ${step}: ${where} holds a NaN or an infinity; records ${shown}`, {
    details: { step, where, recordIds },
    hint: "lower the learning rate, or look at these records; the last checkpoint is still good",
  });
}

/** The loss is finite but a gradient is not. */
function nonFiniteGradient(
  task: TrainingTask,
  state: TrainingState,
  gradients: Readonly<Record<string, Float32Tensor>>,
): TuttiError {
  const bad = Object.entries(gradients).find(([, tensor]) => !isFiniteTensor(tensor));
  const where = bad ? `gradient of "${bad[0]}"` : "the global gradient norm";
  return nonFinite(
    state.step,
    where,
    task.microBatches(state.step).flatMap((batch) => batch.recordIds),
  );
}

/** An update can overflow on finite gradients; what it spoiled must not replace the last good checkpoint. */
async function requireFinite(task: TrainingTask, { parameters, step }: TrainingState): Promise<void> {
  for (const [name, { data }] of Object.entries(parameters)) {
    if (Number.isFinite(await globalNorm([data]))) continue;
    const updated = step - 1;
    const recordIds = task.microBatches(updated).flatMap((batch) => batch.recordIds);
    throw nonFinite(updated, `updated parameter "${name}"`, recordIds);
  }
}

async function validate(
  parameters: Parameters,
  state: TrainingState,
  settings: TrainingSettings,
  { validation }: TrainingContext,
  bestPath: string,
): Promise<Validated | undefined> {
  if (!validation) return undefined;
  if (state.step % validation.everySteps !== 0 && state.step !== settings.totalSteps) return undefined;
  const result = await validation.run(parameters);
  const validated = typeof result === "number" ? { score: result } : result;
  const value = validated.score;
  if (state.step < (validation.chosenFromStep ?? 0)) return validated;
  if (!state.best || value > state.best.value) {
    state.best = { value, step: state.step };
    saveParameters(bestPath, state.parameters, {
      fingerprint: settings.fingerprint,
      step: String(state.step),
    });
  }
  return validated;
}
