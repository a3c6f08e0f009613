/**
 * The judge by whatever a prompt's reference holds: tests are run, constraints are checked, an answer is compared. Scores are 1 for right
 * and 0 for wrong in every case, so that prompts of several kinds have one judge.
 */
import type { PromptRow } from "../judged/index.ts";
import { TuttiError } from "../support/errors.ts";
import { leastConcurrency } from "./concurrency.ts";
import type { Judge } from "./judge.ts";

/**
 * The first of the judges that can judge the prompt has the word. The explanation is that judge's, with its name.
 *
 * @throws {TuttiError} when asked: JUDGE_INVALID where none of them can judge the prompt
 */
export function createVerifier(judges: readonly Judge[]): Judge {
  const judgeOf = (prompt: PromptRow): Judge | undefined =>
    judges.find(({ canJudge }) => canJudge?.(prompt) ?? true);
  return {
    name: "verifier",
    version: judges.map(({ name, version }) => `${name}:${version}`).join(","),
    maxConcurrency: leastConcurrency(judges),
    canJudge: (prompt) => judgeOf(prompt) !== undefined,
    mostSpent: (prompt, answers) => judgeOf(prompt)?.mostSpent?.(prompt, answers) ?? { usd: 0, tokens: 0 },
    async judge(prompt, response, options) {
      const judge = judgeOf(prompt);
      if (judge === undefined) {
        throw new TuttiError(
          "JUDGE_INVALID",
          `prompt ${JSON.stringify(prompt.id)}: reference holds nothing that ${judges.map(({ name }) => name).join(", ")} could check`,
          { hint: "import the prompts with `answer`, `tests` or `constraints` in their reference" },
        );
      }
      const verdict = await judge.judge(prompt, response, options);
      return { ...verdict, explanation: { judge: judge.name, ...verdict.explanation } };
    },
    async close() {
      for (const judge of judges) await judge.close?.();
    },
  };
}
