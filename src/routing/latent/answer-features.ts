/**
 * What an answer looks like, in a few numbers that mean the same for every model: the part of "response modelling" that
 * a linear head can learn from hundreds of prompts. All of them are log(1 + count) or shares.
 */
export const ANSWER_FEATURES = [
  "paragraphs",
  "list items",
  "headings",
  "bold words",
  "code blocks",
  "formulas",
  "share of digits",
  "questions",
] as const;

export type AnswerFeature = (typeof ANSWER_FEATURES)[number];

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/** One number per entry of {@link ANSWER_FEATURES}. */
export function answerFeatures(response: string): Float64Array {
  return Float64Array.of(
    Math.log1p(count(response, /\n\s*\n/g)),
    Math.log1p(count(response, /^\s*(?:[-*\u2022]|\d+[.)])\s/gm)),
    Math.log1p(count(response, /^#{1,6}\s/gm)),
    Math.log1p(count(response, /\*\*[^*\n]+\*\*/g)),
    Math.log1p(count(response, /^```\w*/gm) / 2),
    Math.log1p(count(response, /\\[a-zA-Z]+|\$/g)),
    count(response, /\d/g) / Math.max(1, response.length),
    Math.log1p(count(response, /\?/g)),
  );
}
