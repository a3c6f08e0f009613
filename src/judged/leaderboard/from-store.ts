/** Battles and facts of a whole store. */
import { type JudgedPromptFilter, judgedPrompts } from "../judged-prompts.ts";
import { newestJudgements } from "../newest-judgements.ts";
import type { JudgedStore } from "../store/store.ts";
import {
  type AnswerFacts,
  type Battle,
  battlesOfResponses,
  type LeaderboardData,
  type ScoreBattleOptions,
} from "./battle.ts";

/**
 * What one judge says of the answers in a store: its comparisons as they are, and every two models whose answers it
 * scored one by one. Of several versions of the judge the newest counts.
 *
 * @throws {TuttiError} STORE_*
 */
export async function leaderboardDataOfStore(
  store: JudgedStore,
  judge: string,
  { filter, ...options }: ScoreBattleOptions & { readonly filter?: JudgedPromptFilter } = {},
): Promise<LeaderboardData> {
  const battles: Battle[] = [];
  const answers: AnswerFacts[] = [];
  for await (const { prompt, responses, judgements } of judgedPrompts(store, [judge], filter)) {
    const data = battlesOfResponses(prompt, responses, newestJudgements(judgements), options);
    battles.push(...data.battles);
    answers.push(...data.answers);
  }
  return { battles, answers };
}
