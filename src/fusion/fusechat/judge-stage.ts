/** Third stage: verdicts on the sources' answers, each domain by its own judges. */
import type { JsonObject } from "../../judged/index.ts";
import type { Stage, StageResult } from "../stage-runner.ts";
import type { FuseContext } from "./context.ts";
import {
  type JudgedPart,
  type JudgingPart,
  judgeParts,
  judgingInputs,
  ROLES,
  verdictKeys,
} from "./judging.ts";
import type { PromptsResult } from "./prompts-stage.ts";
import { type SampleResult, sourceParts } from "./sample-stage.ts";
import { answerKeys } from "./sampling.ts";

export interface JudgeResult extends JsonObject {
  readonly domains: { readonly [domain: string]: JudgedPart };
}

/** Answers of the training prompts by domain, with their judges. */
async function judgingParts(
  context: FuseContext,
  prompts: StageResult<PromptsResult>,
): Promise<JudgingPart[]> {
  const parts: JudgingPart[] = [];
  for (const part of sourceParts(context, prompts)) {
    const { name, verifier, scorer } = context.settings.domains.find(({ name }) => name === part.domain)!;
    const keys = [...(await answerKeys(part, context.settings.seed)).values()].flat();
    parts.push({ domain: name, judges: { verifier, scorer }, keys });
  }
  return parts;
}

export async function judgeStage(
  context: FuseContext,
  prompts: StageResult<PromptsResult>,
  sampled: StageResult<SampleResult>,
): Promise<Stage<JudgeResult>> {
  const parts = await judgingParts(context, prompts);
  return {
    name: "judge",
    inputs: { answers: sampled.digest, ...(await judgingInputs(context, context.settings.domains)) },
    async isIntact({ domains }) {
      for (const { domain, keys } of parts) {
        for (const role of ROLES) {
          const counts = domains[domain]?.[role];
          if (counts === undefined) continue;
          const found = await context.store.existing("judgements", verdictKeys(counts, keys));
          if (found.size < counts.judged) return false;
        }
      }
      return true;
    },
    run: async () => ({ domains: await judgeParts(context, "judge", parts) }),
  };
}
