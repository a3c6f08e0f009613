/** What a final answer means: numbers and formulas, and what is made of several of them. */

export type Constant = "pi" | "e" | "i" | "infinity";

export type RelationOperator = "=" | "<" | ">" | "<=" | ">=" | "!=" | "in";

export type Expression =
  /** A decimal literal, exactly; `repeating` are the digits of its period: 0.1(6) = 1/6. */
  | { readonly kind: "number"; readonly digits: string; readonly repeating?: string }
  | { readonly kind: "constant"; readonly name: Constant }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "sum"; readonly terms: readonly Expression[] }
  | { readonly kind: "product"; readonly factors: readonly Expression[] }
  | { readonly kind: "quotient"; readonly numerator: Expression; readonly denominator: Expression }
  | { readonly kind: "power"; readonly base: Expression; readonly exponent: Expression }
  | { readonly kind: "negative"; readonly of: Expression }
  /** Both signs at once: stands for two values. */
  | { readonly kind: "either-sign"; readonly of: Expression }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  /** A value followed by a per cent sign: a number, or hundredths of it. */
  | { readonly kind: "percent"; readonly of: Expression }
  /** Digits in a positional system: 2516 in base 8. */
  | { readonly kind: "based"; readonly digits: string; readonly base: string }
  /** A tuple, point, interval (by its brackets) or set ("{"). */
  | {
      readonly kind: "group";
      readonly open: string;
      readonly close: string;
      readonly items: readonly Expression[];
    }
  /** Several values without brackets. */
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  /** a : b : c */
  | { readonly kind: "ratio"; readonly items: readonly Expression[] }
  | {
      readonly kind: "set-operation";
      readonly operator: "union" | "intersection" | "difference";
      readonly parts: readonly Expression[];
    }
  | { readonly kind: "matrix"; readonly rows: readonly (readonly Expression[])[] }
  /** a < b <= c: one operator less than sides. */
  | {
      readonly kind: "relation";
      readonly operators: readonly RelationOperator[];
      readonly sides: readonly Expression[];
    }
  /** Words. */
  | { readonly kind: "text"; readonly text: string };

/** Expressions directly inside. */
export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "sum":
      return expression.terms;
    case "product":
      return expression.factors;
    case "quotient":
      return [expression.numerator, expression.denominator];
    case "power":
      return [expression.base, expression.exponent];
    case "negative":
    case "either-sign":
    case "percent":
      return [expression.of];
    case "call":
      return expression.args;
    case "group":
    case "list":
    case "ratio":
      return expression.items;
    case "set-operation":
      return expression.parts;
    case "matrix":
      return expression.rows.flat();
    case "relation":
      return expression.sides;
    default:
      return [];
  }
}

const SCALAR_KINDS = new Set<Expression["kind"]>([
  "number",
  "constant",
  "variable",
  "sum",
  "product",
  "quotient",
  "power",
  "negative",
  "call",
  "percent",
  "based",
]);

/** Whether it is one value rather than several, a relation or words, all the way down. */
export function isScalar(expression: Expression): boolean {
  return SCALAR_KINDS.has(expression.kind) && childrenOf(expression).every(isScalar);
}

/** Names of the variables in it, sorted. */
export function variablesOf(expression: Expression): readonly string[] {
  const names = new Set<string>();
  const visit = (inner: Expression): void => {
    if (inner.kind === "variable") names.add(inner.name);
    childrenOf(inner).forEach(visit);
  };
  visit(expression);
  return [...names].sort();
}
