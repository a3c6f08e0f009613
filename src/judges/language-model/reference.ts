/** The reference answer of a prompt, for rubrics that show one. */
import type { PromptRow } from "../../judged/index.ts";

/** `answer` of the prompt's reference as text; undefined where there is none. */
export function referenceText({ reference }: PromptRow): string | undefined {
  const answer = reference?.answer;
  return typeof answer === "string" || typeof answer === "number" ? String(answer) : undefined;
}
