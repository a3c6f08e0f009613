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
  type Validated,
} from "../../train/index.ts";
import { fingerprintOf, type PreparedRun } from "./prepared-run.ts";
import type { RunSettings } from "./settings.ts";
import { type Measured, TaskMeasure } from "./validation.ts";
import { warmupSteps } from "./warm-up.ts";

export interface RunEvents {
  readonly onStep?: (metrics: StepMetrics) => void;
  /** Held-out figures, each time they are taken. */
  readonly onMeasure?: (measured: Measured) => void;
  /** The score, before training and each time that it is taken on the way. */
  readonly onScore?: (scored: Scored, when: "before" | "during") => void;
  readonly signal?: AbortSignal;
}

export interface Scored {
  /** Higher is better. */
  readonly score: number;
  /** What is reported with it, by name. */
  readonly figures: Readonly<Record<string, number>>;
}

/** What the parameters that are kept are chosen by, in place of the loss on held-out data. */
export interface Score {
  /** Everything but the parameters that scores depend on: a checkpoint is refused when it changes, and the model card has it. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Must depend on the parameters alone. */
  measure(parameters: Parameters): Promise<Scored>;
}

export interface FinishedRun {
  readonly parameters: Parameters;
  readonly steps: number;
  /** Means over the last tenth of the steps. */
  readonly training: Measured;
  /** Of the parameters that are kept, on the held-out data. */
  readonly held?: Measured;
  /** The step after which the parameters that are kept were taken, and their score. */
  readonly best?: { readonly value: number; readonly step: number };
  /** Where a score chose: how it was taken, of the model before training and of the parameters that are kept. */
  readonly scored?: { readonly facts: Score["facts"]; readonly before: Scored; readonly kept: Scored };
}

/**
 * Stopped or killed anywhere, the same call goes on where it was and ends with the same weights.
 *
 * @param score chooses the best parameters, for example by {@link judgedScore}; held-out data are measured all the same, for the
 *   reports. It is taken once before training too, so that what is wrong with it shows before time is spent. Default: the lowest
 *   loss on the held-out data, where there are some
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
  const validate = async (parameters: Parameters): Promise<Validated> => {
    const measured = await measure?.run(parameters);
    if (measured) events.onMeasure?.(measured);
    const scored = await score?.measure(parameters);
    if (scored) events.onScore?.(scored, "during");
    return {
      score: scored?.score ?? -measured!.loss,
      figures: { ...(measured && heldFigures(measured)), ...scored?.figures },
    };
  };
  const outputFolder = join(settings.out, "training");
  try {
    const before = await score?.measure(run.parameters);
    if (before) events.onScore?.(before, "before");
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
        fingerprint: fingerprintOf(run, settings, score?.facts),
        outputFolder,
      },
      {
        backend,
        ...(events.onStep && { onStep: events.onStep }),
        ...(events.signal && { signal: events.signal }),
        ...((score || measure) && {
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
    const lines = readMetrics(metricsPath);
    return {
      parameters,
      steps: task.totalSteps,
      training: lastMeans(lines),
      ...(measure && { held: await measure.run(parameters) }),
      ...(result.best && { best: result.best }),
      ...(score && {
        scored: {
          facts: score.facts,
          before: before!,
          kept: scoredAfter(lines, result.best?.step ?? task.totalSteps),
        },
      }),
    };
  } finally {
    await measure?.dispose();
  }
}

const HELD = "held/";

const heldFigures = ({ loss, metrics }: Measured): Record<string, number> =>
  Object.fromEntries(Object.entries({ loss, ...metrics }).map(([name, value]) => [HELD + name, value]));

/** The score as it was reported after a step. */
function scoredAfter(lines: readonly StepMetrics[], step: number): Scored {
  const { validation, validationMetrics = {} } = lines.find((line) => line.step === step - 1)!;
  const own = Object.entries(validationMetrics).filter(([name]) => !name.startsWith(HELD));
  return { score: validation!, figures: Object.fromEntries(own) };
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
