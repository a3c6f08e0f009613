/** What `tutti train sft`, `dpo` and `reward` have in common: options, progress, and the end of a run. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { LoraConfig } from "../nn/index.ts";
import { OPTIMIZER_KINDS } from "../optim/create.ts";
import type { OptimizerSettings } from "../optim/index.ts";
import type { ScheduleKind } from "../optim/schedules.ts";
import { type Backend, createOrtBackend } from "../runtime/index.ts";
import { modelName } from "../support/model-name.ts";
import {
  type LanguageModel,
  loadLanguageModel,
  type PreparedRun,
  type PrepareEvents,
  type RunEvents,
  type RunSettings,
  runTraining,
  type Score,
  writeTrainedModel,
} from "../trainers/index.ts";
import { meansNothing, numberBetween, wholeNumber } from "./flags.ts";
import { interruptSignal, printResult, say } from "./io.ts";
import { MODEL_ARGUMENT, modelPath } from "./model-source.ts";
import { createProgress } from "./progress.ts";
import { evaluationJudge, evaluationScore, sayScore } from "./training-evaluation.ts";

export interface TrainingFlags {
  readonly model: string;
  readonly data: string[];
  readonly eval?: string[];
  readonly format?: string;
  readonly judge?: string;
  readonly out: string;
  readonly epochs: number;
  readonly batch: number;
  readonly maxTokens: number;
  readonly tokensAtOnce: number;
  readonly learningRate?: number;
  readonly weightDecay: number;
  readonly optimizer: (typeof OPTIMIZER_KINDS)[number];
  readonly schedule: ScheduleKind;
  readonly warmup: number;
  readonly clip: number;
  readonly loraRank?: number;
  readonly loraAlpha?: number;
  readonly seed: number;
  readonly checkpointEvery: number;
  readonly evalEvery?: number;
  readonly evalPrompts?: string[];
  readonly evalJudge?: string;
  readonly evalMaxTokens?: number;
  readonly threads: number;
}

export interface TrainingDefaults {
  readonly epochs: number;
  /** Of all weights, and of an adapter. */
  readonly learningRate: readonly [full: number, adapter: number];
  /** For the help: defaults that depend on other flags. */
  readonly learningRateNote?: string;
}

const EVAL_EVERY = 50;

const above = (name: string) => numberBetween(name, Number.MIN_VALUE, Number.MAX_VALUE);

export function addTrainingFlags(command: Command, defaults: TrainingDefaults): Command {
  const { epochs, learningRate, learningRateNote = "" } = defaults;
  return command
    .requiredOption("--model <model>", MODEL_ARGUMENT)
    .requiredOption("--data <file...>", "training data, in any format of `tutti data`")
    .option(
      "--eval <file...>",
      "held-out data: measured on the way, and the best weights by its loss are kept",
    )
    .option("--format <name>", "format of all data files; told by their content otherwise")
    .option("--judge <name>", "whose verdicts and scores count, where there are several judges'")
    .requiredOption("--out <dir>", "folder of the run: training/, model/ and, with --lora-rank, adapter/")
    .option("--epochs <n>", "passes over the data", above("--epochs"), epochs)
    .option("--batch <n>", "prompts, with all their answers, of a step", wholeNumber("--batch", 1), 16)
    .option(
      "--max-tokens <n>",
      "of prompt and answer together; answers are cut",
      wholeNumber("--max-tokens", 2),
      1024,
    )
    .option(
      "--tokens-at-once <n>",
      "of one forward pass: less takes less memory and computes the same",
      wholeNumber("--tokens-at-once", 1),
      2048,
    )
    .option(
      "--learning-rate <rate>",
      `peak (default: ${learningRate[0]}, with --lora-rank ${learningRate[1]}${learningRateNote})`,
      above("--learning-rate"),
    )
    .option("--weight-decay <x>", "of matrices", numberBetween("--weight-decay", 0, 1), 0)
    .addOption(new Option("--optimizer <name>", "optimiser").choices(OPTIMIZER_KINDS).default("adamw"))
    .addOption(
      new Option("--schedule <name>", "of the learning rate, after its warm-up")
        .choices(["cosine", "linear", "constant"])
        .default("cosine"),
    )
    .option("--warmup <share>", "share of the steps", numberBetween("--warmup", 0, 1), 0.1)
    .option(
      "--clip <norm>",
      "global gradient norm; 0 is off",
      numberBetween("--clip", 0, Number.MAX_VALUE),
      1,
    )
    .option(
      "--lora-rank <r>",
      "train an adapter of this rank on every linear layer",
      wholeNumber("--lora-rank", 1),
    )
    .option("--lora-alpha <x>", "its alpha (default: twice the rank)", above("--lora-alpha"))
    .option("--seed <n>", "seed of the whole run", wholeNumber("--seed", 0), 0)
    .option("--checkpoint-every <steps>", "steps", wholeNumber("--checkpoint-every", 1), 25)
    .option(
      "--eval-every <steps>",
      `between measurements: steps (default: ${EVAL_EVERY})`,
      wholeNumber("--eval-every", 1),
    )
    .option("--threads <n>", "compute threads", wholeNumber("--threads", 1), 2);
}

/** @throws {TuttiError} INVALID_ARGUMENT for a flag without the one that it belongs to */
export function runSettings(flags: TrainingFlags, defaults: TrainingDefaults): RunSettings {
  if (flags.loraAlpha !== undefined && flags.loraRank === undefined)
    throw meansNothing("--lora-alpha", "without --lora-rank", "leave it out, or say the rank");
  if (flags.evalEvery !== undefined && flags.eval === undefined && flags.evalPrompts === undefined)
    throw meansNothing("--eval-every", "without --eval", "leave it out, or name held-out data");
  const adapter: LoraConfig | undefined =
    flags.loraRank === undefined
      ? undefined
      : {
          name: "default",
          rank: flags.loraRank,
          alpha: flags.loraAlpha ?? 2 * flags.loraRank,
          targets: "all-linear",
        };
  return {
    data: flags.data,
    ...(flags.eval && { evaluationData: flags.eval }),
    ...((flags.format !== undefined || flags.judge !== undefined) && {
      source: {
        ...(flags.format !== undefined && { format: flags.format }),
        ...(flags.judge !== undefined && { judge: flags.judge }),
      },
    }),
    out: flags.out,
    seed: flags.seed,
    epochs: flags.epochs,
    batch: flags.batch,
    maxTokens: flags.maxTokens,
    tokensAtOnce: flags.tokensAtOnce,
    learningRate: flags.learningRate ?? defaults.learningRate[adapter ? 1 : 0],
    weightDecay: flags.weightDecay,
    optimizer: { kind: flags.optimizer } as OptimizerSettings,
    schedule: flags.schedule,
    warmupShare: flags.warmup,
    maxGradientNorm: flags.clip,
    ...(adapter && { adapter }),
    checkpointEverySteps: flags.checkpointEvery,
    validateEverySteps: flags.evalEvery ?? EVAL_EVERY,
  };
}

type Prepare = (
  base: LanguageModel,
  backend: Backend,
  events: PrepareEvents & { readonly signal: AbortSignal },
) => Promise<PreparedRun>;

/** Prepares, trains and writes; what is told of it on the way goes to stderr. */
export async function trainAndWrite(
  flags: TrainingFlags,
  settings: RunSettings,
  prepare: Prepare,
): Promise<void> {
  const signal = interruptSignal();
  const judge = await evaluationJudge(flags);
  try {
    const base = loadLanguageModel(await modelPath(flags.model), modelName(flags.model));
    const score = judge && (await evaluationScore(flags, base, judge, settings.adapter));
    const backend = createOrtBackend({ threads: flags.threads });
    const run = await prepare(base, backend, { signal, onWarning: (warning) => say(`warning: ${warning}`) });
    try {
      await trainPrepared(run, settings, backend, signal, score);
    } finally {
      run.close();
    }
  } finally {
    await judge?.close?.();
  }
}

async function trainPrepared(
  run: PreparedRun,
  settings: RunSettings,
  backend: Backend,
  signal: AbortSignal,
  score: Score | undefined,
): Promise<void> {
  sayFacts(run);
  const progress = createProgress(process.stderr, {
    label: "training",
    total: run.task.totalSteps,
    unit: "steps",
  });
  const events: RunEvents = {
    signal,
    onScore: sayScore,
    onStep: ({ step, loss, gradientNorm, metrics, peakMemoryBytes }) => {
      const shown = ["rewards/margins", "rewards/accuracies", "source_share"].flatMap((name) =>
        metrics[name] === undefined
          ? []
          : [`${name.split("/").at(-1)!.replace("_", " ")} ${metrics[name].toFixed(3)}`],
      );
      const notes = [`loss ${loss.toFixed(4)}`, ...shown, `norm ${gradientNorm.toFixed(2)}`];
      progress.update(step + 1, [...notes, `peak ${(peakMemoryBytes / 2 ** 30).toFixed(1)} GiB`].join("  "));
    },
    onMeasure: ({ loss, metrics }) => {
      const accuracy = metrics["rewards/accuracies"];
      const also = accuracy === undefined ? "" : `, accuracy ${accuracy.toFixed(3)}`;
      say(`held out: loss ${loss.toFixed(4)}${also}`);
    },
  };
  const finished = await runTraining(run, settings, backend, events, score);
  progress.finish(`loss ${finished.training.loss.toFixed(4)}`);
  const { model, adapter } = writeTrainedModel(run, finished, settings);
  if (finished.best) say(`kept: the weights after step ${finished.best.step}`);
  if (adapter !== undefined) say(`adapter written to ${adapter}`);
  say(`metrics: ${join(settings.out, "training", "metrics.jsonl")}`);
  say(`next: ${NEXT[run.facts.kind](model)}`);
  printResult(model);
}

const NEXT: Readonly<Record<PreparedRun["facts"]["kind"], (model: string) => string>> = {
  sft: (model) => `tutti model chat ${model}`,
  dpo: (model) => `tutti model chat ${model}`,
  reward: (model) => `name ${model} as a judge's reward model (docs/judges-models.md)`,
};

function sayFacts({ facts, task }: PreparedRun): void {
  const { examples, evaluationExamples, cut, dropped, evaluationDropped } = facts;
  say(`${examples} examples, ${evaluationExamples} held out, ${task.totalSteps} steps`);
  if (cut > 0) say(`${cut} answers were cut to the length allowed`);
  for (const [reason, count] of Object.entries(dropped)) say(`left out: ${count} ${reason}`);
  for (const [reason, count] of Object.entries(evaluationDropped))
    say(`left out of the held-out data: ${count} ${reason}`);
}
