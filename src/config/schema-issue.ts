/** Turns a schema finding into one sentence that names the field, what was received and what was expected. */
import type { z } from "zod";
import { didYouMean } from "../support/did-you-mean.ts";

type Issue = z.core.$ZodIssue;

/** The first thing wrong with an input, in words. */
export interface IssueDescription {
  /** Keys and indices from the root to the field. */
  readonly path: readonly PropertyKey[];
  /** The same as text: `models[0].baseUrl`; empty at the root. */
  readonly field: string;
  /** What is wrong, without the field name. */
  readonly problem: string;
  readonly kind: "missing" | "unknown-key" | "wrong-type" | "wrong-value";
}

/** `["models", 0, "name"]` -> `models[0].name`. */
export function fieldName(path: readonly PropertyKey[]): string {
  let name = "";
  for (const key of path) {
    if (typeof key === "number") name += `[${key}]`;
    else name += name === "" ? String(key) : `.${String(key)}`;
  }
  return name;
}

/**
 * Describes one finding.
 *
 * @param input the value that was checked, from which the received value is read
 * @param knownKeys allowed keys at a path, for suggestions after an unknown key
 */
export function describeIssue(
  issue: Issue,
  input: unknown,
  knownKeys: (path: readonly PropertyKey[]) => readonly string[] = () => [],
): IssueDescription {
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const known = knownKeys(issue.path);
    const suggestion = didYouMean(key, known);
    const expected = known.length === 0 ? "" : `, expected one of ${known.join(", ")}`;
    return describe(
      [...issue.path, key],
      "unknown-key",
      `unknown key${suggestion ? ` (${suggestion})` : ""}${expected}`,
    );
  }
  const received = valueAt(input, issue.path);
  if (
    received === undefined &&
    (issue.code === "invalid_type" || issue.code === "invalid_value" || issue.code === "invalid_union")
  ) {
    return describe(issue.path, "missing", `missing, expected ${expectation(issue)}`);
  }
  if (issue.code === "invalid_type") {
    return describe(
      issue.path,
      "wrong-type",
      `received ${inWords(received)}, expected ${expectation(issue)}`,
    );
  }
  if (issue.code === "custom") return describe(issue.path, customKind(issue.params), issue.message);
  return describe(issue.path, "wrong-value", `received ${inWords(received)}, expected ${expectation(issue)}`);
}

function describe(
  path: readonly PropertyKey[],
  kind: IssueDescription["kind"],
  problem: string,
): IssueDescription {
  return { path, field: fieldName(path), kind, problem };
}

/** A refinement may say what kind of finding its own is, in `params.kind`. */
function customKind(params: Record<string, unknown> | undefined): IssueDescription["kind"] {
  const kind = params?.kind;
  return kind === "missing" || kind === "wrong-type" ? kind : "wrong-value";
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return withArticle(issue.expected === "int" ? "integer" : issue.expected);
    case "invalid_value":
      return issue.values.map((value) => JSON.stringify(value)).join(" or ");
    case "too_small":
      return issue.origin === "number" || issue.origin === "int"
        ? `a number ${issue.inclusive ? ">=" : ">"} ${issue.minimum}`
        : `at least ${issue.minimum} ${issue.origin === "string" ? "character(s)" : "element(s)"}`;
    case "too_big":
      return issue.origin === "number" || issue.origin === "int"
        ? `a number ${issue.inclusive ? "<=" : "<"} ${issue.maximum}`
        : `at most ${issue.maximum} ${issue.origin === "string" ? "character(s)" : "element(s)"}`;
    case "invalid_union":
      return "options" in issue && Array.isArray(issue.options)
        ? issue.options.map((option) => JSON.stringify(option)).join(" or ")
        : "another shape";
    default:
      return issue.message;
  }
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** Containers and long strings are named by kind only: messages stay short and quote no prompt. */
function inWords(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string")
    return value.length <= 60 ? `the string ${JSON.stringify(value)}` : "a long string";
  return String(value);
}
