/** What operations of a template cost, in characters of memory, known before they run. */
import type { TemplateValue } from "./template-library.ts";
import { childrenOf, lengthOf, writtenCharacters } from "./template-values.ts";

/** What a step leaves behind, what an iteration's loop variable and scope take. */
export const STEP = 16;
export const ITERATION = 256;
/** A value that is made, a place in a list. */
export const ITEM = 32;
export const PLACE = 2;
/** Characters that are only looked at are cheaper. */
export const LOOKED_AT = 1 / 32;
/** Comparisons per item in sorting. */
const SORTING = 16;
const MAXIMUM_INDENT = 16;
const DEFAULT_INDENT = 4;

export interface Argument {
  readonly value: TemplateValue;
  /** Empty for an argument by position. */
  readonly name: string;
}

/** Filters that do not look at their operand's items. */
const INSTANT = ["length", "first", "last", "list", "default", "safe"];

function indentOf(args: readonly Argument[]): number {
  const numbers = args.filter(({ name }) => ["", "indent", "width"].includes(name));
  const widest = numbers.reduce(
    (most, { value }) => Math.max(most, Number(value.value) || 0),
    DEFAULT_INDENT,
  );
  if (widest > MAXIMUM_INDENT) throw new Error(`indentation by ${widest} is not supported`);
  return widest;
}

/** Characters beside each value of JSON, by a level of depth. */
function jsonPadding(args: readonly Argument[]): number {
  const separators = args
    .filter(({ name }) => name === "separators")
    .flatMap(({ value }) => childrenOf(value) ?? []);
  return DEFAULT_INDENT + indentOf(args) + separators.reduce((sum, value) => sum + lengthOf(value), 0);
}

/** Parts that a string is split into, at most. */
function partsOf({ value: text }: TemplateValue, separator: unknown): number {
  if (typeof text !== "string") return 1;
  if (typeof separator !== "string" || separator === "") return text.length / 2 + 1;
  let parts = 1;
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + separator.length))
    parts++;
  return parts;
}

/** Writing a list, an object or a namespace; other values are paid for as text. */
export function writingPrice(value: TemplateValue, limit: number, padding?: number): number {
  const isSimple = childrenOf(value) === undefined && value.type !== "FunctionValue";
  return isSimple ? 0 : writtenCharacters(value, limit, padding);
}

/** Finding one string in another takes the product of their lengths where both repeat. */
export function searchPrice(text: TemplateValue, patternLength: number): number {
  return lengthOf(text) * Math.max(1, patternLength) * LOOKED_AT;
}

/**
 * Applying a filter, or a method of a string.
 *
 * @param limit what is left: no price beyond it is worked out in full
 * @throws {Error} for indentation that no template needs
 */
export function applicationPrice(
  name: string,
  operand: TemplateValue,
  args: readonly Argument[],
  limit: number,
): number {
  if (INSTANT.includes(name)) return 0;
  const length = lengthOf(operand);
  const isText = typeof operand.value === "string";
  const first = args[0] ? lengthOf(args[0].value) : 0;
  const second = args[1] ? lengthOf(args[1].value) : 0;
  const longest = args.reduce((most, { value }) => Math.max(most, lengthOf(value)), 0);
  const reading = length * (isText ? LOOKED_AT : PLACE);
  switch (name) {
    case "tojson":
      return reading + writingPrice(operand, limit, jsonPadding(args));
    case "string":
      return reading + writingPrice(operand, limit);
    case "join":
      return (length + 1) * (1 + longest) + writingPrice(operand, limit);
    case "indent":
      return length * (1 + indentOf(args));
    case "replace":
      return searchPrice(operand, first) + length + (length + 1) * second;
    case "split":
      return searchPrice(operand, first) + ITEM * partsOf(operand, args[0]?.value.value);
    case "items":
    case "keys":
    case "values":
      return ITEM * length;
    case "sort":
    case "dictsort":
    case "unique":
      return SORTING * writtenCharacters(operand, limit);
    default:
      return reading;
  }
}
