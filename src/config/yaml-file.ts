/** Reads a YAML file against a schema; every failure names the file, the line and the field. */
import { readFileSync } from "node:fs";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { type ErrorCode, messageOf, TuttiError } from "../support/errors.ts";
import { describeIssue, fieldName, type IssueDescription } from "./schema-issue.ts";

export interface YamlFileOptions<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** Code of the error when the content is wrong. */
  readonly code: ErrorCode;
  /** Allowed keys of the mapping at a path, for suggestions. */
  readonly knownKeys?: (path: readonly PropertyKey[]) => readonly string[];
  /** A better sentence for some findings, such as a secret where none belongs. */
  readonly explain?: (
    issue: IssueDescription,
  ) => { readonly problem: string; readonly hint: string } | undefined;
}

/** What was read, and where its fields stand, for checks that a schema cannot express. */
export interface YamlFile<Value> {
  readonly path: string;
  readonly value: Value;
  /** The error for a field that is well-formed but wrong. */
  fail(path: readonly PropertyKey[], problem: string, hint?: string): TuttiError;
}

/**
 * Reads, parses and validates one YAML 1.2 document (JSON is YAML, so a JSON file is read too).
 *
 * @throws {TuttiError} FILE_NOT_FOUND, or `options.code` with `details {path, line, field}`
 */
export function readYamlFile<Schema extends z.ZodType>(
  path: string,
  options: YamlFileOptions<Schema>,
): YamlFile<z.output<Schema>> {
  const text = readText(path, options.code);
  const lines = new LineCounter();
  // prettyErrors would quote the source line, which may hold a secret that does not belong there.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntaxProblem = document.errors[0] ?? document.warnings[0];
  if (syntaxProblem !== undefined) {
    const line = lines.linePos(syntaxProblem.pos[0]).line;
    throw new TuttiError(options.code, `${path}:${line}: not valid YAML: ${syntaxProblem.message}`, {
      details: { path, line },
      hint: "check indentation, quotes and duplicate keys on that line",
    });
  }
  const raw = toPlain(document, path, options.code);
  const fail = (fieldPath: readonly PropertyKey[], problem: string, hint?: string): TuttiError => {
    const line = lineOf(document, lines, fieldPath);
    const field = fieldPath.length === 0 ? "top level" : fieldName(fieldPath);
    return new TuttiError(options.code, `${path}:${line}: ${field}: ${problem}`, {
      details: { path, line, field },
      ...(hint === undefined ? {} : { hint }),
    });
  };
  const result = options.schema.safeParse(raw);
  if (!result.success) {
    const { issues } = result.error;
    // A misspelt key is also a missing one; the misspelling is the better thing to say.
    const first = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!;
    const issue = describeIssue(first, raw, options.knownKeys);
    const explained = options.explain?.(issue);
    throw fail(issue.path, explained?.problem ?? issue.problem, explained?.hint);
  }
  return { path, value: result.data, fail };
}

function readText(path: string, code: ErrorCode): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new TuttiError("FILE_NOT_FOUND", `could not read ${path}: ${messageOf(cause)}`, {
      cause,
      details: { path },
      hint: "check the path and the permissions of the file",
    });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TuttiError(code, `${path}: not valid UTF-8`, {
      cause,
      details: { path },
      hint: "save the file as UTF-8",
    });
  }
}

function toPlain(document: Document.Parsed, path: string, code: ErrorCode): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new TuttiError(code, `${path}: could not expand the document: ${messageOf(cause)}`, {
      cause,
      details: { path },
      hint: "write repeated parts out instead of nesting aliases",
    });
  }
}

/** Line of the deepest existing node on the way to the field; a key's own line where it has one. */
function lineOf(document: Document.Parsed, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth--) {
    const key = path[depth - 1];
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair !== undefined && isScalar(pair.key) && pair.key.range)
        return lines.linePos(pair.key.range[0]).line;
    }
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
