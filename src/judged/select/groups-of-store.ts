/** Groups for selectors out of a store: responses with what the named judges said. */
import { TuttiError } from "../../support/errors.ts";
import { groupedBy } from "../../support/grouped-by.ts";
import { type JudgedPromptFilter, judgedPrompts } from "../judged-prompts.ts";
import { isOfJudge, newestJudgements } from "../newest-judgements.ts";
import type { JudgementRow, PromptRow, ResponseRow } from "../store/rows.ts";
import type { JudgedStore } from "../store/store.ts";
import type { GroupedAnswer, JudgedGroup } from "./group.ts";

export interface StoreJudges {
  /** Judge whose score counts, or `NAME@VERSION`; without it no answer is scored. */
  readonly scorer?: string;
  /** Judge whose score, from `correctAt` on, means correct; without it no answer is verified. */
  readonly verifier?: string;
  /** @default 1 */
  readonly correctAt?: number;
}

export interface StoreGroupsOptions extends StoreJudges {
  readonly filter?: JudgedPromptFilter;
}

/** What verifiers write down as the answer that they read. */
function finalAnswerOf(verdict: JudgementRow | undefined): string | null {
  const { extracted, answer } = verdict?.explanation ?? {};
  const found = extracted ?? answer;
  return typeof found === "string" && found !== "" ? found : null;
}

/** Puts one response and its judgements into the shape that selectors read; of several versions of a judge the newest counts. */
export function groupedAnswer(
  response: ResponseRow,
  judgements: readonly JudgementRow[],
  { scorer, verifier, correctAt = 1 }: StoreJudges,
): GroupedAnswer {
  const own = judgements.filter(
    ({ responseKey, rivalKey }) => responseKey === response.key && rivalKey === undefined,
  );
  const by = (judge: string | undefined) =>
    newestJudgements(own.filter((row) => isOfJudge(row, judge))).at(0);
  const score = by(scorer)?.score ?? null;
  const verdict = by(verifier);
  const { completionTokens, logProbability } = response;
  return {
    key: response.key,
    source: response.model,
    text: response.text,
    status: response.status,
    score,
    isCorrect: verdict === undefined || verdict.score === null ? null : verdict.score >= correctAt,
    finalAnswer: finalAnswerOf(verdict),
    ...(completionTokens !== undefined && { tokens: completionTokens }),
    ...(logProbability !== undefined && { logProbability }),
  };
}

/**
 * One group a prompt, streamed: a few hundred prompts are held at a time. A verifier's final answer is `extracted` or
 * `answer` of its explanation.
 *
 * @throws {TuttiError} INVALID_ARGUMENT without scorer and verifier, STORE_*
 */
export async function* groupsOfStore(
  store: JudgedStore,
  { filter = {}, ...judges }: StoreGroupsOptions,
): AsyncGenerator<JudgedGroup> {
  const names = [judges.scorer, judges.verifier].filter((name) => name !== undefined);
  if (names.length === 0) {
    throw new TuttiError("INVALID_ARGUMENT", "judges: received none, expected a scorer or a verifier", {
      hint: "name a judge whose judgements the store holds; tutti store stats lists them",
    });
  }
  for await (const { prompt, responses, judgements } of judgedPrompts(store, names, filter)) {
    const ofResponse = groupedBy(judgements, ({ responseKey }) => responseKey);
    yield groupOf(
      prompt,
      responses.map((row) => groupedAnswer(row, ofResponse.get(row.key) ?? [], judges)),
    );
  }
}

const groupOf = ({ key, id, domain, messages }: PromptRow, answers: GroupedAnswer[]): JudgedGroup => ({
  promptKey: key,
  id,
  domain,
  messages,
  answers,
});
