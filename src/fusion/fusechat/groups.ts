/** A domain's answers with their verdicts, prompt by prompt, in the order of the settings' sources. */
import {
  groupedAnswer,
  type JudgedGroup,
  type JudgedStore,
  type JudgementRow,
  type PromptRow,
  type ResponseRow,
} from "../../judged/index.ts";
import { keyOf, planJob, type SamplingJob } from "../../pool/sampling/plan.ts";
import { groupedBy } from "../../support/grouped-by.ts";
import { type JudgedPart, verdictKeys } from "./judging.ts";
import type { SamplingPart } from "./sampling.ts";

const PROMPTS_AT_A_TIME = 256;

export interface GroupJudges {
  readonly judged: JudgedPart;
  readonly correctAt: number;
}

async function byKey<Row extends { readonly key: string }>(
  rows: AsyncIterable<Row>,
): Promise<Map<string, Row>> {
  const found = new Map<string, Row>();
  for await (const row of rows) found.set(row.key, row);
  return found;
}

/**
 * One group a prompt, in the order of the prompts; answers stand in the order of the models and their samples. Only the answers
 * that the part wants are among them, whatever else the store holds. Without a scorer the verifier's score ranks.
 */
export async function* groupsOfPart(
  store: JudgedStore,
  { domain, promptKeys, models }: SamplingPart,
  { judged, correctAt }: GroupJudges,
  seed: number,
): AsyncGenerator<JudgedGroup> {
  const jobs: SamplingJob[] = [];
  for (const sampling of models) jobs.push(await planJob(sampling, { prompts: {}, seed }));
  const { verifier, scorer = verifier } = judged;
  const named = {
    ...(scorer && { scorer: `${scorer.judge}@${scorer.version}` }),
    ...(verifier && { verifier: `${verifier.judge}@${verifier.version}` }),
    correctAt,
  };
  for (let start = 0; start < promptKeys.length; start += PROMPTS_AT_A_TIME) {
    const keys = promptKeys.slice(start, start + PROMPTS_AT_A_TIME);
    const wanted = keys.map((promptKey) =>
      jobs.flatMap((job) => Array.from({ length: job.samples }, (_, index) => keyOf(job, promptKey, index))),
    );
    const prompts = await byKey<PromptRow>(store.prompts({ keys }));
    const answers = await byKey<ResponseRow>(store.responses({ keys: wanted.flat() }));
    const verdicts: JudgementRow[] = [];
    for (const judge of new Set([verifier, scorer])) {
      if (judge === undefined) continue;
      for await (const row of store.judgements({ keys: verdictKeys(judge, wanted.flat()) }))
        verdicts.push(row);
    }
    const verdictsOn = groupedBy(verdicts, ({ responseKey }) => responseKey);
    for (const [index, promptKey] of keys.entries()) {
      const { id, messages } = prompts.get(promptKey)!;
      const rows = wanted[index]!.flatMap((key) => answers.get(key) ?? []);
      yield {
        ...{ promptKey, id, domain, messages },
        answers: rows.map((row) => groupedAnswer(row, verdictsOn.get(row.key) ?? [], named)),
      };
    }
  }
}
