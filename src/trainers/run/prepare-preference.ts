/** `tutti train dpo`: pairs of answers, or single ones with a verdict. */
import { SOURCE_CHOSEN } from "../../judged/formats/entry.ts";
import type { Backend } from "../../runtime/index.ts";
import { frozenDigest } from "../../train/frozen.ts";
import { betaWarning } from "../check-beta.ts";
import { encodeAnswers, withMismatched } from "../data/encode-answers.ts";
import { type AnswerUse, type DroppedAnswer, readAnswers } from "../data/read-answers.ts";
import type { PreferenceObjective } from "../objectives.ts";
import { createPreferenceTask, type PreferenceGroup } from "../preference-task.ts";
import { computeReference, type ReferenceOptions } from "../reference/compute-reference.ts";
import type { ReferenceFile } from "../reference/reference-file.ts";
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

export interface PreferenceSettings extends RunSettings {
  readonly objective: PreferenceObjective;
  /** Where the reference's log-probabilities are kept, for other runs on the same model and data too. */
  readonly referenceFolder: string;
}

function useOf({ roles }: PreferenceObjective): AnswerUse {
  if (roles.includes("answer")) return "verdicts";
  return roles.includes("source") ? "triples" : "pairs";
}

/** Answers of source models, which most objectives have no place for. */
function sourcesWarning(name: string, dropped: readonly Pick<DroppedAnswer, "reason">[]): string | undefined {
  const unused = dropped.filter(({ reason }) => reason === SOURCE_CHOSEN).length;
  if (unused === 0) return undefined;
  return `${name} has no use for the ${unused} answers of source models (source_chosen): they are left out. WRPO learns from them.`;
}

async function groupsOf(base: LanguageModel, paths: readonly string[], settings: PreferenceSettings) {
  const use = useOf(settings.objective);
  const { answered, dropped } = await readAnswers(paths, use, settings.source);
  const { template, bosToken, eosToken } = base;
  const encoded = encodeAnswers(base.tokenizer, answered, {
    template,
    bosToken,
    eosToken,
    maxTokens: settings.maxTokens,
  });
  return {
    ...encoded,
    dropped: [...dropped, ...encoded.dropped],
    groups: use === "verdicts" ? withMismatched(encoded.groups, settings.maxTokens) : encoded.groups,
  };
}

/**
 * Reads and encodes the data, and computes the reference's log-probabilities, or finds them computed.
 *
 * @throws {TuttiError} as `readAnswers`, `encodeAnswers`, `computeReference` and `createPreferenceTask`
 */
export async function preparePreference(
  base: LanguageModel,
  settings: PreferenceSettings,
  backend: Backend,
  events: Pick<ReferenceOptions, "onProgress" | "signal"> & PrepareEvents = {},
): Promise<PreparedRun> {
  const { objective } = settings;
  const training = await groupsOf(base, settings.data, settings);
  const held = settings.evaluationData ? await groupsOf(base, settings.evaluationData, settings) : undefined;
  const sizes = rowSizes(
    [...training.groups, ...(held?.groups ?? [])].map((group) => groupTokens(group, true)),
    settings.tokensAtOnce,
  );
  // Before the reference is computed, which can take hours.
  const lengths = training.groups.flatMap(({ responses }) => responses.map(({ length }) => length));
  const meanTokens = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length);
  const warning = objective.reward && objective.needsReference && betaWarning(objective.reward, meanTokens);
  if (warning) events.onWarning?.(warning);
  const unused = sourcesWarning(objective.name, training.dropped);
  if (unused !== undefined) events.onWarning?.(unused);
  const opened: ReferenceFile[] = [];
  // Held-out data are measured by the objective that training ends with, so that every measure is of the same one.
  const taskOn = async (groups: readonly PreferenceGroup[], epochs: number, order: "shuffled" | "given") => {
    const reference = objective.needsReference
      ? await computeReference(base.model, base.parameters, groups, backend, {
          ...sizes,
          ...events,
          folder: settings.referenceFolder,
          paddingId: 0,
        })
      : undefined;
    if (reference) opened.push(reference);
    return createPreferenceTask(
      base.model,
      groups,
      objective,
      reference && ((group) => reference.row(group)),
      {
        seed: settings.seed,
        epochs,
        paddingId: 0,
        batching: { ...sizes, groupsPerStep: settings.batch, order },
        ...(order === "given" && { progress: 1 }),
        ...(settings.adapter && { adapter: settings.adapter }),
      },
    );
  };
  const task = await taskOn(training.groups, settings.epochs, "shuffled");
  warnOfFewSteps(task.totalSteps, settings, events);
  return {
    base,
    task,
    ...(held && { evaluation: await taskOn(held.groups, 1, "given") }),
    specs: base.model.specs,
    parameters: withFreshAdapter(base.parameters, base.model.specs, settings),
    close: () => {
      for (const reference of opened) reference.close();
    },
    facts: {
      kind: "dpo",
      objective: { name: objective.name, ...objective.settings },
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
