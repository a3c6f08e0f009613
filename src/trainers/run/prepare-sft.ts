/** `tutti train sft`: conversations to imitate. */
import { frozenDigest } from "../../train/frozen.ts";
import {
  type Batching,
  conversationExamples,
  createCausalLanguageModelTask,
  type FineTuningExample,
} from "../../train/index.ts";
import { packFirstFitDecreasing } from "../../train/packing.ts";
import { countTargets } from "../../train/sequence-rows.ts";
import { readAnswers } from "../data/read-answers.ts";
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

export interface SftSettings extends RunSettings {
  /** NEFTune's alpha; see `neftune` of the fine-tuning task. @default none */
  readonly neftuneAlpha?: number;
}

async function examplesOf(base: LanguageModel, paths: readonly string[], { maxTokens, source }: SftSettings) {
  const { answered, dropped, hasRivals } = await readAnswers(paths, "answers", source);
  const whole = conversationExamples(
    base.tokenizer,
    answered.map(({ id, messages, answers }) => ({
      id,
      messages: [...messages, { role: "assistant", content: answers[0]! }],
    })),
    {
      template: base.template,
      maxTokens: Number.MAX_SAFE_INTEGER,
      bosToken: base.bosToken,
      eosToken: base.eosToken,
    },
  );
  const examples = whole.map(({ id, ids, isTarget }) => ({
    id,
    ids: ids.slice(0, maxTokens),
    isTarget: isTarget.slice(0, maxTokens),
  }));
  const nothing = examples.filter((example) => countTargets(example) === 0);
  return {
    examples,
    cut: whole.filter(({ ids }) => ids.length > maxTokens).length,
    dropped: countReasons([...dropped, ...nothing.map(() => ({ reason: "nothing_to_learn" }))]),
    hasRivals,
  };
}

/**
 * Steps of about `batch` conversations: packed rows are counted by the conversations they hold on average. Memory decides in how
 * many passes of equally many rows a step is computed, not which rows it has.
 */
function batchingOf(examples: readonly FineTuningExample[], settings: RunSettings) {
  const lengths = examples.map(({ ids }) => ids.length);
  const { tokensPerRow, rowsPerBatch } = rowSizes(lengths, settings.tokensAtOnce);
  const perRow = lengths.length / packFirstFitDecreasing(lengths, tokensPerRow).length;
  const rowsPerStep = Math.max(1, Math.round(settings.batch / perRow));
  const batching: Batching = { kind: "packed", tokensPerRow, rowsPerBatch: rowsPerStep };
  const passes = Math.ceil(rowsPerStep / rowsPerBatch);
  return { batching, rowsAtOnce: Math.ceil(rowsPerStep / passes), accumulation: 1 };
}

/** @throws {TuttiError} as `readAnswers`, `conversationExamples` and `createCausalLanguageModelTask` */
export async function prepareSft(
  base: LanguageModel,
  settings: SftSettings,
  events: PrepareEvents = {},
): Promise<PreparedRun> {
  const { examples, dropped, cut, hasRivals } = await examplesOf(base, settings.data, settings);
  if (hasRivals)
    events.onWarning?.(
      "prompts have several answers with scores, and all of them are imitated, the worst too: `tutti data sft` chooses the best",
    );
  const common = {
    seed: settings.seed,
    paddingId: 0,
    ...(settings.adapter && { adapter: settings.adapter }),
  };
  const task = createCausalLanguageModelTask(base.model, examples, {
    ...common,
    ...batchingOf(examples, settings),
    epochs: settings.epochs,
    ...(settings.neftuneAlpha !== undefined && { neftune: { alpha: settings.neftuneAlpha } }),
  });
  const held = settings.evaluationData && (await examplesOf(base, settings.evaluationData, settings));
  const evaluation =
    held &&
    createCausalLanguageModelTask(base.model, held.examples, {
      ...common,
      ...batchingOf(held.examples, settings),
      epochs: 1,
      isTraining: false,
    });
  warnOfFewSteps(task.totalSteps, settings, events);
  return {
    base,
    task,
    ...(evaluation && { evaluation }),
    specs: base.model.specs,
    parameters: withFreshAdapter(base.parameters, base.model.specs, settings),
    close: () => undefined,
    facts: {
      kind: "sft",
      objective: {
        name: "sft",
        ...(settings.neftuneAlpha !== undefined && { neftuneAlpha: settings.neftuneAlpha }),
      },
      base: { name: base.name, digest: await frozenDigest(base.parameters) },
      files: await fileFacts([...settings.data, ...(settings.evaluationData ?? [])]),
      examples: examples.filter((example) => countTargets(example) > 0).length,
      evaluationExamples: held ? held.examples.length : 0,
      cut,
      dropped,
      evaluationDropped: held ? held.dropped : {},
    },
  };
}
