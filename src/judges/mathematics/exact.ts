/** Exact value of a rational expression at a rational point. Numbers may grow to a fixed size only, so it always ends soon. */
import { Fraction } from "fraction.js";
import type { Expression } from "./expression.ts";

const MAX_BITS = 20_000;
const MAX_FACTORIAL = 400;
const MAX_ROOT_DEGREE = 64;

export type Point = ReadonlyMap<string, Fraction>;

const bitsOf = (value: Fraction): number => (value.n > value.d ? value.n : value.d).toString(16).length * 4;

/** A decimal literal: "12.5", "2e3", with an optional period. */
export function literalValue(digits: string, repeating?: string): Fraction | undefined {
  const [mantissa = "", exponent = "0"] = digits.toLowerCase().split("e");
  if (Math.abs(Number(exponent)) > MAX_BITS / 4) return undefined;
  const [whole = "", decimals = ""] = mantissa.split(".");
  const scale = 10n ** BigInt(decimals.length);
  let value = new Fraction(BigInt(`${whole}${decimals}` || "0"), scale);
  if (repeating !== undefined) {
    const period = new Fraction(BigInt(repeating), 10n ** BigInt(repeating.length) - 1n);
    value = value.add(period.div(scale));
  }
  const power = Number(exponent);
  const shift = 10n ** BigInt(Math.abs(power));
  return power >= 0 ? value.mul(shift) : value.div(shift);
}

/** Digits in another base: 1011 in base 2 is 11. */
export function basedValue(digits: string, base: string): Fraction | undefined {
  const radix = Number(base);
  if (!Number.isInteger(radix) || radix < 2 || radix > 36 || !/^\d{1,200}$/.test(digits)) return undefined;
  let value = 0n;
  for (const digit of digits) {
    if (Number(digit) >= radix) return undefined;
    value = value * BigInt(radix) + BigInt(digit);
  }
  return new Fraction(value);
}

const isWhole = (value: Fraction): boolean => value.d === 1n;
const signed = (value: Fraction): bigint => value.s * value.n;

function power(base: Fraction, exponent: Fraction): Fraction | undefined {
  if (isWhole(exponent)) {
    const size = Number(exponent.n);
    if (base.n === 0n) return signed(exponent) > 0n ? new Fraction(0) : undefined;
    if (size > MAX_BITS || bitsOf(base) * size > MAX_BITS) return undefined;
    return base.pow(exponent);
  }
  if (exponent.d > BigInt(MAX_ROOT_DEGREE) || exponent.n > 64n) return undefined;
  if (base.s < 0n) return undefined;
  return rootOf(base.pow(new Fraction(signed(exponent))), Number(exponent.d));
}

/** The integer root, if it is one. */
function integerRoot(value: bigint, degree: number): bigint | undefined {
  if (value < 2n) return value;
  const k = BigInt(degree);
  let root = 1n << BigInt(Math.ceil((value.toString(16).length * 4) / degree) + 1);
  for (;;) {
    const next = ((k - 1n) * root + value / root ** (k - 1n)) / k;
    if (next >= root) break;
    root = next;
  }
  return root ** k === value ? root : undefined;
}

function rootOf(value: Fraction, degree: number): Fraction | undefined {
  if (value.s < 0n && degree % 2 === 0) return undefined;
  if (bitsOf(value) > MAX_BITS / 4) return undefined;
  const numerator = integerRoot(value.n, degree);
  const denominator = integerRoot(value.d, degree);
  if (numerator === undefined || denominator === undefined) return undefined;
  return new Fraction(value.s < 0n ? -numerator : numerator, denominator);
}

function factorial(value: Fraction): Fraction | undefined {
  if (!isWhole(value) || value.s < 0n || value.n > BigInt(MAX_FACTORIAL)) return undefined;
  let product = 1n;
  for (let factor = 2n; factor <= value.n; factor++) product *= factor;
  return new Fraction(product);
}

function binomial(top: Fraction, bottom: Fraction): Fraction | undefined {
  if (!isWhole(top) || !isWhole(bottom) || top.s < 0n || bottom.s < 0n) return undefined;
  if (top.n > BigInt(MAX_FACTORIAL) || bottom.n > top.n) return undefined;
  let value = 1n;
  for (let at = 1n; at <= bottom.n; at++) value = (value * (top.n - bottom.n + at)) / at;
  return new Fraction(value);
}

function call(name: string, args: readonly Fraction[]): Fraction | undefined {
  const [first, second] = args;
  if (first === undefined) return undefined;
  switch (name) {
    case "sqrt":
      return rootOf(first, 2);
    case "root": {
      const degree = second && isWhole(second) && second.s > 0n ? Number(second.n) : 0;
      return degree > 0 && degree <= MAX_ROOT_DEGREE ? rootOf(first, degree) : undefined;
    }
    case "abs":
      return first.abs();
    case "floor":
      return first.floor();
    case "ceil":
      return first.ceil();
    case "factorial":
      return factorial(first);
    case "binom":
      return second && binomial(first, second);
    case "gcd":
      return args.every(isWhole) ? args.reduce((a, b) => a.gcd(b)) : undefined;
    case "lcm":
      return args.every(isWhole) ? args.reduce((a, b) => a.lcm(b)) : undefined;
    case "max":
      return args.reduce((a, b) => (a.compare(b) >= 0 ? a : b));
    case "min":
      return args.reduce((a, b) => (a.compare(b) <= 0 ? a : b));
    default:
      return undefined;
  }
}

/** The value at a point, or undefined where it is not rational, not defined or too large. */
export function exactValue(expression: Expression, point: Point): Fraction | undefined {
  const valuesOf = (children: readonly Expression[]): readonly Fraction[] | undefined => {
    const values: Fraction[] = [];
    for (const child of children) {
      const value = exactValue(child, point);
      if (value === undefined || bitsOf(value) > MAX_BITS) return undefined;
      values.push(value);
    }
    return values;
  };
  switch (expression.kind) {
    case "number":
      return literalValue(expression.digits, expression.repeating);
    case "based":
      return basedValue(expression.digits, expression.base);
    case "variable":
      return point.get(expression.name);
    case "percent":
      return valuesOf([expression.of])?.[0]?.div(100);
    case "negative":
      return valuesOf([expression.of])?.[0]?.neg();
    case "sum":
      return valuesOf(expression.terms)?.reduce((a, b) => a.add(b));
    case "product":
      return bounded(valuesOf(expression.factors));
    case "quotient": {
      const [top, bottom] = valuesOf([expression.numerator, expression.denominator]) ?? [];
      return top && bottom && bottom.n !== 0n ? top.div(bottom) : undefined;
    }
    case "power": {
      const [base, exponent] = valuesOf([expression.base, expression.exponent]) ?? [];
      return base && exponent && power(base, exponent);
    }
    case "call": {
      const values = valuesOf(expression.args);
      return values && call(expression.name, values);
    }
    default:
      return undefined;
  }
}

function bounded(factors: readonly Fraction[] | undefined): Fraction | undefined {
  let product = new Fraction(1);
  for (const factor of factors ?? []) {
    product = product.mul(factor);
    if (bitsOf(product) > MAX_BITS) return undefined;
  }
  return factors && product;
}
