/** Reads judged records from JSON-lines files. */
export type { JudgedDataset } from "./collect.ts";

import { messageOf, TuttiError } from "../support/errors.ts";
import type { JudgedDataset } from "./collect.ts";
import { DatasetCollector } from "./collect.ts";
import { readLines } from "./lines.ts";
import type { RecordPlace } from "./place.ts";
import { fieldError, placeError } from "./place.ts";

export interface ReadJudgedOptions {
  /** Every row must hold exactly these; also the order of the dataset's list. Default: those of the first row. */
  readonly candidates?: readonly string[];
}

const NOT_A_NUMBER = /(:\s*)(NaN|-?Infinity)(?=\s*[,}])/g;
const MARK = "\u0000";

function findMarked(value: unknown, path: string): { field: string; literal: string } | undefined {
  if (typeof value === "string") {
    return value.startsWith(MARK) ? { field: path, literal: value.slice(MARK.length) } : undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const isPlain = path !== "candidates" && /^[A-Za-z_]\w*$/.test(name);
    const step = isPlain ? `${path && "."}${name}` : `[${JSON.stringify(name)}]`;
    const found = findMarked(inner, `${path}${step}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** NaN and Infinity, which some writers put where JSON has no number for them: which field holds one? */
function findNotANumber(text: string): { field: string; literal: string } | undefined {
  try {
    return findMarked(
      JSON.parse(text.replace(NOT_A_NUMBER, `$1${JSON.stringify(MARK).slice(0, -1)}$2"`)),
      "",
    );
  } catch {
    return undefined;
  }
}

/** One line as JSON. @throws {TuttiError} RECORD_INVALID naming file, line and, for a number JSON has none for, the field */
export function parseRow(text: string, place: RecordPlace): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const found = findNotANumber(text);
    if (found !== undefined) {
      throw fieldError(place, {
        field: found.field,
        received: `${found.literal}, which is invalid JSON`,
        expected: "a finite number",
        hint: "judge the response again, or leave the whole row out; JSON has no NaN or Infinity",
      });
    }
    throw placeError(
      "RECORD_INVALID",
      place,
      `invalid JSON (${messageOf(cause)}), expected one object per line`,
      {
        cause,
        hint: "a row cut off in the middle comes from an interrupted write; remove it or write the file again",
      },
    );
  }
}

async function readFileInto(collector: DatasetCollector, file: string): Promise<void> {
  const before = collector.size;
  for await (const { text, line } of readLines(file)) {
    if (text.trim() === "") continue;
    const place = { file, line };
    collector.add(parseRow(text, place), place);
  }
  if (collector.size > before) return;
  throw placeError(
    "DATASET_INVALID",
    { file, line: 1 },
    "received a file without rows, expected at least one judged record",
    { hint: "check that the command that wrote it has finished, or leave the file out" },
  );
}

/**
 * Reads `.jsonl` and `.jsonl.gz` files as one dataset, row by row and in the order given. Every row is checked in
 * full before anything is returned; blank lines, CRLF line ends and a byte-order mark are accepted.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, FILE_CORRUPT, RECORD_INVALID, UNKNOWN_CANDIDATE, DATASET_INVALID (an id twice,
 *   a file without rows), INVALID_ARGUMENT; the message names file, line and field
 */
export async function readJudgedRecords(
  paths: readonly string[],
  options: ReadJudgedOptions = {},
): Promise<JudgedDataset> {
  if (paths.length === 0) {
    throw new TuttiError("INVALID_ARGUMENT", "paths: received an empty list, expected judged-record files", {
      hint: "name at least one .jsonl or .jsonl.gz file",
    });
  }
  const collector = new DatasetCollector(options.candidates);
  for (const path of paths) await readFileInto(collector, path);
  return collector.dataset();
}
