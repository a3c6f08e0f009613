/** Forms that an answer must have beside the right value: worked out, and as the question asks for it. */

import { literalValue } from "./exact.ts";
import type { Expression } from "./expression.ts";
import { assigned, unwrapped } from "./forms.ts";

export type FormProblem = "not_worked_out" | "not_factored" | "not_expanded" | "not_reduced";

/** 7, -7, 3/4, -3/4, 50%, 2 1/3, 3 x 10^8: numbers with nothing left to do. */
function isWorkedOut(expression: Expression): boolean {
  switch (expression.kind) {
    case "number":
    case "based":
      return true;
    case "negative":
    case "percent":
      return isWorkedOut(expression.of);
    case "quotient":
      return isSignedNumber(expression.numerator) && isSignedNumber(expression.denominator);
    case "sum":
      return expression.terms.length === 2 && isMixedNumber(expression.terms);
    case "product":
      return expression.factors.length === 2 && isScientific(expression.factors);
    case "power":
      return expression.base.kind === "number" && expression.base.digits === "10";
    case "ratio":
      return expression.items.every(isSignedNumber);
    default:
      return false;
  }
}

const isSignedNumber = (expression: Expression): boolean =>
  expression.kind === "number" || (expression.kind === "negative" && expression.of.kind === "number");

const isMixedNumber = ([whole, part]: readonly Expression[]): boolean =>
  whole?.kind === "number" && part?.kind === "quotient" && isWorkedOut(part);

const isScientific = ([mantissa, power]: readonly Expression[]): boolean =>
  isSignedNumber(mantissa!) && power?.kind === "power" && isWorkedOut(power);

/** Factors that hold a variable, powers counted by their exponent. */
function factorCount(expression: Expression): number {
  if (expression.kind === "negative") return factorCount(expression.of);
  if (expression.kind === "product")
    return expression.factors.reduce((sum, factor) => sum + factorCount(factor), 0);
  if (expression.kind === "power" && expression.exponent.kind === "number") {
    return factorCount(expression.base) * Number(expression.exponent.digits);
  }
  return expression.kind === "sum" || expression.kind === "variable" ? 1 : 0;
}

const isExpanded = (expression: Expression): boolean => {
  if (expression.kind === "sum") return expression.terms.every(isExpanded);
  if (expression.kind === "negative") return isExpanded(expression.of);
  if (expression.kind === "product") return expression.factors.every(({ kind }) => kind !== "sum");
  return !(expression.kind === "power" && expression.base.kind === "sum");
};

/** A common fraction: numerator and denominator whole and without a common factor, or a whole number. */
function isReduced(expression: Expression): boolean {
  if (expression.kind === "negative") return isReduced(expression.of);
  if (expression.kind === "number") return !expression.digits.includes(".");
  if (expression.kind !== "quotient") return true;
  const { numerator, denominator } = expression;
  const [top, bottom] = [numerator, denominator].map((part) => (part.kind === "negative" ? part.of : part));
  if (top?.kind !== "number" || bottom?.kind !== "number") return true;
  const [n, d] = [literalValue(top.digits), literalValue(bottom.digits)];
  if (n === undefined || d === undefined || n.d !== 1n || d.d !== 1n) return false;
  return n.gcd(d).equals(1);
}

const ASKS_FOR_FACTORS = /\bfactor(?:ed|i[sz]e|i[sz]ed)?\b(?!\s+of)/i;
const ASKS_FOR_EXPANSION = /\bexpand(?:ed)?\b/i;
const ASKS_FOR_FRACTION =
  /\b(?:common|simplified|reduced|irreducible) fraction|\b(?:simplest|lowest|reduced) (?:form|terms)|\bsimplified form/i;

/**
 * What the form of an answer lacks whose value is right, or undefined. A number must be worked out where the reference is, so
 * that repeating the question is no answer; a factored or expanded polynomial and a reduced fraction are asked of the answer
 * where the question asks for them and the reference has that form.
 */
export function formProblem(
  reference: Expression,
  answer: Expression,
  question: string,
): FormProblem | undefined {
  const expected = unwrapped(assigned(reference));
  const given = unwrapped(assigned(answer));
  if (isWorkedOut(expected)) {
    if (!isWorkedOut(given)) return "not_worked_out";
    const isFraction = expected.kind === "quotient" || expected.kind === "negative";
    if (isFraction && isReduced(expected) && ASKS_FOR_FRACTION.test(question) && !isReduced(given)) {
      return "not_reduced";
    }
    return undefined;
  }
  const factors = factorCount(expected);
  if (factors > 1 && ASKS_FOR_FACTORS.test(question) && factorCount(given) < factors) return "not_factored";
  if (expected.kind === "sum" && ASKS_FOR_EXPANSION.test(question) && isExpanded(expected)) {
    return isExpanded(given) ? undefined : "not_expanded";
  }
  return undefined;
}
