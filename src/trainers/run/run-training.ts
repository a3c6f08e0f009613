/** Trains what was prepared, keeps the best parameters, and says how it went. */
import { join } from "node:path";
import type { Parameters } from "../../nn/index.ts";
import type { Backend } from "../../runtime/index.ts";
import {
  loadParameters,
  parameterGroups,
  readMetrics,
  type StepMetrics,
  train,
  trainingPaths,
} from "../../train/index.ts";
import { fingerprintOf, type PreparedRun } from "./prepared-run.ts";
import type { RunSettings } from "./settings.ts";
import { type Measured, TaskMeasure } from "./validation.ts";
import { warmupSteps } from "./warm-up.ts";

export interface RunEvents {
  readonly onStep?: (metrics: StepMetrics) => void;
  /** Held-out figures, each time they are taken. */
  readonly onMeasure?: (measured: Measured) => void;
  readonly signal?: AbortSignal;
}

/** What validation is by: higher is better. */
export type Score = (parameters: Parameters) => Promise<number>;

export interface FinishedRun {
  readonly parameters: Parameters;
  readonly steps: number;
  /** Means over the last tenth of the steps. */
  readonly training: Measured;
  /** Of the parameters that are kept, on the held-out data. */
  readonly held?: Measured;
  /** The step after which the parameters that are kept were taken, and their score. */
  readonly best?: { readonly value: number; readonly step: number };
}

/**
 * Stopped or killed anywhere, the same call goes on where it was and ends with the same weights.
 *
 * @param score chooses the best parameters, for example by generating answers and judging them; must depend on the parameters
 *   alone. Default: the lowest loss on the held-out data, where there are some
 * @throws {TuttiError} as `train`
 */
export async function runTraining(
  run: PreparedRun,
  settings: RunSettings,
  backend: Backend,
  events: RunEvents = {},
  score?: Score,
): Promise<FinishedRun> {
  const { task } = run;
  const measure = run.evaluation && new TaskMeasure(run.evaluation, backend);
  const heldOut = async (parameters: Parameters): Promise<number> => {
    const measured = await measure!.run(parameters);
    events.onMeasure?.(measured);
    return -measured.loss;
  };
  const validate = score ?? (measure && heldOut);
  const outputFolder = join(settings.out, "training");
  try {
    const result = await train(
      task,
      run.parameters,
      {
        seed: settings.seed,
        totalSteps: task.totalSteps,
        groups: parameterGroups(task, settings),
        optimizer: settings.optimizer,
        schedule: {
          kind: settings.schedule,
          warmupSteps: warmupSteps(settings.warmupShare, task.totalSteps),
          totalSteps: task.totalSteps,
        },
        maxGradientNorm: settings.maxGradientNorm,
        checkpointEverySteps: settings.checkpointEverySteps,
        fingerprint: fingerprintOf(run, settings),
        outputFolder,
      },
      {
        backend,
        ...(events.onStep && { onStep: events.onStep }),
        ...(events.signal && { signal: events.signal }),
        ...(validate && {
          validation: {
            everySteps: settings.validateEverySteps,
            ...(settings.chosenFromStep !== undefined && { chosenFromStep: settings.chosenFromStep }),
            run: validate,
          },
        }),
      },
    );
    const { bestPath, metricsPath } = trainingPaths(outputFolder);
    const parameters = result.best
      ? { ...result.parameters, ...loadParameters(bestPath) }
      : result.parameters;
    return {
      parameters,
      steps: task.totalSteps,
      training: lastMeans(readMetrics(metricsPath)),
      ...(measure && { held: await measure.run(parameters) }),
      ...(result.best && { best: result.best }),
    };
  } finally {
    await measure?.dispose();
  }
}

const LAST_SHARE = 0.1;

function lastMeans(lines: readonly StepMetrics[]): Measured {
  const last = lines.slice(-Math.max(1, Math.ceil(LAST_SHARE * lines.length)));
  const mean = (of: (line: StepMetrics) => number): number =>
    last.reduce((sum, line) => sum + of(line), 0) / last.length;
  const names = Object.keys(last[0]?.metrics ?? {});
  return {
    loss: mean(({ loss }) => loss),
    metrics: Object.fromEntries(names.map((name) => [name, mean(({ metrics }) => metrics[name] ?? 0)])),
  };
}
