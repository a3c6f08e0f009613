/** `tutti train sft`: conversations to imitate. */
import { basename } from "node:path";
import { frozenDigest } from "../../train/frozen.ts";
import {
  type Batching,
  conversationExamples,
  createCausalLanguageModelTask,
  type FineTuningExample,
} from "../../train/index.ts";
import { countTargets } from "../../train/sequence-rows.ts";
import { readAnswers } from "../data/read-answers.ts";
import type { LanguageModel } from "./language-model.ts";
import { countReasons, fileFacts, type PreparedRun, withFreshAdapter } from "./prepared-run.ts";
import { type RunSettings, rowSizes } from "./settings.ts";

export interface SftSettings extends RunSettings {
  /** NEFTune's alpha; see `neftune` of the fine-tuning task. @default none */
  readonly neftuneAlpha?: number;
}

async function examplesOf(base: LanguageModel, paths: readonly string[], maxTokens: number) {
  const { answered, dropped } = await readAnswers(paths, "answers");
  const examples = conversationExamples(
    base.tokenizer,
    answered.map(({ id, messages, answers }) => ({
      id,
      messages: [...messages, { role: "assistant", content: answers[0]! }],
    })),
    { template: base.template, maxTokens, bosToken: base.bosToken, eosToken: base.eosToken },
  );
  return { examples, dropped };
}

/**
 * Steps of about `batch` conversations: packed rows are counted by the conversations they hold on average. Memory decides in how
 * many passes of equally many rows a step is computed, not which rows it has.
 */
function batchingOf(examples: readonly FineTuningExample[], settings: RunSettings) {
  const lengths = examples.map(({ ids }) => ids.length);
  const { tokensPerRow, rowsPerBatch } = rowSizes(lengths, settings.tokensAtOnce);
  const perRow = (lengths.length * tokensPerRow) / lengths.reduce((sum, length) => sum + length, 0);
  const rowsPerStep = Math.max(1, Math.round(settings.batch / perRow));
  const batching: Batching = { kind: "packed", tokensPerRow, rowsPerBatch: rowsPerStep };
  const passes = Math.ceil(rowsPerStep / rowsPerBatch);
  return { batching, rowsAtOnce: Math.ceil(rowsPerStep / passes), accumulation: 1 };
}

/** @throws {TuttiError} as `readAnswers`, `conversationExamples` and `createCausalLanguageModelTask` */
export async function prepareSft(base: LanguageModel, settings: SftSettings): Promise<PreparedRun> {
  const { examples, dropped } = await examplesOf(base, settings.data, settings.maxTokens);
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
  const held = settings.evaluationData
    ? (await examplesOf(base, settings.evaluationData, settings.maxTokens)).examples
    : [];
  const evaluation =
    held.length > 0 &&
    createCausalLanguageModelTask(base.model, held, {
      ...common,
      ...batchingOf(held, settings),
      epochs: 1,
      isTraining: false,
    });
  return {
    base,
    task,
    ...(evaluation && { evaluation }),
    specs: base.model.specs,
    parameters: withFreshAdapter(base.parameters, base.model.specs, settings),
    warnings: [],
    close: () => undefined,
    facts: {
      kind: "sft",
      objective: {
        name: "sft",
        ...(settings.neftuneAlpha !== undefined && { neftuneAlpha: settings.neftuneAlpha }),
      },
      base: { name: basename(base.path), digest: await frozenDigest(base.parameters) },
      files: await fileFacts([...settings.data, ...(settings.evaluationData ?? [])]),
      examples: examples.filter((example) => countTargets(example) > 0).length,
      evaluationExamples: held.length,
      cut: examples.filter(({ ids }) => ids.length === settings.maxTokens).length,
      dropped: countReasons([...dropped, ...task.leftOut.map(() => ({ reason: "nothing_to_learn" }))]),
    },
  };
}
