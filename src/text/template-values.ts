/** What the template library computes with, as far as its sizes must be known. */
import type { TemplateValue } from "./template-library.ts";

/** Items of a list, entries of an object or a namespace; undefined for other values. */
export function childrenOf(value: TemplateValue): readonly TemplateValue[] | undefined {
  const inside: unknown = value.value;
  if (Array.isArray(inside)) return inside;
  return inside instanceof Map ? [...(inside as Map<string, TemplateValue>).values()] : undefined;
}

/** Characters of a string, items of a list, entries of an object; 1 for other values. */
export function lengthOf(value: TemplateValue): number {
  const inside: unknown = value.value;
  if (typeof inside === "string") return inside.length;
  if (Array.isArray(inside)) return inside.length;
  return inside instanceof Map ? inside.size : 1;
}

/** Characters that one character of a string can take when it is written as JSON with escapes. */
const ESCAPED = 6;
const NUMBER_CHARACTERS = 24;

/**
 * The most characters that a value takes when it is written out, or more than `limit` as soon as it is clear that it does:
 * a list that holds a list twice is written twice, so that few values can stand for very many.
 *
 * @param padding characters beside every value: separators, indentation
 */
export function writtenCharacters(value: TemplateValue, limit: number, padding = 4, depth = 1): number {
  if (value.type === "FunctionValue") throw new Error("a function cannot be written");
  const inside: unknown = value.value;
  let characters = NUMBER_CHARACTERS + padding * depth;
  if (typeof inside === "string") return characters + ESCAPED * inside.length;
  if (inside instanceof Map) for (const key of inside.keys()) characters += ESCAPED * String(key).length;
  for (const child of childrenOf(value) ?? []) {
    if (characters > limit) return characters;
    characters += writtenCharacters(child, limit - characters, padding, depth + 1);
  }
  return characters;
}

/** Characters of everything that a caller hands to a template. */
export function inputCharacters(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 1;
  let characters = 0;
  for (const [key, item] of Object.entries(value)) characters += key.length + 1 + inputCharacters(item);
  return characters;
}
