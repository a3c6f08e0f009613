/** Whether an answer is the reference answer in other words. */
import { type ComparisonRule, compareExpressions, type Decision } from "./compare.ts";
import type { Expression } from "./expression.ts";
import { normalisedAnswer, wordsOf } from "./normalise.ts";
import { type ParsedAnswer, parseAnswer } from "./parse.ts";

export interface Comparison {
  readonly isEqual: boolean;
  readonly rule: ComparisonRule;
  /** Both after normalisation. */
  readonly reference: string;
  readonly answer: string;
  /** How both were read; absent where texts alone decided. */
  readonly expressions?: { readonly reference: Expression; readonly answer: Expression };
  /** Words of the answer that were taken for units and left out. */
  readonly units?: readonly string[];
}

/** Without the spaces and braces that change nothing: those between digits do. */
const compact = (text: string): string =>
  text.replace(/\{(\w)\}/g, "$1").replace(/(?<!\d)\s+|\s+(?!\d)/g, "");

/** Whether there are words, rather than formulas alone: two letters in a row outside commands. */
const hasWords = (text: string): boolean => /[A-Za-z]{2}/.test(text.replace(/\\[A-Za-z]+/g, " "));

/** The letter of a multiple-choice answer: A, (A), \text{(A)}; of an answer also A. and A) with words after it. */
function choiceOf(text: string, mayGoOn: boolean): string | undefined {
  const bare = text
    .replace(/\\(?:text|textbf|textrm|mathrm|mathbf|mbox)\s*(?=\{)/g, "")
    .replace(/[{}\s]+/g, " ")
    .trim();
  const whole = /^\(?\s*([A-Z])\s*\)?[.:]?$/.exec(bare);
  if (whole) return whole[1];
  return mayGoOn ? /^(?:\(([A-Z])\)|([A-Z])[.):])(?=\s)/.exec(bare)?.slice(1).find(Boolean) : undefined;
}

/** Compares two final answers as they were written. Symmetric but for multiple-choice letters. */
export function compareAnswers(referenceText: string, answerText: string): Comparison {
  const reference = normalisedAnswer(referenceText);
  const answer = normalisedAnswer(answerText);
  const texts = { reference, answer };
  if (answer === "" || reference === "") return { ...texts, isEqual: false, rule: "kinds_differ" };
  if (compact(reference) === compact(answer)) return { ...texts, isEqual: true, rule: "same_text" };
  const choice = choiceOf(reference, false);
  if (choice !== undefined) {
    const chosen = choiceOf(answer, true);
    if (chosen !== undefined) return { ...texts, isEqual: chosen === choice, rule: "choice" };
  }
  const words = wordsOf(reference);
  if (hasWords(words) && words === wordsOf(answer)) return { ...texts, isEqual: true, rule: "same_words" };
  return { ...texts, ...compareReadings(reference, answer) };
}

type Reading = Decision & Pick<Comparison, "expressions" | "units">;

/** Where commas stand between digits, both ways of reading them are tried. */
function compareReadings(reference: string, answer: string): Reading {
  const asThousands = compareParsed(parseAnswer(reference), parseAnswer(answer));
  if (asThousands.isEqual || !/\d,\d{3}/.test(reference + answer)) return asThousands;
  const asLists = compareParsed(parseAnswer(reference, "list"), parseAnswer(answer, "list"));
  return asLists.isEqual ? asLists : asThousands;
}

function compareParsed(reference: ParsedAnswer, answer: ParsedAnswer): Reading {
  return {
    ...compareExpressions(reference.expression, answer.expression),
    expressions: { reference: reference.expression, answer: answer.expression },
    ...(answer.units.length > 0 && { units: answer.units }),
  };
}
