/** What preference and reward trainers learn from: a prompt with its responses, as tokens. */
import { TuttiError } from "../../support/errors.ts";

export interface PromptResponses {
  /** Named in errors. */
  readonly id: string;
  /** At least one token: the first token of a response is predicted from the last one of the prompt. */
  readonly promptIds: Int32Array;
  /** Each of at least one token; what each of them is, such as chosen and rejected, is up to the objective. */
  readonly responses: readonly Int32Array[];
}

/** Tokens that a prompt takes in a row with all its responses; the prompt is there once, or once for each. */
export function groupTokens({ promptIds, responses }: PromptResponses, sharesPrompt: boolean): number {
  const answers = responses.reduce((sum, { length }) => sum + length, 0);
  return answers + promptIds.length * (sharesPrompt ? 1 : responses.length);
}

/** @throws {TuttiError} DATASET_INVALID naming the first group that is empty somewhere or has another number of responses */
export function checkGroups(groups: readonly PromptResponses[], responses: number): void {
  if (groups.length === 0) {
    throw new TuttiError("DATASET_INVALID", "there is no prompt to learn from", {
      hint: "check the file, and the length that examples are cut to",
    });
  }
  for (const group of groups) {
    const isRight =
      group.promptIds.length > 0 &&
      group.responses.length === responses &&
      group.responses.every(({ length }) => length > 0);
    if (isRight) continue;
    const lengths = group.responses.map(({ length }) => length).join(", ");
    throw new TuttiError(
      "DATASET_INVALID",
      `"${group.id}": a prompt of ${group.promptIds.length} tokens with responses of [${lengths}] tokens; expected ${responses} responses, and nothing empty`,
      { details: { id: group.id } },
    );
  }
}

/** @throws {TuttiError} INVALID_ARGUMENT naming the first group that with one of its responses is longer than the model has positions */
export function checkPositions(
  { maxPositions }: { readonly maxPositions: number },
  groups: readonly PromptResponses[],
): void {
  for (const { id, promptIds, responses } of groups) {
    const longest = promptIds.length + Math.max(...responses.map(({ length }) => length));
    if (longest <= maxPositions) continue;
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `"${id}" has ${longest} tokens, the model has ${maxPositions} positions`,
      {
        details: { id },
        hint: `cut the responses (maxTokens, --max-tokens ${maxPositions}) or leave the example out`,
      },
    );
  }
}
