/** Where in the input a problem is, and the one shape every message about it has. */
import type { ErrorCode } from "../support/errors.ts";
import { TuttiError } from "../support/errors.ts";

/** A row of a judged file. `line` counts from 1. */
export interface RecordPlace {
  readonly file: string;
  readonly line: number;
}

const RECEIVED_CHARACTERS = 60;

/** A short description of what stood where something else was expected. */
export function describeReceived(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return Object.keys(value).length === 0 ? "an empty object" : "an object";
  if (typeof value === "string") {
    const shown = value.length > RECEIVED_CHARACTERS ? `${value.slice(0, RECEIVED_CHARACTERS)}...` : value;
    return `the string ${JSON.stringify(shown)}`;
  }
  return `the ${typeof value} ${String(value)}`;
}

export interface FieldProblem {
  readonly code?: ErrorCode;
  /** Path of the field inside the row, as one would write it in code. */
  readonly field: string;
  readonly received: string;
  readonly expected: string;
  readonly hint: string;
}

/** `FILE:LINE: field FIELD: received X, expected Y`, RECORD_INVALID unless told otherwise. */
export function fieldError(place: RecordPlace, problem: FieldProblem): TuttiError {
  const { code = "RECORD_INVALID", field, received, expected, hint } = problem;
  return new TuttiError(
    code,
    `${place.file}:${place.line}: field ${field}: received ${received}, expected ${expected}`,
    { details: { file: place.file, line: place.line, field, received, expected }, hint },
  );
}

/** `FILE:LINE: TEXT`, for problems that belong to no field. */
export function placeError(
  code: ErrorCode,
  place: RecordPlace,
  text: string,
  options: { readonly hint: string; readonly cause?: unknown },
): TuttiError {
  return new TuttiError(code, `${place.file}:${place.line}: ${text}`, {
    details: { file: place.file, line: place.line },
    ...options,
  });
}
