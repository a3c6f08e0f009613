/** Brings expressions to the form in which they are compared: assignments, inequalities, signs, single elements. Pure. */
import type { Expression, RelationOperator } from "./expression.ts";
import { childrenOf, isScalar, variablesOf } from "./expression.ts";

const INFINITY: Expression = { kind: "constant", name: "infinity" };
const MINUS_INFINITY: Expression = { kind: "negative", of: INFINITY };

/** x, f(x), x_1, AB: what an answer may name before it says what it is. */
export function isName(expression: Expression): boolean {
  if (expression.kind === "variable" || expression.kind === "text") return true;
  if (expression.kind === "product") {
    return (
      expression.factors.every((factor) => factor.kind === "variable") || isCallOfName(expression.factors)
    );
  }
  return expression.kind === "group" && expression.items.every((item) => item.kind === "variable");
}

const isCallOfName = ([first, ...others]: readonly Expression[]): boolean =>
  first?.kind === "variable" &&
  others.length === 1 &&
  ["variable", "number", "group"].includes(others[0]!.kind);

/** The value that a chain of equations says: of x = 5 and 5 = x it is 5, of a = b = 5 the last. */
export function assigned(expression: Expression): Expression {
  if (expression.kind === "list") return { kind: "list", items: expression.items.map(assigned) };
  if (expression.kind !== "relation") return expression;
  const { operators, sides } = expression;
  const last = sides.at(-1)!;
  if (operators.length === 1 && operators[0] === "in") return last;
  if (!operators.every((operator) => operator === "=")) return expression;
  return isName(last) && !isName(sides[0]!) ? sides[0]! : last;
}

/** Whether every relation in it names something and says its value, so that nothing is lost by {@link assigned}. */
export function isAssignment(expression: Expression): boolean {
  if (expression.kind === "list") return expression.items.every(isAssignment);
  return expression.kind === "relation" && expression.operators[0] === "=" && isName(expression.sides[0]!);
}

interface Bound {
  readonly value: Expression;
  readonly isStrict: boolean;
}

const interval = (low: Bound | undefined, high: Bound | undefined): Expression => ({
  kind: "group",
  open: low && !low.isStrict ? "[" : "(",
  close: high && !high.isStrict ? "]" : ")",
  items: [low?.value ?? MINUS_INFINITY, high?.value ?? INFINITY],
});

const isUpward = (operator: RelationOperator): boolean => operator === "<" || operator === "<=";
const isStrict = (operator: RelationOperator): boolean => operator === "<" || operator === ">";

/** The interval that an inequality in one variable describes: 1 < x <= 3 is (1, 3]. */
export function intervalOf(expression: Expression): Expression | undefined {
  if (expression.kind !== "relation") return undefined;
  const { operators, sides } = expression;
  if (operators.some((operator) => operator === "=" || operator === "!=" || operator === "in"))
    return undefined;
  const [first, second] = operators;
  if (operators.length === 1) {
    const [left, right] = sides as [Expression, Expression];
    const isVariableLeft = left.kind === "variable" && variablesOf(right).length === 0;
    const isVariableRight = right.kind === "variable" && variablesOf(left).length === 0;
    if (!isVariableLeft && !isVariableRight) return undefined;
    const bound = { value: isVariableLeft ? right : left, isStrict: isStrict(first!) };
    return isUpward(first!) === isVariableLeft ? interval(undefined, bound) : interval(bound, undefined);
  }
  if (operators.length !== 2 || sides[1]!.kind !== "variable" || isUpward(first!) !== isUpward(second!)) {
    return undefined;
  }
  const left = { value: sides[0]!, isStrict: isStrict(first!) };
  const right = { value: sides[2]!, isStrict: isStrict(second!) };
  return isUpward(first!) ? interval(left, right) : interval(right, left);
}

/** Inequalities as intervals, several of them as a union. */
export function asIntervals(expression: Expression): Expression | undefined {
  if (expression.kind !== "list") return intervalOf(expression);
  const parts = expression.items.map(intervalOf);
  if (!parts.every((part) => part !== undefined)) return undefined;
  return { kind: "set-operation", operator: "union", parts };
}

function withSign(expression: Expression, sign: "+" | "-"): Expression {
  switch (expression.kind) {
    case "either-sign": {
      const of = withSign(expression.of, sign);
      return sign === "+" ? of : { kind: "negative", of };
    }
    case "sum":
      return { kind: "sum", terms: expression.terms.map((term) => withSign(term, sign)) };
    case "product":
      return { kind: "product", factors: expression.factors.map((factor) => withSign(factor, sign)) };
    case "negative":
      return { kind: "negative", of: withSign(expression.of, sign) };
    case "quotient":
      return {
        kind: "quotient",
        numerator: withSign(expression.numerator, sign),
        denominator: withSign(expression.denominator, sign),
      };
    default:
      return expression;
  }
}

const hasEitherSign = (expression: Expression): boolean =>
  expression.kind === "either-sign" || childrenOf(expression).some(hasEitherSign);

/** Items of a list or set, each with two signs made two; undefined for everything else. */
export function membersOf(expression: Expression): readonly Expression[] | undefined {
  if (expression.kind === "list" || (expression.kind === "group" && expression.open === "{")) {
    return expression.items.flatMap((item) => membersOf(item) ?? [item]);
  }
  if (!hasEitherSign(expression)) return undefined;
  return [withSign(expression, "+"), withSign(expression, "-")];
}

/** A single value in the brackets of a set or in a matrix of one cell. */
export function unwrapped(expression: Expression): Expression {
  if (expression.kind === "list" && expression.items.length === 1) return unwrapped(expression.items[0]!);
  if (expression.kind === "group" && expression.open === "{" && expression.items.length === 1) {
    const [only] = expression.items;
    return isScalar(only!) ? only! : expression;
  }
  return expression;
}

/** Coordinates of a vector, however it is written: column, row or tuple. */
export function coordinatesOf(expression: Expression): readonly Expression[] | undefined {
  if (expression.kind === "group" && expression.open === "(" && expression.close === ")")
    return expression.items;
  if (expression.kind !== "matrix") return undefined;
  const [first] = expression.rows;
  if (expression.rows.length === 1) return first;
  return first?.length === 1 ? expression.rows.map((row) => row[0]!) : undefined;
}
