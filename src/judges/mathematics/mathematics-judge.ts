/** Judges answers to mathematical questions against a reference answer. */
import type { Json, JsonObject, PromptRow, ResponseRow } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import { withTimeLimit } from "../../support/time-limit.ts";
import type { Judge, Verdict } from "../judge.ts";
import { compareAnswers } from "./equivalence.ts";
import { extractFinalAnswer } from "./extract.ts";
import { formProblem } from "./form.ts";

/** A change that can alter a verdict is a new version. */
const VERSION = "1";
/** A guard only: the work is bounded by what may be parsed and by the size of numbers. */
const TIME_LIMIT_MS = 30_000;

export interface MathematicsJudgeOptions {
  /**
   * Where an answer may stand. "stated": in a box, after "####" or "the answer is". "anywhere": also the last bold, displayed or
   * plain number. "as-asked" (default): stated where the prompt says how to state it, anywhere otherwise.
   */
  readonly find?: "as-asked" | "stated" | "anywhere";
  /**
   * Whether the right value in the wrong form is wrong: left to work out, or not factored, expanded or reduced where the prompt
   * asks for it. "as-asked" (default) says yes, "any" no.
   */
  readonly form?: "as-asked" | "any";
}

export type MathematicsVerdict = "correct" | "wrong" | "wrong_form" | "no_answer" | "not_judged";

/** Prompts that say where the answer is to stand. */
const SAYS_WHERE = /\\boxed|####/;

/**
 * A judge that reads `prompt.reference.answer` (text, LaTeX or a number; a whole solution with \boxed{} or #### will do).
 * Scores 1 for "correct" and 0 for "wrong", "wrong_form" and "no_answer". The explanation holds what was extracted and
 * where, both answers after normalisation, how they were read, and the rule that decided.
 *
 * @throws {TuttiError} JUDGE_INVALID where the prompt has no reference answer
 */
export function createMathematicsJudge(options: MathematicsJudgeOptions = {}): Judge {
  const { find = "as-asked", form = "as-asked" } = options;
  const changed = [find !== "as-asked" && `find=${find}`, form !== "as-asked" && `form=${form}`].filter(
    Boolean,
  );
  return {
    name: "mathematics",
    version: [VERSION, ...changed].join(";"),
    canJudge: ({ reference }) => reference?.answer !== undefined,
    judge: async (prompt, response) => {
      const reference = referenceAnswer(prompt);
      const question = prompt.messages.map(({ content }) => content).join("\n\n");
      const isStatedOnly = find === "stated" || (find === "as-asked" && SAYS_WHERE.test(question));
      try {
        return withTimeLimit(
          TIME_LIMIT_MS,
          () => verdictOn(response.text, reference, { question, isStatedOnly, form }),
          () => new TooLong(),
        );
      } catch (error) {
        if (!(error instanceof TooLong)) throw error;
        return verdict("not_judged", null, { reason: `judging took longer than ${TIME_LIMIT_MS / 1000} s` });
      }
    },
  };
}

class TooLong extends Error {}

const verdict = (word: MathematicsVerdict, score: number | null, explanation: JsonObject): Verdict => ({
  score,
  verdict: word,
  explanation,
});

/** The final answer of the reference: itself, or what its solution states. */
function referenceAnswer({ id, reference }: Pick<PromptRow, "id" | "reference">): string {
  const answer: Json | undefined = reference?.answer;
  const text = typeof answer === "number" ? String(answer) : answer;
  if (typeof text !== "string" || text.trim() === "") {
    throw new TuttiError(
      "JUDGE_INVALID",
      `prompt ${JSON.stringify(id)}: reference.answer: received ${shown(answer)}, expected the right answer as text or number`,
      { hint: "import the prompts with their reference answers, or choose another judge", details: { id } },
    );
  }
  if (!SAYS_WHERE.test(text)) return text;
  return extractFinalAnswer(text, true)?.text ?? text;
}

interface Expectations {
  readonly question: string;
  readonly isStatedOnly: boolean;
  readonly form: "as-asked" | "any";
}

function verdictOn(text: ResponseRow["text"], reference: string, expectations: Expectations): Verdict {
  const found = extractFinalAnswer(text, expectations.isStatedOnly);
  if (found === undefined) {
    return verdict("no_answer", 0, {
      reference,
      reason: expectations.isStatedOnly
        ? 'no box, "####" or "the answer is", one of which the prompt asks for'
        : "neither a statement of the answer nor a number",
    });
  }
  const comparison = compareAnswers(reference, found.text);
  const { isEqual, rule, expressions, units } = comparison;
  const problem =
    isEqual && expressions && expectations.form === "as-asked"
      ? formProblem(expressions.reference, expressions.answer, expectations.question)
      : undefined;
  const explanation = {
    extracted: found.text,
    place: found.place,
    reference,
    normalised: { reference: comparison.reference, answer: comparison.answer },
    rule,
    ...(expressions && { read: { reference: expressions.reference.kind, answer: expressions.answer.kind } }),
    ...(units && { units }),
    ...(problem && { problem }),
  };
  if (problem !== undefined) return verdict("wrong_form", 0, explanation);
  return isEqual ? verdict("correct", 1, explanation) : verdict("wrong", 0, explanation);
}
