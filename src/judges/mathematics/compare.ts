/** Whether two expressions mean the same, and the rule that decided. */
import type { Expression } from "./expression.ts";
import { isScalar } from "./expression.ts";
import { asIntervals, assigned, coordinatesOf, isAssignment, membersOf, unwrapped } from "./forms.ts";
import { identity, isMultiple } from "./identity.ts";
import { wordsOf } from "./normalise.ts";

export type ComparisonRule =
  | "same_text"
  | "same_words"
  | "choice"
  | "number"
  | "symbolic_exact"
  | "symbolic_numeric"
  | "percent"
  | "members"
  | "items"
  | "matrix"
  | "vector"
  | "equation"
  | "interval"
  | "kinds_differ"
  | "not_comparable";

export interface Decision {
  readonly isEqual: boolean;
  readonly rule: ComparisonRule;
}

/** Sets are matched pair by pair, so their size is bounded. */
const MAX_MEMBERS = 64;

const differ: Decision = { isEqual: false, rule: "kinds_differ" };

export function compareExpressions(reference: Expression, answer: Expression): Decision {
  const equations = compareEquations(reference, answer);
  if (equations !== undefined) return equations;
  const a = unwrapped(assigned(reference));
  const b = unwrapped(assigned(answer));
  if (isScalar(a) && isScalar(b)) return compareScalars(a, b);
  if (a.kind === "text" && b.kind === "text") {
    return { isEqual: wordsOf(a.text) === wordsOf(b.text), rule: "same_words" };
  }
  return compareIntervals(a, b) ?? compareCollections(a, b) ?? differ;
}

/** Two equations that are not both "name = value": equal up to a constant factor. */
function compareEquations(reference: Expression, answer: Expression): Decision | undefined {
  if (reference.kind !== "relation" || answer.kind !== "relation") return undefined;
  const isEquation = [reference, answer].every(
    ({ operators }) => operators.length === 1 && operators[0] === "=",
  );
  if (!isEquation) return undefined;
  if (isAssignment(reference) && isAssignment(answer)) {
    const values = compareExpressions(assigned(reference), assigned(answer));
    if (values.isEqual) return { isEqual: true, rule: "equation" };
  }
  const [a, b] = [reference, answer].map(({ sides: [left, right] }): Expression => {
    return { kind: "sum", terms: [left!, { kind: "negative", of: right! }] };
  });
  if (!isScalar(a!) || !isScalar(b!)) return undefined;
  return { isEqual: isMultiple(a!, b!), rule: "equation" };
}

function compareScalars(a: Expression, b: Expression): Decision {
  if (a.kind === "percent" || b.kind === "percent") return comparePercent(a, b);
  if (isInfinite(a) || isInfinite(b)) {
    return { isEqual: JSON.stringify(a) === JSON.stringify(b), rule: "number" };
  }
  if (a.kind === "based" || b.kind === "based") return compareBased(a, b);
  const { isEqual, rule } = identity(a, b);
  if (isEqual === undefined) {
    return { isEqual: JSON.stringify(a) === JSON.stringify(b), rule: "not_comparable" };
  }
  if (rule === "numeric") return { isEqual, rule: "symbolic_numeric" };
  return { isEqual, rule: isLiteral(a) && isLiteral(b) ? "number" : "symbolic_exact" };
}

const isLiteral = (expression: Expression): boolean =>
  expression.kind === "number" || (expression.kind === "negative" && isLiteral(expression.of));

const isInfinite = (expression: Expression): boolean =>
  (expression.kind === "constant" && expression.name === "infinity") ||
  (expression.kind === "negative" && isInfinite(expression.of));

/** 50% is 50 of the unit that a question asks for, or one half. */
function comparePercent(a: Expression, b: Expression): Decision {
  const bare = (expression: Expression): Expression =>
    expression.kind === "percent" ? expression.of : expression;
  const isSame = (x: Expression, y: Expression): boolean => identity(x, y).isEqual === true;
  return { isEqual: isSame(bare(a), bare(b)) || isSame(a, b), rule: "percent" };
}

/** Digits with their base: the base may be left out, and a value in base ten is another answer. */
function compareBased(a: Expression, b: Expression): Decision {
  const digits = ({ kind, ...rest }: Expression): string | undefined =>
    (kind === "based" || kind === "number") && "digits" in rest ? String(rest.digits) : undefined;
  const isSameBase = a.kind !== "based" || b.kind !== "based" || a.base === b.base;
  return { isEqual: isSameBase && digits(a) !== undefined && digits(a) === digits(b), rule: "number" };
}

function compareIntervals(a: Expression, b: Expression): Decision | undefined {
  const [left, right] = [asIntervals(a), asIntervals(b)];
  if (left === undefined && right === undefined) return undefined;
  const { isEqual } = compareCollections(left ?? a, right ?? b) ?? differ;
  return { isEqual, rule: "interval" };
}

function compareCollections(a: Expression, b: Expression): Decision | undefined {
  const [left, right] = [membersOf(a), membersOf(b)];
  if (left !== undefined && right !== undefined) {
    return { isEqual: sameMembers(left, right), rule: "members" };
  }
  if (a.kind === "group" && b.kind === "group") {
    const isSameKind = a.open === b.open && a.close === b.close;
    return { isEqual: isSameKind && sameItems(a.items, b.items), rule: "items" };
  }
  if (a.kind === "matrix" && b.kind === "matrix") {
    if (coordinatesOf(a) === undefined || coordinatesOf(b) === undefined) {
      const isSameShape = a.rows.length === b.rows.length && a.rows[0]?.length === b.rows[0]?.length;
      return { isEqual: isSameShape && sameItems(a.rows.flat(), b.rows.flat()), rule: "matrix" };
    }
  }
  const [from, to] = [coordinatesOf(a), coordinatesOf(b)];
  if (from !== undefined && to !== undefined) return { isEqual: sameItems(from, to), rule: "vector" };
  return compareOthers(a, b);
}

function compareOthers(a: Expression, b: Expression): Decision | undefined {
  if (a.kind === "set-operation" && b.kind === "set-operation") {
    const isSame =
      a.operator === b.operator &&
      (a.operator === "difference" ? sameItems(a.parts, b.parts) : sameMembers(a.parts, b.parts));
    return { isEqual: isSame, rule: "members" };
  }
  if (a.kind === "ratio" && b.kind === "ratio")
    return { isEqual: sameItems(a.items, b.items), rule: "items" };
  const [ratio, scalar] = a.kind === "ratio" ? [a, b] : [b, a];
  if (ratio.kind === "ratio" && ratio.items.length === 2 && isScalar(scalar)) {
    const [numerator, denominator] = ratio.items as [Expression, Expression];
    return compareScalars({ kind: "quotient", numerator, denominator }, scalar);
  }
  if (a.kind === "relation" && b.kind === "relation") {
    const isSame = a.operators.join() === b.operators.join() && sameItems(a.sides, b.sides);
    return { isEqual: isSame, rule: "items" };
  }
  const [listed, grouped] = a.kind === "list" ? [a, b] : [b, a];
  if (listed.kind === "list" && grouped.kind === "group" && grouped.open === "(") {
    return { isEqual: sameItems(listed.items, grouped.items), rule: "items" };
  }
  return undefined;
}

const sameItems = (a: readonly Expression[], b: readonly Expression[]): boolean =>
  a.length === b.length &&
  a.length <= MAX_MEMBERS &&
  a.every((item, index) => compareExpressions(item, b[index]!).isEqual);

/** Every member of one is in the other, and the other way round. */
function sameMembers(a: readonly Expression[], b: readonly Expression[]): boolean {
  if (a.length > MAX_MEMBERS || b.length > MAX_MEMBERS) return false;
  const isIn = (item: Expression, others: readonly Expression[]): boolean =>
    others.some((other) => compareExpressions(item, other).isEqual);
  return a.every((item) => isIn(item, b)) && b.every((item) => isIn(item, a));
}
