/** Flags of `tutti router train` that choose how a Lookahead model is trained, and their place in its options. */
import { type Command, Option } from "commander";
import { LOOKAHEAD_PRESETS, type LookaheadPreset, lookaheadPreset } from "../routing/defaults.ts";
import {
  BEST_BY,
  type BestBy,
  type LookaheadOptions,
  MASKINGS,
  type Masking,
  NORMALISATIONS,
  type Normalisation,
  POOLINGS,
  POSITION_POLICIES,
  type Pooling,
  type PositionPolicy,
  PREDICTIONS,
  type Prediction,
  ROUTING_LOSSES,
  type RoutingLoss,
  SPANS,
  type Span,
  type Variant,
} from "../routing/lookahead/index.ts";
import { numberBetween, wholeNumber } from "./flags.ts";

export interface LookaheadFlags {
  readonly preset: LookaheadPreset;
  readonly routingLoss?: RoutingLoss;
  readonly labelThreshold?: number;
  readonly temperature?: number;
  readonly normalisation?: Normalisation;
  readonly masking?: Masking;
  readonly maskStart?: number;
  readonly maskFraction?: number;
  readonly prediction?: Prediction;
  readonly positions?: PositionPolicy;
  readonly pooling?: Pooling;
  readonly span?: Span;
  readonly responseTokens?: number;
  readonly promptTokens?: number;
  readonly responseWeight?: number;
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly bestBy?: BestBy;
}

const PRESET_NOTE =
  "\nThe options of the method start from --preset; docs/lookahead.md tells what each does and where its value is from.";

/** Adds the flags to a command; each one given replaces the preset's value. */
export function addLookaheadFlags(command: Command): Command {
  const choice = (flag: string, help: string, choices: readonly string[]): void => {
    command.addOption(new Option(`${flag} <name>`, help).choices(choices));
  };
  command.addOption(
    new Option("--preset <name>", "values to start from: this package's, the paper's, its released scripts'")
      .choices(LOOKAHEAD_PRESETS)
      .default("default"),
  );
  choice("--routing-loss", "how scores are learned", ROUTING_LOSSES);
  command
    .option(
      "--label-threshold <share>",
      "bce: good from this share of the prompt's best score on",
      numberBetween("--label-threshold", 0.01, 1),
    )
    .option(
      "--temperature <t>",
      "kl, reverse-kl: targets are softmax(score / t)",
      numberBetween("--temperature", 0.001, 1_000),
    );
  choice("--normalisation", "scale of scores: per dataset, or per prompt after that", NORMALISATIONS);
  choice("--masking", "mlm: which response tokens are hidden first", MASKINGS);
  command
    .option("--mask-start <rate>", "mlm: share hidden at the start", numberBetween("--mask-start", 0, 1))
    .option(
      "--mask-fraction <share>",
      "mlm: share of the training until all is hidden",
      numberBetween("--mask-fraction", 0, 1),
    );
  choice("--prediction", "mlm: all candidates in one sequence, or one each", PREDICTIONS);
  choice("--positions", "of a candidate's block: from the prompt's end, or running on", POSITION_POLICIES);
  choice("--pooling", "joint mlm and mlc: what the scores are read from", POOLINGS);
  choice("--span", "which part of a long response is modelled", SPANS);
  choice("--best-by", "which checkpoint is kept: least loss, or best score of the chosen models", BEST_BY);
  return command
    .option("--response-tokens <n>", "modelled per response", wholeNumber("--response-tokens", 1))
    .option("--prompt-tokens <n>", "most a prompt keeps, from its end", wholeNumber("--prompt-tokens", 8))
    .option(
      "--response-weight <lambda>",
      "weight of response modelling in the loss",
      numberBetween("--response-weight", 0, 1_000),
    )
    .option("--learning-rate <rate>", "peak of the schedule", numberBetween("--learning-rate", 0, 1))
    .option("--batch-size <n>", "prompts per micro-batch", wholeNumber("--batch-size", 1))
    .addHelpText("after", PRESET_NOTE);
}

/** Options of a run: the preset's, with what the flags say. */
export function lookaheadOptionsOf(
  flags: LookaheadFlags,
  variant: Variant,
  isPretrained: boolean,
): LookaheadOptions {
  const given = {
    routingLoss: flags.routingLoss,
    labelThreshold: flags.labelThreshold,
    temperature: flags.temperature,
    normalisation: flags.normalisation,
    masking: flags.masking,
    curriculumStart: flags.maskStart,
    curriculumFraction: flags.maskFraction,
    prediction: flags.prediction,
    positions: flags.positions,
    pooling: flags.pooling,
    span: flags.span,
    responseTokens: flags.responseTokens,
    maxPromptTokens: flags.promptTokens,
    lambda: flags.responseWeight,
    learningRate: flags.learningRate,
    batchSize: flags.batchSize,
    bestBy: flags.bestBy,
  };
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...lookaheadPreset(flags.preset, variant, isPretrained), ...chosen };
}
