/** Seventh stage: the untouched target, the model after each training and the sources on held-out prompts. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, JudgedGroup } from "../../judged/index.ts";
import { createLocalUpstream, type ModelSampling, type PoolModel } from "../../pool/index.ts";
import { meanOf } from "../../statistics/bootstrap.ts";
import { writePartsAtomic } from "../../support/atomic-file.ts";
import type { Stage, StageResult } from "../stage-runner.ts";
import type { FuseContext } from "./context.ts";
import { groupsOfPart } from "./groups.ts";
import { type JudgingPart, judgeParts, judgingInputs } from "./judging.ts";
import {
  accuracyReading,
  type EvaluatedPrompt,
  measureDomains,
  type PromptOutcome,
  type Systems,
  scoreReading,
  tokenReading,
  winReading,
} from "./measures.ts";
import { promptKeys } from "./prompt-list.ts";
import { listedPrompts, type PromptsResult } from "./prompts-stage.ts";
import { sourceModel } from "./sample-stage.ts";
import {
  answerKeys,
  releaseModels,
  type SampledPart,
  type SamplingPart,
  sampleParts,
  samplingInputs,
  samplingOf,
} from "./sampling.ts";
import type { FuseDomain } from "./settings.ts";
import { modelFolder, type TrainedModel } from "./training.ts";

export interface EvaluateResult extends JsonObject {
  /** Names of the systems. */
  readonly systems: JsonObject;
  /** Percent of answers that are correct. */
  readonly verifiable: readonly JsonObject[];
  /** Mean score of the domain's scorer. */
  readonly judged: readonly JsonObject[];
  /** Percent of the prompts where the score is above the untouched target's. */
  readonly wins: readonly JsonObject[];
  /** Mean tokens of an answer. */
  readonly lengths: readonly JsonObject[];
  /** SHA-256 of the outcomes of every prompt, which lie in the stage's folder. */
  readonly outcomes: string;
}

export const OUTCOMES_FILE = "outcomes.jsonl";

/** What the earlier stages have made. */
export interface Trained {
  readonly prompts: StageResult<PromptsResult>;
  readonly sft: StageResult<TrainedModel>;
  readonly dpo?: StageResult<TrainedModel> | undefined;
}

export function systemsOf({ settings }: Pick<FuseContext, "settings">, hasDpo: boolean): Systems {
  const named = (state: string): string => `${settings.name}/${state}`;
  return {
    start: named("start"),
    sft: named("sft"),
    ...(hasDpo && { dpo: named("dpo") }),
    sources: settings.sources.filter(({ evaluate }) => evaluate).map(({ model }) => model),
  };
}

const FREE = { inputCostUsdPerMillionTokens: 0, outputCostUsdPerMillionTokens: 0 };

function localModel({ settings }: FuseContext, name: string, path: string): PoolModel {
  const { maxBatch, contextTokens, parameters } = settings.target;
  return {
    ...{ name, provider: "local", pricing: FREE, parameters, maxConcurrency: maxBatch },
    upstream: createLocalUpstream({
      ...{ name, path, maxBatch, threads: settings.threads },
      ...(contextTokens !== undefined && { contextLength: contextTokens }),
    }),
  };
}

/** What one model is asked, or all sources together. */
type Asked = readonly SamplingPart[];

function askedOf(context: FuseContext, { prompts, sft, dpo }: Trained): Asked[] {
  const { settings } = context;
  const { samples, parameters } = settings.evaluation;
  const listed = listedPrompts(prompts.folder);
  const partsOf = (modelsOf: (domain: FuseDomain) => readonly ModelSampling[]): SamplingPart[] =>
    settings.domains.map((domain) => ({
      domain: domain.name,
      promptKeys: promptKeys(listed, domain.name, "holdout"),
      models: modelsOf(domain),
    }));
  const names = systemsOf(context, dpo !== undefined);
  const own: (readonly [string, string])[] = [
    [names.start, context.targetPath],
    [names.sft, modelFolder(sft.folder)],
    ...(dpo === undefined ? [] : [[names.dpo!, modelFolder(dpo.folder)] as const]),
  ];
  const trained = own.map(([name, path]): Asked => {
    const model = localModel(context, name, path);
    return partsOf(() => [samplingOf(model, samples, parameters)]);
  });
  const sources = partsOf((domain) =>
    settings.sources
      .filter(({ model, evaluate }) => evaluate && domain.sources.some((one) => one.model === model))
      .map((source) =>
        samplingOf(sourceModel(context, source.model), samples, source.parameters, parameters),
      ),
  );
  return [...trained, sources];
}

/** Every system of a domain together. */
function mergedParts(asked: readonly Asked[]): SamplingPart[] {
  const [first, ...others] = asked;
  return first!.map((part, index) => ({
    ...part,
    models: [...part.models, ...others.flatMap((parts) => parts[index]!.models)],
  }));
}

function outcomeOf(answers: JudgedGroup["answers"], hasScorer: boolean): PromptOutcome {
  const mean = (values: readonly number[]): number | null => (values.length === 0 ? null : meanOf(values));
  const given = answers.filter(({ status }) => status !== "error");
  return {
    correct: mean(given.flatMap(({ isCorrect }) => (isCorrect === null ? [] : [isCorrect ? 1 : 0]))),
    score: hasScorer ? mean(given.flatMap(({ score }) => score ?? [])) : null,
    tokens: mean(given.flatMap(({ tokens }) => tokens ?? [])),
  };
}

async function outcomes(context: FuseContext, parts: readonly SamplingPart[]): Promise<EvaluatedPrompt[]> {
  const { settings, store } = context;
  const domainOf = (name: string) => settings.domains.find((domain) => domain.name === name)!;
  const judging: JudgingPart[] = [];
  for (const part of parts) {
    const { verifier, scorer } = domainOf(part.domain);
    const keys = [...(await answerKeys(part, settings.seed)).values()].flat();
    judging.push({ domain: part.domain, judges: { verifier, scorer }, keys });
  }
  const judged = await judgeParts(context, "evaluate", judging);
  const evaluated: EvaluatedPrompt[] = [];
  for (const part of parts) {
    const { correctAt, scorer } = domainOf(part.domain);
    const judges = { judged: judged[part.domain]!, correctAt };
    for await (const { promptKey, answers } of groupsOfPart(store, part, judges, settings.seed)) {
      const systems = part.models.map(({ model: { name } }) => {
        const own = answers.filter(({ source }) => source === name);
        return [name, outcomeOf(own, scorer !== undefined)] as const;
      });
      evaluated.push({ promptKey, domain: part.domain, systems: Object.fromEntries(systems) });
    }
  }
  return evaluated;
}

function writeOutcomes(path: string, evaluated: readonly EvaluatedPrompt[]): string {
  const hash = createHash("sha256");
  writePartsAtomic(
    path,
    evaluated.map((prompt) => {
      const line = `${JSON.stringify(prompt)}\n`;
      hash.update(line);
      return line;
    }),
  );
  return hash.digest("hex");
}

async function evaluate(context: FuseContext, asked: readonly Asked[], systems: Systems, folder: string) {
  const { settings } = context;
  const sampled: SampledPart[] = [];
  for (const parts of asked) {
    try {
      sampled.push(...Object.values(await sampleParts(context, "evaluate", parts, sampled)));
    } finally {
      await releaseModels(parts);
    }
  }
  const evaluated = await outcomes(context, mergedParts(asked));
  const options = { resamples: settings.evaluation.resamples, seed: settings.seed };
  const table = (
    reading: Parameters<typeof measureDomains>[2],
    name: string,
    hasMean = true,
  ): JsonObject[] => {
    const measured = measureDomains(evaluated, systems, reading, name, { ...options, hasMean });
    return JSON.parse(JSON.stringify(measured)) as JsonObject[];
  };
  return {
    systems: { ...systems } as JsonObject,
    verifiable: table(accuracyReading, "accuracy"),
    judged: table(scoreReading, "score", false),
    wins: table(winReading(systems.start), "wins"),
    lengths: table(tokenReading, "tokens", false),
    outcomes: writeOutcomes(join(folder, OUTCOMES_FILE), evaluated),
  };
}

export async function evaluateStage(context: FuseContext, trained: Trained): Promise<Stage<EvaluateResult>> {
  const { settings } = context;
  const asked = askedOf(context, trained);
  const merged = mergedParts(asked);
  const domains: JsonObject[] = [];
  for (const part of merged)
    domains.push({ domain: part.domain, models: await samplingInputs(part, settings.seed) });
  const rules = settings.domains.map(({ name, correctAt }) => ({ domain: name, correctAt }));
  return {
    name: "evaluate",
    inputs: {
      prompts: trained.prompts.digest,
      ...{ domains, rules, seed: settings.seed, resamples: settings.evaluation.resamples },
      ...(await judgingInputs(context, settings.domains)),
    },
    isIntact: (_, folder) => existsSync(join(folder, OUTCOMES_FILE)),
    run: (folder) => evaluate(context, asked, systemsOf(context, trained.dpo !== undefined), folder),
  };
}
