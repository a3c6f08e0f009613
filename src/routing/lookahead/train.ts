/** Training a Lookahead model or its MLC baseline from judged records: encode, train, keep the best, save. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JudgedRecord } from "../../judged/record.ts";
import { createOrtBackend, type ExecutionProvider } from "../../runtime/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { loadTokenizer, type Tokenizer } from "../../text/index.ts";
import { loadParameters } from "../../train/checkpoint.ts";
import { type StepMetrics, train, trainingPaths } from "../../train/index.ts";
import { benchmarkRanges } from "../labels.ts";
import { maxPositions, readBackboneConfig, smallBackboneConfig, startParameters } from "./backbone.ts";
import { encodeRecords } from "./encode.ts";
import { LookaheadRouter, saveLookahead } from "./lookahead-router.ts";
import { lookaheadSpecs, positionsOf } from "./model.ts";
import { isSeparate } from "./rows.ts";
import type {
  BestBy,
  LookaheadSettings,
  Masking,
  Normalisation,
  Pooling,
  PositionPolicy,
  Prediction,
  RoutingLoss,
  Span,
  Variant,
} from "./settings.ts";
import { createLookaheadTask, type LookaheadTraining } from "./task.ts";
import { tunedParameters } from "./tuned-layers.ts";
import { createValidation } from "./validation.ts";

export interface LookaheadOptions extends LookaheadTraining {
  readonly variant: Variant;
  readonly labels: "relative" | "absolute";
  readonly normalisation: Normalisation;
  readonly routingLoss: RoutingLoss;
  readonly labelThreshold: number;
  readonly temperature: number;
  readonly pooling: Pooling;
  readonly prediction: Prediction;
  readonly positions: PositionPolicy;
  readonly span: Span;
  readonly masking: Masking;
  readonly responseTokens: number;
  readonly maxPromptTokens: number;
  readonly maxSequenceTokens?: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly warmupShare: number;
  readonly maxGradientNorm: number;
  readonly checkpointEverySteps: number;
  /** Validations per run; the best parameters by validation are kept. */
  readonly validations: number;
  /** Validates this often, whatever `validations` says. */
  readonly validateEverySteps?: number;
  /**
   * What is best: the lowest routing loss over the second half of the run, or at any time the highest mean score of the chosen
   * candidates, each prompt's scores min-max normalised (the paper's eval_reward).
   */
  readonly bestBy: BestBy;
  readonly threads: number;
  /** What computes. @default "cpu" */
  readonly provider?: ExecutionProvider;
  /** A folder with config.json, model.safetensors and tokenizer.json; from scratch without. */
  readonly backboneFolder?: string;
  /** Use only the first layers of the backbone. */
  readonly backboneLayers?: number;
  /** Train only its last layers and the heads; see {@link tunedParameters}. All of it without. */
  readonly tunedLayers?: number;
  /** tokenizer.json for training from scratch. */
  readonly tokenizerPath: string;
}

export interface LookaheadRun {
  /** Optimiser steps in all; known before training starts. */
  readonly totalSteps: number;
  readonly parameterCount: number;
  /** How many of them are trained: all but those of frozen layers. */
  readonly trainedParameterCount: number;
  readonly trainingPrompts: number;
  readonly validationPrompts: number;
}

export interface LookaheadTrainingEvents {
  readonly onEncoded?: (done: number, total: number) => void;
  readonly onStart?: (run: LookaheadRun) => void;
  readonly onStep?: (metrics: StepMetrics) => void;
  readonly signal?: AbortSignal;
}

/**
 * Trains on `records`, keeps the parameters that are best on `validation` by `bestBy` and writes them into `folder`. Resumes
 * from the folder's checkpoint.
 *
 * @throws {TuttiError} as {@link train} does; DATASET_INVALID when there is nothing to train on
 */
export async function trainLookahead(
  name: string,
  records: readonly JudgedRecord[],
  validation: readonly JudgedRecord[],
  candidates: readonly string[],
  options: LookaheadOptions,
  folder: string,
  events: LookaheadTrainingEvents = {},
): Promise<LookaheadRouter> {
  if (records.length === 0) throw new TuttiError("DATASET_INVALID", "no training records");
  const tokenizerPath = options.backboneFolder
    ? join(options.backboneFolder, "tokenizer.json")
    : options.tokenizerPath;
  const tokenizer = loadTokenizer(tokenizerPath);
  const settings = makeSettings(options, candidates, tokenizer);
  const trainable = trainableParameters(settings, options);
  // Benchmarks of a record or two may be held out whole: these have their own range.
  const ranges = new Map([
    ...benchmarkRanges(validation, candidates),
    ...benchmarkRanges(records, candidates),
  ]);
  const onProgress = (done: number): void => events.onEncoded?.(done, records.length);
  const examples = encodeRecords(settings, tokenizer, records, onProgress, ranges);
  const task = { ...createLookaheadTask(settings, options, examples), trainable };
  const parameters = startParameters(settings, options.seed, options.backboneFolder);
  const backend = createOrtBackend({
    threads: options.threads,
    ...(options.provider && { provider: options.provider }),
  });
  const everySteps =
    options.validateEverySteps ?? Math.max(1, Math.ceil(task.totalSteps / options.validations));
  const chosenFromStep = options.bestBy === "score" ? 0 : task.totalSteps / 2;
  events.onStart?.({
    totalSteps: task.totalSteps,
    parameterCount: countOf(parameters, Object.keys(parameters)),
    trainedParameterCount: countOf(parameters, trainable),
    trainingPrompts: records.length,
    validationPrompts: validation.length,
  });
  const outputFolder = join(folder, "training");
  const validate = createValidation(settings, tokenizer, validation, backend, ranges, options.bestBy);
  const result = await train(
    task,
    parameters,
    {
      seed: options.seed,
      totalSteps: task.totalSteps,
      groups: parameterGroups(settings, options, trainable),
      schedule: {
        kind: "cosine",
        warmupSteps: Math.round(options.warmupShare * task.totalSteps),
        totalSteps: task.totalSteps,
      },
      maxGradientNorm: options.maxGradientNorm,
      checkpointEverySteps: options.checkpointEverySteps,
      fingerprint: fingerprint(settings, options, records),
      outputFolder,
    },
    {
      backend,
      ...(events.onStep && { onStep: events.onStep }),
      ...(events.signal && { signal: events.signal }),
      ...(validate && { validation: { everySteps, chosenFromStep, run: validate } }),
    },
  );
  const best = result.best
    ? { ...result.parameters, ...loadParameters(trainingPaths(outputFolder).bestPath) }
    : result.parameters;
  saveLookahead(folder, settings, best, readFileSync(tokenizerPath));
  return new LookaheadRouter(name, settings, best, tokenizer, backend);
}

/** The configuration with a vocabulary of at least `rows`; many have spare rows already. */
function withRoomFor(rows: number, config: Record<string, unknown>): Record<string, unknown> {
  return typeof config.vocab_size === "number" && config.vocab_size < rows
    ? { ...config, vocab_size: rows }
    : config;
}

function makeSettings(
  options: LookaheadOptions,
  candidates: readonly string[],
  tokenizer: Tokenizer,
): LookaheadSettings {
  const identifiers = candidates.map((_, index) => tokenizer.tokenId(`[unused${index}]`));
  const hasReserved = identifiers.every((id) => id !== undefined);
  // A vocabulary without reserved entries grows by one row per candidate, padded to a multiple of 64.
  const grown = Math.ceil((tokenizer.vocabularySize + candidates.length) / 64) * 64;
  const vocabularySize = hasReserved ? tokenizer.vocabularySize : grown;
  const backbone = options.backboneFolder
    ? withRoomFor(hasReserved ? 0 : grown, readBackboneConfig(options.backboneFolder, options.backboneLayers))
    : smallBackboneConfig(options.variant, vocabularySize);
  const { cls, sep, eos, pad, mask } = tokenizer.specialTokens;
  const end = sep ?? eos;
  if (end === undefined || (options.variant !== "clm" && cls === undefined)) {
    throw new TuttiError(
      "TOKENIZER_INVALID",
      "the tokenizer lacks [CLS] and [SEP] (or an end-of-text token)",
      {
        hint: "mlm and mlc need the tokenizer of an encoder; clm needs an end-of-text token",
      },
    );
  }
  const settings: LookaheadSettings = {
    format: "tutti-lookahead-1",
    variant: options.variant,
    candidates: [...candidates],
    candidateTokenIds:
      options.variant === "mlc" ? [] : identifiers.map((id, index) => id ?? tokenizer.vocabularySize + index),
    backbone,
    responseTokens: options.responseTokens,
    maxPromptTokens: options.maxPromptTokens,
    ...(options.maxSequenceTokens !== undefined && { maxSequenceTokens: options.maxSequenceTokens }),
    pooling: options.pooling,
    prediction: options.variant === "mlm" ? options.prediction : "joint",
    positions: options.positions,
    span: options.span,
    masking: options.masking,
    headDropout: 0.1,
    labels: options.labels,
    normalisation: options.normalisation,
    routingLoss: options.routingLoss,
    labelThreshold: options.labelThreshold,
    temperature: options.temperature,
    responseWeight: options.lambda,
    tokenizerSha256: tokenizer.sha256,
    tokens: { cls: cls ?? end, sep: end, pad: pad ?? end, ...(mask !== undefined && { mask }) },
  };
  if (isSeparate(settings) && mask === undefined) {
    throw new TuttiError("TOKENIZER_INVALID", "the tokenizer lacks [MASK], separate prediction needs it", {
      hint: "use joint prediction, or the tokenizer of a masked language model",
    });
  }
  const longest = positionsOf(settings);
  if (longest > maxPositions(settings)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `prompts of ${options.maxPromptTokens} and responses of ${options.responseTokens} tokens need ${longest} positions, the backbone has ${maxPositions(settings)}`,
      { hint: "lower the prompt or response tokens" },
    );
  }
  return settings;
}

function countOf(parameters: ReturnType<typeof startParameters>, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + parameters[name]!.data.length, 0);
}

function trainableParameters(settings: LookaheadSettings, options: LookaheadOptions): string[] {
  if (options.tunedLayers === undefined) return Object.keys(lookaheadSpecs(settings));
  if (options.backboneFolder === undefined) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `the last ${options.tunedLayers} layers are to be tuned of a backbone that starts from scratch`,
      { hint: "give the folder of a pretrained backbone" },
    );
  }
  return tunedParameters(settings, options.tunedLayers);
}

function parameterGroups(
  settings: LookaheadSettings,
  options: LookaheadOptions,
  trainable: readonly string[],
) {
  const specs = lookaheadSpecs(settings);
  const names = (decays: boolean): string[] => trainable.filter((name) => specs[name]!.decays === decays);
  return [
    { names: names(true), learningRate: options.learningRate, weightDecay: options.weightDecay },
    { names: names(false), learningRate: options.learningRate, weightDecay: 0 },
  ];
}

/** Everything that the result depends on. Checkpoint frequency, thread count and provider are not part of it. */
function fingerprint(
  settings: LookaheadSettings,
  options: LookaheadOptions,
  records: readonly JudgedRecord[],
): string {
  const {
    checkpointEverySteps: _,
    threads: __,
    provider: _____,
    tokenizerPath: ___,
    backboneFolder: ____,
    ...shaping
  } = options;
  const hash = createHash("sha256").update(JSON.stringify([settings, shaping]));
  for (const { id } of records) hash.update(`\n${id}`);
  return hash.digest("hex");
}
