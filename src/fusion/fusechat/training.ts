/** What both training stages have in common: settings of the trainers, progress, and what is kept of a run. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../judged/index.ts";
import type { LoraConfig } from "../../nn/index.ts";
import type { Backend } from "../../runtime/index.ts";
import { hashFile } from "../../support/hash-file.ts";
import { modelName } from "../../support/model-name.ts";
import {
  type LanguageModel,
  loadLanguageModel,
  type PipelineFacts,
  type PreparedRun,
  type RunSettings,
  runTraining,
  writeTrainedModel,
} from "../../trainers/index.ts";
import type { FuseContext, StageName } from "./context.ts";
import type { FuseTraining } from "./settings.ts";

export interface TrainedModel extends JsonObject {
  /** SHA-256 of model.safetensors. */
  readonly weights: string;
  readonly examples: number;
  readonly heldOut: number;
  readonly cut: number;
  readonly dropped: { readonly [reason: string]: number };
  readonly steps: number;
  /** Means over the last tenth of the steps. */
  readonly training: JsonObject;
  readonly held: JsonObject | null;
  /** The step whose weights are kept, where they were chosen. */
  readonly keptStep: number | null;
  readonly warnings: readonly string[];
}

/** Of a training stage's folder. */
export const modelFolder = (stageFolder: string): string => join(stageFolder, "model");

/** The configuration is written last: a folder with it is complete. */
export const isModelThere = (stageFolder: string): boolean =>
  existsSync(join(modelFolder(stageFolder), "config.json"));

function adapterOf({ lora }: FuseTraining): LoraConfig | undefined {
  if (lora === undefined) return undefined;
  return { name: "default", rank: lora.rank, alpha: lora.alpha ?? 2 * lora.rank, targets: "all-linear" };
}

/** The trainers' settings. */
export function runSettings(
  training: FuseTraining,
  files: Pick<RunSettings, "data" | "evaluationData" | "out" | "seed">,
): RunSettings {
  const adapter = adapterOf(training);
  return {
    ...files,
    epochs: training.epochs,
    batch: training.batch,
    maxTokens: training.maxTokens,
    tokensAtOnce: training.tokensAtOnce,
    learningRate: training.learningRate,
    weightDecay: training.weightDecay,
    optimizer: { kind: training.optimizer },
    schedule: training.schedule,
    warmupShare: training.warmup,
    maxGradientNorm: training.clip,
    ...(adapter && { adapter }),
    checkpointEverySteps: training.checkpointEvery,
    // Without held-out data it means nothing, and must not make a checkpoint another one.
    validateEverySteps: files.evaluationData === undefined ? 1 : training.checkpointEvery,
  };
}

/** Everything of the training that alters weights: folders, and how often a checkpoint is written, do not. */
export function trainingInputs({ checkpointEvery: _, ...training }: FuseTraining): JsonObject {
  return JSON.parse(JSON.stringify(training)) as JsonObject;
}

export interface TrainingWork {
  readonly stage: StageName;
  /** Path of the model to begin with. */
  readonly base: string;
  readonly settings: RunSettings;
  readonly prepare: (
    base: LanguageModel,
    backend: Backend,
    onWarning: (warning: string) => void,
  ) => Promise<PreparedRun>;
  /** Settings that follow from the number of steps. */
  readonly settle?: (settings: RunSettings, totalSteps: number) => RunSettings;
}

/** What a stage begins with, in words. */
const nameOf = ({ settings }: FuseContext, stage: StageName): string =>
  stage === "sft"
    ? modelName(settings.target.model)
    : `${modelName(settings.target.model)} after supervised fine-tuning`;

/** For the card: the run that the model is a stage of. */
function pipelineFacts({ settings }: FuseContext, stage: StageName): PipelineFacts {
  const { name, target, sources, domains } = settings;
  const domain = ({ name: of, scorer, verifier, sources: own }: (typeof domains)[number]): string =>
    [
      `${of}: ${own.map(({ model, samples }) => `${samples} of ${model}`).join(", ")}`,
      ...(verifier === undefined ? [] : [`verified by ${verifier}`]),
      ...(scorer === undefined ? [] : [`scored by ${scorer}`]),
    ].join("; ");
  return {
    command: "tutti fuse run",
    baseModel: modelName(target.model),
    title: `${name}: ${modelName(target.model)}, fused, ${STAGE_NAMES[stage] ?? stage}`,
    rows: [
      ["target", modelName(target.model)],
      ["sources", sources.map(({ model }) => model).join(", ")],
      ...domains.map((one) => ["answers a prompt", domain(one)] as const),
    ],
  };
}

const STAGE_NAMES: Partial<Record<StageName, string>> = {
  sft: "after supervised fine-tuning",
  dpo: "after preference optimisation",
};

const asJson = (value: object | undefined): JsonObject | null =>
  value === undefined ? null : (JSON.parse(JSON.stringify(value)) as JsonObject);

/** Prepares, trains, and writes the model; goes on where an earlier call was stopped or killed. */
export async function trainModel(
  context: FuseContext,
  { stage, base, settings: given, prepare, settle = (settings) => settings }: TrainingWork,
): Promise<TrainedModel> {
  const { createBackend, events, signal } = context;
  const backend = createBackend();
  const warnings: string[] = [];
  const onWarning = (warning: string): void => {
    warnings.push(warning);
    events.onFact?.(stage, "warning", warning);
  };
  const prepared = await prepare(loadLanguageModel(base, nameOf(context, stage)), backend, onWarning);
  const run = { ...prepared, facts: { ...prepared.facts, pipeline: pipelineFacts(context, stage) } };
  const settings = settle(given, run.task.totalSteps);
  try {
    const { examples, evaluationExamples, cut, dropped } = run.facts;
    events.onFact?.(
      stage,
      "info",
      `${examples} examples, ${evaluationExamples} held out, ${run.task.totalSteps} steps`,
    );
    const finished = await runTraining(run, settings, backend, {
      signal,
      onStep: ({ step, loss, gradientNorm, metrics }) => {
        const margin = metrics["rewards/margins"];
        const notes = [`loss ${loss.toFixed(4)}`, `norm ${gradientNorm.toFixed(2)}`];
        if (margin !== undefined) notes.push(`margin ${margin.toFixed(3)}`);
        const note = notes.join("  ");
        events.onProgress?.({
          stage,
          part: "",
          done: step + 1,
          total: run.task.totalSteps,
          unit: "steps",
          note,
        });
      },
    });
    const { model } = writeTrainedModel(run, finished, settings);
    return {
      weights: await hashFile(join(model, "model.safetensors"), createHash("sha256")),
      ...{ examples, heldOut: evaluationExamples, cut, dropped },
      steps: finished.steps,
      training: asJson(finished.training)!,
      held: asJson(finished.held),
      keptStep: finished.best?.step ?? null,
      warnings,
    };
  } finally {
    run.close();
  }
}
