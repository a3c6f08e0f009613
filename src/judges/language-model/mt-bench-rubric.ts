/** MT-Bench's judge prompts (FastChat's judge_prompts.jsonl) as rubrics. */
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import type { Rubric } from "./rubric.ts";

/** What MT-Bench calls the parts that a rubric fills in. */
const PLACEHOLDERS: Readonly<Record<string, string>> = { ref_answer_1: "reference" };

/**
 * One row of the file as a rubric. Prompts over two turns have placeholders for both and are left to MT-Bench itself.
 *
 * @returns undefined for prompts over two turns
 * @throws {TuttiError} JUDGE_INVALID naming the field
 */
export function rubricOfMtBench(row: Readonly<Record<string, unknown>>): Rubric | undefined {
  const text = (field: string): string => {
    const value = row[field];
    if (typeof value === "string") return value;
    throw new TuttiError(
      "JUDGE_INVALID",
      `MT-Bench judge prompt: ${field} is ${shown(value)}, expected a text`,
    );
  };
  const template = text("prompt_template");
  if (/\{question_\d\}/.test(template)) return undefined;
  const output = text("output_format");
  if (output !== "[[rating]]" && output !== "[[A]]") {
    throw new TuttiError(
      "JUDGE_INVALID",
      `MT-Bench judge prompt: output_format is ${shown(output)}, expected "[[rating]]" or "[[A]]"`,
    );
  }
  const isRating = output === "[[rating]]";
  return {
    name: text("name"),
    version: "mt-bench",
    kind: isRating ? "pointwise" : "pairwise",
    system: text("system_prompt"),
    prompt: template.replaceAll(/\{(ref_answer_1)\}/g, (_, name: string) => `{${PLACEHOLDERS[name]}}`),
    output: isRating ? "rating" : "choice",
    parameters: { temperature: 0, max_tokens: 2048 },
  };
}
