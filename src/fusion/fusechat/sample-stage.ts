/** Second stage: answers of the sources to the training prompts, each source with its own settings. */
import type { JsonObject } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Stage, StageResult } from "../stage-runner.ts";
import type { FuseContext } from "./context.ts";
import { promptKeys } from "./prompt-list.ts";
import { listedPrompts, type PromptsResult } from "./prompts-stage.ts";
import {
  answerKeys,
  releaseModels,
  type SampledPart,
  type SamplingPart,
  sampleParts,
  samplingInputs,
  samplingOf,
} from "./sampling.ts";
import type { FuseSettings } from "./settings.ts";

export interface SampleResult extends JsonObject {
  readonly domains: { readonly [domain: string]: SampledPart };
}

/** @throws {TuttiError} UNKNOWN_CANDIDATE for a source that the pool lacks */
export function sourceModel({ pool }: Pick<FuseContext, "pool">, name: string) {
  const model = pool.find(name);
  if (model !== undefined) return model;
  const known = pool.models.map((one) => one.name).join(", ");
  throw new TuttiError("UNKNOWN_CANDIDATE", `the pool has no source "${name}", it has ${known}`, {
    details: { source: name },
    hint: "name models of the pool file as sources",
  });
}

/** A source's own settings. */
export const parametersOf = ({ sources }: FuseSettings, name: string): JsonObject =>
  sources.find(({ model }) => model === name)!.parameters;

/** Every domain's sampling of its sources, on training prompts. */
export function sourceParts(context: FuseContext, prompts: StageResult<PromptsResult>): SamplingPart[] {
  const { settings } = context;
  const listed = listedPrompts(prompts.folder);
  return settings.domains.map((domain) => ({
    domain: domain.name,
    promptKeys: promptKeys(listed, domain.name, "train"),
    models: domain.sources.map(({ model, samples }) =>
      samplingOf(sourceModel(context, model), samples, parametersOf(settings, model)),
    ),
  }));
}

export async function sampleStage(
  context: FuseContext,
  prompts: StageResult<PromptsResult>,
): Promise<Stage<SampleResult>> {
  const { settings, store } = context;
  const parts = sourceParts(context, prompts);
  const domains: JsonObject[] = [];
  for (const part of parts)
    domains.push({ domain: part.domain, models: await samplingInputs(part, settings.seed) });
  return {
    name: "sample",
    inputs: { prompts: prompts.digest, seed: settings.seed, domains },
    async isIntact({ domains: sampled }) {
      for (const part of parts) {
        for (const [model, keys] of await answerKeys(part, settings.seed)) {
          const { wanted, statuses } = sampled[part.domain]!.models[model]!;
          const failed = wanted - total(statuses) + (statuses.error ?? 0);
          if ((await store.existing("responses", keys)).size < wanted - failed) return false;
        }
      }
      return true;
    },
    async run() {
      try {
        return { domains: await sampleParts(context, "sample", parts) };
      } finally {
        await releaseModels(parts);
      }
    },
  };
}

const total = (counts: Readonly<Record<string, number | undefined>>): number =>
  Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
