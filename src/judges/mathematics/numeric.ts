/** Value of an expression in complex double precision, for what has no exact one: roots, powers, logarithms, angles. */
import { Complex } from "complex.js";
import { exactValue } from "./exact.ts";
import type { Expression } from "./expression.ts";

const ONE_ARGUMENT: Readonly<Record<string, (value: Complex) => Complex>> = {
  sqrt: (value) => value.sqrt(),
  exp: (value) => value.exp(),
  ln: (value) => value.log(),
  sin: (value) => value.sin(),
  cos: (value) => value.cos(),
  tan: (value) => value.tan(),
  cot: (value) => value.cot(),
  sec: (value) => value.sec(),
  csc: (value) => value.csc(),
  arcsin: (value) => value.asin(),
  arccos: (value) => value.acos(),
  arctan: (value) => value.atan(),
  sinh: (value) => value.sinh(),
  cosh: (value) => value.cosh(),
  tanh: (value) => value.tanh(),
  abs: (value) => new Complex(value.abs(), 0),
};

const REAL_ONLY: Readonly<Record<string, (values: readonly number[]) => number>> = {
  floor: ([value = Number.NaN]) => Math.floor(value + 1e-12),
  ceil: ([value = Number.NaN]) => Math.ceil(value - 1e-12),
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
};

const CONSTANTS: Readonly<Record<string, Complex>> = {
  pi: new Complex(Math.PI, 0),
  e: new Complex(Math.E, 0),
  i: new Complex(0, 1),
};

/** log of two arguments: the second is the base; of one: base 10, as schoolbooks mean it. */
function logarithm([value, base]: readonly Complex[]): Complex | undefined {
  return value?.log().div((base ?? new Complex(10, 0)).log());
}

/** The k-th root: real where the value is real and k odd, principal otherwise. */
function root([value, degree]: readonly Complex[]): Complex | undefined {
  if (value === undefined || degree === undefined) return undefined;
  if (value.im === 0 && value.re < 0 && degree.im === 0 && Math.abs(degree.re % 2) === 1) {
    return new Complex(-((-value.re) ** (1 / degree.re)), 0);
  }
  return value.pow(degree.inverse());
}

function call(name: string, args: readonly Complex[]): Complex | undefined {
  const simple = ONE_ARGUMENT[name];
  if (simple !== undefined) return args[0] && simple(args[0]);
  if (name === "log") return logarithm(args);
  if (name === "root") return root(args);
  const real = REAL_ONLY[name];
  if (real === undefined || args.some(({ im }) => Math.abs(im) > 1e-9)) return undefined;
  return new Complex(real(args.map(({ re }) => re)), 0);
}

/** The value with variables at the given numbers; undefined where there is none, or none that is finite. */
export function numericValue(
  expression: Expression,
  point: ReadonlyMap<string, Complex>,
): Complex | undefined {
  const value = rawValue(expression, point);
  return value && Number.isFinite(value.re) && Number.isFinite(value.im) ? value : undefined;
}

function rawValue(expression: Expression, point: ReadonlyMap<string, Complex>): Complex | undefined {
  const valuesOf = (children: readonly Expression[]): readonly Complex[] | undefined => {
    const values: Complex[] = [];
    for (const child of children) {
      const value = numericValue(child, point);
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  };
  switch (expression.kind) {
    case "number":
    case "based": {
      const exact = exactValue(expression, new Map());
      return exact && new Complex(exact.valueOf(), 0);
    }
    case "constant":
      return CONSTANTS[expression.name];
    case "variable":
      return point.get(expression.name);
    case "percent":
      return valuesOf([expression.of])?.[0]?.div(100);
    case "negative":
      return valuesOf([expression.of])?.[0]?.neg();
    case "sum":
      return valuesOf(expression.terms)?.reduce((a, b) => a.add(b));
    case "product":
      return valuesOf(expression.factors)?.reduce((a, b) => a.mul(b));
    case "quotient": {
      const [top, bottom] = valuesOf([expression.numerator, expression.denominator]) ?? [];
      return top && bottom && top.div(bottom);
    }
    case "power": {
      const [base, exponent] = valuesOf([expression.base, expression.exponent]) ?? [];
      return base && exponent && base.pow(exponent);
    }
    case "call": {
      if (expression.name === "factorial" || expression.name === "binom") {
        const exact = exactValue(expression, new Map());
        return exact && new Complex(exact.valueOf(), 0);
      }
      const values = valuesOf(expression.args);
      return values && call(expression.name, values);
    }
    default:
      return undefined;
  }
}
