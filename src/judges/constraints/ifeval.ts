/** Rows of the IFEval data set (`instruction_id_list` and `kwargs`) as constraints. */
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import type { Constraint } from "./schema.ts";

type Arguments = Readonly<Record<string, unknown>>;

const text = (args: Arguments, name: string): string => String(args[name] ?? "");
const number = (args: Arguments, name: string): number => Number(args[name]);
const list = (args: Arguments, name: string): string[] => (args[name] as string[] | undefined) ?? [];

/** "at least" and "less than" as bounds, which are inclusive here. */
function bounds(args: Arguments, count: string, relation: string): { atLeast?: number; atMost?: number } {
  const value = number(args, count);
  return args[relation] === "less than" ? { atMost: value - 1 } : { atLeast: value };
}

const exactly = (args: Arguments, count: string): { atLeast: number; atMost: number } => {
  const value = number(args, count);
  return { atLeast: value, atMost: value };
};

const INSTRUCTIONS: Readonly<Record<string, (args: Arguments) => readonly Constraint[]>> = {
  "keywords:existence": (args) => [{ kind: "keywords", words: list(args, "keywords") }],
  "keywords:frequency": (args) => [
    { kind: "keyword-frequency", word: text(args, "keyword"), ...bounds(args, "frequency", "relation") },
  ],
  "keywords:forbidden_words": (args) => [{ kind: "forbidden-words", words: list(args, "forbidden_words") }],
  "keywords:letter_frequency": (args) => [
    {
      kind: "letter-frequency",
      letter: text(args, "letter"),
      ...bounds(args, "let_frequency", "let_relation"),
    },
  ],
  "language:response_language": (args) => [{ kind: "language", language: text(args, "language") }],
  "length_constraints:number_sentences": (args) => [
    { kind: "sentences", ...bounds(args, "num_sentences", "relation") },
  ],
  "length_constraints:number_paragraphs": (args) => [
    { kind: "paragraphs", separator: "stars", ...exactly(args, "num_paragraphs") },
  ],
  "length_constraints:number_words": (args) => [{ kind: "words", ...bounds(args, "num_words", "relation") }],
  "length_constraints:nth_paragraph_first_word": (args) => [
    {
      kind: "paragraph-start",
      paragraph: number(args, "nth_paragraph"),
      of: number(args, "num_paragraphs"),
      word: text(args, "first_word"),
    },
  ],
  "detectable_content:number_placeholders": (args) => [
    { kind: "placeholders", atLeast: number(args, "num_placeholders") },
  ],
  "detectable_content:postscript": (args) => [
    { kind: "postscript", marker: text(args, "postscript_marker") },
  ],
  "detectable_format:number_bullet_lists": (args) => [{ kind: "bullets", ...exactly(args, "num_bullets") }],
  "detectable_format:constrained_response": () => [
    { kind: "one-of", phrases: ["My answer is yes.", "My answer is no.", "My answer is maybe."] },
  ],
  "detectable_format:number_highlighted_sections": (args) => [
    { kind: "highlights", atLeast: number(args, "num_highlights") },
  ],
  "detectable_format:multiple_sections": (args) => [
    { kind: "sections", marker: text(args, "section_spliter"), atLeast: number(args, "num_sections") },
  ],
  "detectable_format:json_format": () => [{ kind: "json" }],
  "detectable_format:title": () => [{ kind: "title" }],
  "combination:two_responses": () => [{ kind: "two-responses" }],
  "combination:repeat_prompt": (args) => [{ kind: "start", phrase: text(args, "prompt_to_repeat") }],
  "startend:end_checker": (args) => [{ kind: "end", phrase: text(args, "end_phrase") }],
  "startend:quotation": () => [{ kind: "quotation" }],
  "change_case:capital_word_frequency": (args) => [
    { kind: "capital-words", ...bounds(args, "capital_frequency", "capital_relation") },
  ],
  "change_case:english_capital": () => [{ kind: "uppercase" }, { kind: "language", language: "en" }],
  "change_case:english_lowercase": () => [{ kind: "lowercase" }, { kind: "language", language: "en" }],
  "punctuation:no_comma": () => [{ kind: "no-commas" }],
};

/**
 * Constraints of one row of IFEval. An instruction of two conditions becomes two constraints.
 *
 * @throws {TuttiError} JUDGE_INVALID for an instruction that IFEval does not have
 */
export function constraintsFromIfeval(
  instructionIds: readonly string[],
  kwargs: readonly Arguments[],
): readonly Constraint[] {
  return instructionIds.flatMap((id, index) => {
    const convert = INSTRUCTIONS[id];
    if (convert !== undefined) return convert(kwargs[index] ?? {});
    throw new TuttiError(
      "JUDGE_INVALID",
      `instruction_id_list[${index}]: received ${shown(id)}, expected one of ${Object.keys(INSTRUCTIONS).join(", ")}`,
      { hint: "this reads the 25 instructions of the published IFEval; write others as constraints" },
    );
  });
}
