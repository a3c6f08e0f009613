/**
 * Whether two formulas are the same function: both are evaluated at fixed points and compared. Rational formulas are evaluated in
 * exact fractions with large coordinates of both signs, where two different ones of degree d agree with probability below d / 10^6 at each
 * point (Schwartz 1980, Zippel 1979). All others in complex double precision, principal branches, at positive and at mixed
 * signs. No rewriting takes place, so the time is that of the evaluations.
 */
import { Complex } from "complex.js";
import { Fraction } from "fraction.js";
import { exactValue } from "./exact.ts";
import { childrenOf, type Expression, variablesOf } from "./expression.ts";
import { numericValue } from "./numeric.ts";

const MAX_NODES = 1500;
/** Of the larger absolute value; double precision leaves 1e-16, cancellation costs some of it. */
const RELATIVE_TOLERANCE = 1e-9;
const EXACT_POINTS = 3;
const NUMERIC_POINTS = 4;
/** Residues of 7^k modulo this prime scatter the coordinates. */
const PRIME = 1_000_003;

export type IdentityRule = "exact" | "numeric";

/** `isEqual` is undefined where the formulas could not be evaluated. */
export interface Identity {
  readonly isEqual: boolean | undefined;
  readonly rule: IdentityRule;
}

function nodesOf(expression: Expression): number {
  return childrenOf(expression).reduce((total, child) => total + nodesOf(child), 1);
}

function coordinate(variable: number, point: number): number {
  let value = 7;
  for (let step = 0; step < 5 * variable + point + 3; step++) value = (value * 7919 + 104_729) % PRIME;
  return value + 2;
}

const close = (a: Complex, b: Complex): boolean => {
  const scale = Math.max(a.abs(), b.abs());
  return a.sub(b).abs() <= RELATIVE_TOLERANCE * Math.max(scale, 1e-6);
};

function exactIdentity(a: Expression, b: Expression, names: readonly string[]): boolean | undefined {
  const points = names.length === 0 ? 1 : EXACT_POINTS;
  for (let point = 0; point < points; point++) {
    const at = new Map(
      names.map((name, index) => {
        const size = new Fraction(coordinate(index, point), 1 + (point % 3));
        return [name, (index + point) % 2 === 1 ? size.neg() : size] as const;
      }),
    );
    const first = exactValue(a, at);
    const second = exactValue(b, at);
    if (first === undefined || second === undefined) return undefined;
    if (!first.equals(second)) return false;
  }
  return true;
}

/** Coordinates between 0.3 and 2.3; every second point has alternating signs. */
function numericPoint(names: readonly string[], point: number): ReadonlyMap<string, Complex> {
  return new Map(
    names.map((name, index) => {
      const size = 0.3 + (2 * coordinate(index, point)) / PRIME;
      return [name, new Complex((index + point) % 2 === 1 && point > 1 ? -size : size, 0)] as const;
    }),
  );
}

function numericIdentity(a: Expression, b: Expression, names: readonly string[]): boolean | undefined {
  let compared = 0;
  for (let point = 0; point < (names.length === 0 ? 1 : NUMERIC_POINTS); point++) {
    const at = numericPoint(names, point);
    const first = numericValue(a, at);
    const second = numericValue(b, at);
    if (first === undefined && second === undefined) continue;
    if (first === undefined || second === undefined || !close(first, second)) return false;
    compared++;
  }
  return compared > 0 ? true : undefined;
}

/** Compares two scalar formulas as functions of their variables. */
export function identity(a: Expression, b: Expression): Identity {
  if (nodesOf(a) + nodesOf(b) > MAX_NODES) return { isEqual: undefined, rule: "exact" };
  const names = [...new Set([...variablesOf(a), ...variablesOf(b)])];
  const exact = exactIdentity(a, b, names);
  if (exact !== undefined) return { isEqual: exact, rule: "exact" };
  return { isEqual: numericIdentity(a, b, names), rule: "numeric" };
}

/** Whether a is a constant multiple of b, not zero: two forms of one equation, each written as "... = 0". */
export function isMultiple(a: Expression, b: Expression): boolean {
  if (nodesOf(a) + nodesOf(b) > MAX_NODES) return false;
  const names = [...new Set([...variablesOf(a), ...variablesOf(b)])];
  if (names.length === 0) return false;
  let ratio: Complex | undefined;
  for (let point = 0; point < NUMERIC_POINTS; point++) {
    const at = numericPoint(names, point);
    const first = numericValue(a, at);
    const second = numericValue(b, at);
    if (first === undefined || second === undefined || second.abs() < 1e-9) return false;
    const quotient = first.div(second);
    if (quotient.abs() < 1e-9) return false;
    if (ratio !== undefined && !close(ratio, quotient)) return false;
    ratio = quotient;
  }
  return true;
}
