/** A run that is ready to go: what it trains, on which data, and what is told of it. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { initialiseLora, type ParameterSpecs, type Parameters } from "../../nn/index.ts";
import { hashFile } from "../../support/hash-file.ts";
import type { FineTuningTask } from "../../train/fine-tuning.ts";
import type { LanguageModel } from "./language-model.ts";
import type { RunSettings } from "./settings.ts";

/** For the model card of a model that a pipeline made. */
export interface PipelineFacts {
  readonly command: string;
  /** What the whole pipeline began with. */
  readonly baseModel: string;
  /** What the card is headed with. */
  readonly title: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
}

/** For the model card: what the trained model is a function of. */
export interface RunFacts {
  readonly kind: "sft" | "dpo" | "reward";
  /** Name and settings of what was optimised. */
  readonly objective: Readonly<Record<string, unknown>>;
  readonly base: { readonly name: string; readonly digest: string };
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
  readonly examples: number;
  readonly evaluationExamples: number;
  /** Answers that were cut to the length allowed. */
  readonly cut: number;
  /** Examples left out, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The same of the held-out data. */
  readonly evaluationDropped: Readonly<Record<string, number>>;
  /** What made the run, where it is a part of something larger. */
  readonly pipeline?: PipelineFacts;
}

/** What is told while a run is prepared. */
export interface PrepareEvents {
  /** What the user should know before hours are spent. */
  readonly onWarning?: (warning: string) => void;
}

export interface PreparedRun {
  readonly base: LanguageModel;
  readonly task: FineTuningTask;
  /** One epoch over the held-out data, in order. */
  readonly evaluation?: FineTuningTask;
  /** What the model has, a new head included and an adapter not. */
  readonly specs: ParameterSpecs;
  /** The model's, a new head's and an adapter's. */
  readonly parameters: Parameters;
  readonly facts: RunFacts;
  /** Lets go of files that are read during training. */
  close(): void;
}

export async function fileFacts(paths: readonly string[]): Promise<RunFacts["files"]> {
  const facts: { name: string; sha256: string }[] = [];
  for (const path of paths) {
    facts.push({ name: basename(path), sha256: await hashFile(path, createHash("sha256")) });
  }
  return facts;
}

export function countReasons(dropped: readonly { readonly reason: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of dropped) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

/** The base's parameters with those of a fresh adapter, where the run trains one. */
export function withFreshAdapter(
  base: Parameters,
  specs: ParameterSpecs,
  { adapter, seed }: Pick<RunSettings, "adapter" | "seed">,
): Parameters {
  return adapter ? { ...base, ...initialiseLora(base, specs, adapter, seed) } : base;
}

/**
 * What a checkpoint is refused for when it changes. Folders, and how often a checkpoint is written, may change.
 *
 * @param scoredBy of the score that parameters are chosen by, where it is not the loss
 */
export function fingerprintOf(
  { facts, base }: Pick<PreparedRun, "facts" | "base">,
  settings: RunSettings,
  scoredBy?: Readonly<Record<string, unknown>>,
): string {
  const { seed, epochs, batch, maxTokens, tokensAtOnce, validateEverySteps, maxGradientNorm } = settings;
  const { learningRate, weightDecay, optimizer, schedule, warmupShare, adapter, chosenFromStep } = settings;
  const { config, template, bosToken, eosToken, documents } = base;
  // What a pipeline tells of itself alters no weight, such as its name.
  const { pipeline: _, ...learned } = facts;
  const parts = [
    {
      facts: learned,
      source: settings.source,
      seed,
      epochs,
      batch,
      maxTokens,
      tokensAtOnce,
      validateEverySteps,
      maxGradientNorm,
    },
    { learningRate, weightDecay, optimizer, schedule, warmupShare, adapter, chosenFromStep },
    { config, template, bosToken, eosToken, documents },
    ...(scoredBy ? [scoredBy] : []),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
