/** `tutti train reward`: a language model gets a head of one number and learns to rank, or to rate. */
import { createSequenceClassifier, type HuggingFaceConfig } from "../../models/index.ts";
import { initialiseParameters } from "../../nn/index.ts";
import { frozenDigest } from "../../train/frozen.ts";
import { encodeAnswers } from "../data/encode-answers.ts";
import { readAnswers } from "../data/read-answers.ts";
import { createRewardTask, headOf, type RewardGroup, type RewardObjective } from "../reward-task.ts";
import { groupTokens } from "../rows/prompt-responses.ts";
import type { LanguageModel } from "./language-model.ts";
import {
  countReasons,
  fileFacts,
  type PreparedRun,
  type PrepareEvents,
  withFreshAdapter,
} from "./prepared-run.ts";
import { type RunSettings, rowSizes } from "./settings.ts";
import { warnOfFewSteps } from "./warm-up.ts";

export interface RewardSettings extends RunSettings {
  readonly objective: RewardObjective;
}

/** The config.json of a decoder as that of its sequence classifier with one label. */
export function rewardConfig(config: HuggingFaceConfig, paddingId: number): HuggingFaceConfig {
  const [name] = (config.architectures as readonly string[] | undefined) ?? [];
  const architecture = name?.replace(/For(CausalLM|ConditionalGeneration)$|LMHeadModel$/, "");
  return {
    ...config,
    ...(architecture && { architectures: [`${architecture}ForSequenceClassification`] }),
    id2label: { "0": "LABEL_0" },
    label2id: { LABEL_0: 0 },
    pad_token_id: paddingId,
  };
}

/** @throws {TuttiError} as `readAnswers`, `encodeAnswers` and `createRewardTask` */
export async function prepareReward(
  base: LanguageModel,
  settings: RewardSettings,
  events: PrepareEvents = {},
): Promise<PreparedRun> {
  const { objective } = settings;
  const encode = async (paths: readonly string[]) => {
    const use = objective.kind === "regression" ? "scores" : "pairs";
    const { template, bosToken, eosToken } = base;
    const { answered, dropped } = await readAnswers(paths, use, settings.source);
    const encoded = encodeAnswers(base.tokenizer, answered, {
      template,
      bosToken,
      eosToken,
      maxTokens: settings.maxTokens,
    });
    return { ...encoded, dropped: [...dropped, ...encoded.dropped] };
  };
  const training = await encode(settings.data);
  const held = settings.evaluationData && (await encode(settings.evaluationData));
  const config = rewardConfig(base.config, paddingToken(base, training.groups));
  const classifier = createSequenceClassifier(config);
  const sizes = rowSizes(
    [...training.groups, ...(held?.groups ?? [])].map((group) => groupTokens(group, true)),
    settings.tokensAtOnce,
  );
  const taskOn = (groups: readonly RewardGroup[], epochs: number, order: "shuffled" | "given") =>
    createRewardTask(classifier, groups, objective, {
      seed: settings.seed,
      epochs,
      paddingId: 0,
      batching: { ...sizes, groupsPerStep: settings.batch, order },
      ...(settings.adapter && { adapter: settings.adapter }),
    });
  const heads = headOf(classifier);
  const head = initialiseParameters(
    Object.fromEntries(heads.map((name) => [name, classifier.specs[name]!])),
    settings.seed,
  );
  const decoder = Object.entries(base.parameters).filter(([name]) => name in classifier.specs);
  const start = { ...Object.fromEntries(decoder), ...head };
  const task = taskOn(training.groups, settings.epochs, "shuffled");
  warnOfFewSteps(task.totalSteps, settings, events);
  return {
    base: { ...base, config },
    task,
    ...(held && { evaluation: taskOn(held.groups, 1, "given") }),
    specs: classifier.specs,
    parameters: withFreshAdapter(start, classifier.specs, settings),
    close: () => undefined,
    facts: {
      kind: "reward",
      objective: { name: objective.kind, ...objective },
      base: { name: base.name, digest: await frozenDigest(base.parameters) },
      files: await fileFacts([...settings.data, ...(settings.evaluationData ?? [])]),
      examples: training.groups.length,
      evaluationExamples: held?.groups.length ?? 0,
      cut: training.cut,
      dropped: countReasons(training.dropped),
      evaluationDropped: countReasons(held?.dropped ?? []),
    },
  };
}

/**
 * The rewards of a row are read at its last token other than this one, by transformers as here: it must not be the token that
 * answers end with, which the padding token of some models is.
 */
function paddingToken({ config, tokenizer }: LanguageModel, groups: readonly RewardGroup[]): number {
  const ends = new Set(groups.flatMap(({ responses }) => responses.map((ids) => ids.at(-1))));
  const { pad, unk } = tokenizer.specialTokens;
  const usual = [config.pad_token_id, pad, unk].filter((id): id is number => Number.isInteger(id));
  const any = Array.from({ length: ends.size + 1 }, (_, id) => id);
  return [...usual, ...any].find((id) => !ends.has(id))!;
}
