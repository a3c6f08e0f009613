/** What a run would do, and what of it is there already. Nothing is written, nothing is asked of a model. */
import type { JsonObject, JudgedStore, PromptRow } from "../../judged/index.ts";
import { withDefaults } from "../../pool/default-parameters.ts";
import { costUsd, estimateTokens, type ModelSampling, type PoolModel } from "../../pool/index.ts";
import { finishedStage, type Stage } from "../stage-runner.ts";
import type { FuseContext } from "./context.ts";
import { dpoStage } from "./dpo-stage.ts";
import { evaluateStage } from "./evaluate-stage.ts";
import { judgeStage } from "./judge-stage.ts";
import { judgingInputs, ROLES } from "./judging.ts";
import { type DividedDomain, type DomainPrompts, dividedDomains, promptsStage } from "./prompts-stage.ts";
import { reportStage } from "./report.ts";
import { sampleStage, sourceModel } from "./sample-stage.ts";
import { answerKeys, samplingOf } from "./sampling.ts";
import { selectStage } from "./select-stage.ts";
import type { FuseSettings } from "./settings.ts";
import { sftStage } from "./sft-stage.ts";

/** Answers of one model to one domain. */
export interface PlannedAnswers {
  readonly purpose: "training" | "evaluation";
  readonly domain: string;
  readonly model: string;
  readonly wanted: number;
  /** Of them in the store. */
  readonly there: number;
  /** Of the missing ones: prompts by their length, answers by the mean of those there, or as long as they may be. */
  readonly estimate: {
    readonly promptTokens: number;
    readonly completionTokens: number;
    readonly costUsd: number;
  };
}

export interface PlannedVerdicts {
  readonly purpose: "training" | "evaluation";
  readonly domain: string;
  readonly judge: string;
  readonly wanted: number;
}

/**
 * Rows and steps of a training: once the sets are selected exact rows, bounds before. Steps of supervised fine-tuning are about
 * these: it packs conversations into rows by their tokens, which are not counted here.
 */
export interface PlannedTraining {
  readonly rows: readonly [least: number, most: number];
  readonly steps: readonly [least: number, most: number];
}

export interface FusePlan {
  readonly domains: Readonly<Record<string, DomainPrompts>>;
  /** Names of the stages that are done, in order. */
  readonly done: readonly string[];
  readonly answers: readonly PlannedAnswers[];
  readonly verdicts: readonly PlannedVerdicts[];
  readonly sft: PlannedTraining;
  readonly dpo: PlannedTraining | null;
  readonly missing: { readonly answers: number; readonly tokens: number; readonly costUsd: number };
}

/** A run's context; without a store where there is none yet, without a target where it is not on this machine. */
export type PlanContext = Omit<FuseContext, "store" | "targetPath"> & {
  readonly store: JudgedStore | undefined;
  readonly targetPath: string | undefined;
};

/** Tokens of an answer of a model that nothing limits and of which nothing is known. */
const USUAL_ANSWER_TOKENS = 1024;

async function estimateOf(
  { model, parameters, samples }: ModelSampling,
  prompts: readonly PromptRow[],
  missing: number,
  store: JudgedStore | undefined,
  known: readonly string[],
): Promise<PlannedAnswers["estimate"]> {
  const { max_completion_tokens: most, max_tokens: limit = most } = withDefaults(
    model.parameters ?? {},
    parameters,
  );
  let [count, tokens] = [0, 0];
  if (known.length > 0) {
    for await (const { completionTokens } of store!.responses({ keys: known })) {
      if (completionTokens === undefined) continue;
      count++;
      tokens += completionTokens;
    }
  }
  const each = count > 0 ? tokens / count : typeof limit === "number" ? limit : USUAL_ANSWER_TOKENS;
  const words = prompts.reduce(
    (sum, { messages }) => sum + estimateTokens(messages.map(({ content }) => content).join("\n")),
    0,
  );
  const promptTokens = Math.round((words * samples * missing) / Math.max(1, prompts.length * samples));
  const completionTokens = Math.round(each * missing);
  return { promptTokens, completionTokens, costUsd: costUsd(model.pricing, promptTokens, completionTokens) };
}

async function plannedAnswers(
  { settings, store }: PlanContext,
  purpose: PlannedAnswers["purpose"],
  domain: string,
  sampling: ModelSampling,
  prompts: readonly PromptRow[],
): Promise<PlannedAnswers> {
  const part = { domain, promptKeys: prompts.map(({ key }) => key), models: [sampling] };
  const keys = [...(await answerKeys(part, settings.seed)).values()].flat();
  const there = store === undefined ? new Set<string>() : await store.existing("responses", keys);
  const missing = keys.length - there.size;
  return {
    ...{ purpose, domain, model: sampling.model.name, wanted: keys.length, there: there.size },
    estimate: await estimateOf(sampling, prompts, missing, store, [...there]),
  };
}

async function domainAnswers(
  context: PlanContext,
  { domain, train, holdout }: DividedDomain,
): Promise<PlannedAnswers[]> {
  const { settings } = context;
  const { evaluation } = settings;
  const planned: PlannedAnswers[] = [];
  for (const { model: name, parameters, evaluate } of settings.sources) {
    const source = domain.sources.find((one) => one.model === name);
    if (source === undefined) continue;
    const model: PoolModel = sourceModel(context, name);
    const training = samplingOf(model, source.samples, parameters);
    planned.push(await plannedAnswers(context, "training", domain.name, training, train));
    if (!evaluate) continue;
    const asked = samplingOf(model, evaluation.samples, parameters, evaluation.parameters);
    planned.push(await plannedAnswers(context, "evaluation", domain.name, asked, holdout));
  }
  return planned;
}

const hasPairs = ({ domains }: FuseSettings): boolean => domains.some(({ pairs }) => pairs.choose !== "none");

function plannedVerdicts(
  settings: FuseSettings,
  domains: FusePlan["domains"],
  answers: readonly PlannedAnswers[],
): PlannedVerdicts[] {
  // The target, and what it becomes.
  const ownModels = hasPairs(settings) ? 3 : 2;
  return settings.domains.flatMap((domain) =>
    (["training", "evaluation"] as const).flatMap((purpose) => {
      const own = answers.filter((one) => one.domain === domain.name && one.purpose === purpose);
      const wanted = own.reduce((sum, one) => sum + one.wanted, 0);
      const ofTarget = ownModels * settings.evaluation.samples * domains[domain.name]!.holdout;
      const all = purpose === "training" ? wanted : wanted + ofTarget;
      return ROLES.flatMap((role) => {
        const judge = domain[role];
        return judge === undefined ? [] : [{ purpose, domain: domain.name, judge, wanted: all }];
      });
    }),
  );
}

/** The training sets of a run that has selected them. */
export interface SelectedSets {
  readonly folder: string;
  readonly sft: number;
  readonly pairs: number;
}

interface Found {
  readonly done: readonly string[];
  readonly sets?: SelectedSets;
}

/** Follows the stages as far as they are done. */
async function finishedStages(given: PlanContext): Promise<Found> {
  const { store, targetPath = "", settings } = given;
  if (store === undefined) return { done: [] };
  const context: FuseContext = { ...given, store, targetPath };
  const done: string[] = [];
  const next = async <Result extends JsonObject>(stage: Stage<Result>) => {
    const finished = await finishedStage(context.folder, stage);
    if (finished !== undefined) done.push(finished.name);
    return finished;
  };
  const prompts = await next(await promptsStage(context));
  if (prompts === undefined) return { done };
  const sample = await next(await sampleStage(context, prompts));
  if (sample === undefined) return { done };
  const judge = await next(await judgeStage(context, prompts, sample));
  if (judge === undefined) return { done };
  const select = await next(selectStage(context, prompts, sample, judge));
  if (select === undefined) return { done };
  const { sft: answers, pairs } = select.result;
  const found = { done, sets: { folder: select.folder, sft: answers.rows, pairs: pairs.rows } };
  // What is trained depends on the target's weights.
  const sft = targetPath === "" ? undefined : await next(await sftStage(context, select));
  const dpo = sft && hasPairs(settings) ? await next(dpoStage(context, select, sft)) : undefined;
  if (sft === undefined || (hasPairs(settings) && dpo === undefined)) return found;
  const evaluate = await next(await evaluateStage(context, { prompts, sft, dpo }));
  if (evaluate !== undefined)
    await next(reportStage(context, { prompts, sample, judge, select, sft, dpo, evaluate }));
  return found;
}

/** The training sets of the run, where they are selected. */
export const selectedSets = async (context: PlanContext): Promise<SelectedSets | undefined> =>
  (await finishedStages(context)).sets;

function plannedTraining(
  rows: readonly [number, number],
  { epochs, batch }: { readonly epochs: number; readonly batch: number },
): PlannedTraining {
  const steps = (count: number): number => Math.ceil(Math.ceil(count / batch) * epochs);
  return { rows, steps: [steps(rows[0]), steps(rows[1])] };
}

/** Bounds of the sets: how many prompts give an answer or a pair is known once they are judged. */
function bounds(settings: FuseSettings, domains: FusePlan["domains"]) {
  let [sft, pairs] = [0, 0];
  for (const { name, sft: rule, pairs: pairRule } of settings.domains) {
    const { train } = domains[name]!;
    const imitated = Math.floor(rule.promptShare * train);
    const isMoved = pairRule.choose !== "none" && pairRule.unpaired === "sft";
    sft += isMoved ? train : imitated;
    if (pairRule.choose !== "none") pairs += train - imitated;
  }
  return { sft, pairs };
}

/** @throws {TuttiError} as the stages of prompts, and UNKNOWN_CANDIDATE */
export async function planFuseChat(context: PlanContext): Promise<FusePlan> {
  const { settings, signal } = context;
  await judgingInputs(context, settings.domains);
  const domains: Record<string, DomainPrompts> = {};
  const answers: PlannedAnswers[] = [];
  for await (const divided of dividedDomains(settings, signal)) {
    domains[divided.domain.name] = divided.counts;
    answers.push(...(await domainAnswers(context, divided)));
  }
  const { done, sets } = await finishedStages(context);
  const most = bounds(settings, domains);
  const range = (exact: number | undefined, upper: number): [number, number] => [exact ?? 0, exact ?? upper];
  return {
    ...{ domains, done, answers, verdicts: plannedVerdicts(settings, domains, answers) },
    sft: plannedTraining(range(sets?.sft, most.sft), settings.sft),
    dpo: hasPairs(settings) ? plannedTraining(range(sets?.pairs, most.pairs), settings.dpo) : null,
    missing: {
      answers: answers.reduce((sum, { wanted, there }) => sum + wanted - there, 0),
      tokens: answers.reduce(
        (sum, { estimate }) => sum + estimate.promptTokens + estimate.completionTokens,
        0,
      ),
      costUsd: answers.reduce((sum, { estimate }) => sum + estimate.costUsd, 0),
    },
  };
}
