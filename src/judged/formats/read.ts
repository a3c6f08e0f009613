/** Data sets out of files: which container and format each file is, in which order they are read, and their rows. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { TuttiError } from "../../support/errors.ts";
import { placeError } from "../place.ts";
import { type Container, containerOf, readContainer } from "./containers/detect.ts";
import type { DataRecord } from "./data-record.ts";
import { Fields } from "./fields.ts";
import type { Format, ReadContext, RowGroup } from "./format.ts";
import { IMPORT_LIMITS, type ImportLimits } from "./limits.ts";
import { References } from "./references.ts";
import { formatNamed, recogniseFormat } from "./registry.ts";
import { UNKNOWN } from "./rows.ts";

export interface ReadOptions {
  /** Name of the format of all files. Default: told by each file's first row. */
  readonly format?: string;
  /** Name of the data set. Default: the file's name. */
  readonly source?: string;
  readonly sourceRevision?: string;
  /** Domain of prompts whose file names none. Default: the source. */
  readonly domain?: string;
  /** Model of answers whose file names none. Default: "unknown". */
  readonly model?: string;
  /** Judge of scores whose file names none. Default: "recorded", version "1". */
  readonly judge?: string;
  readonly judgeVersion?: string;
  /** Time of rows whose file has none, ISO 8601. Default: now. */
  readonly createdAt?: string;
  readonly limits?: Partial<ImportLimits>;
}

/** A file that was looked into. */
export interface DataFile {
  readonly path: string;
  readonly container: Container;
  readonly format: Format;
  /** Which state of the file that was. */
  readonly state: string;
}

const limitsOf = ({ limits }: ReadOptions): ImportLimits => ({ ...IMPORT_LIMITS, ...limits });

async function firstRecord(path: string, container: Container, limits: ImportLimits): Promise<DataRecord> {
  for await (const record of readContainer(path, container, limits)) return record;
  throw placeError(
    "DATASET_INVALID",
    { file: path, line: 1 },
    "received a file without rows, expected at least one",
    {
      hint: "check that what wrote it has finished, or leave the file out",
    },
  );
}

async function stateOf(path: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path);
  return `${size} ${mtimeMs} ${ino}`;
}

/**
 * Looks into the files: what is asked comes first, then what was answered, then what was judged.
 *
 * @throws {TuttiError} INVALID_ARGUMENT, FILE_NOT_FOUND, FILE_CORRUPT, RECORD_INVALID, DATASET_INVALID (no format's rows)
 */
export async function openDataFiles(
  paths: readonly string[],
  options: ReadOptions = {},
): Promise<readonly DataFile[]> {
  if (paths.length === 0) {
    throw new TuttiError("INVALID_ARGUMENT", "paths: received an empty list, expected data files", {
      hint: "name at least one .jsonl, .json, .csv or .parquet file",
    });
  }
  const named = options.format === undefined ? undefined : formatNamed(options.format);
  const limits = limitsOf(options);
  const files: DataFile[] = [];
  for (const path of paths) {
    const container = await containerOf(path, limits);
    const first = await firstRecord(path, container, limits);
    files.push({ path, container, format: named ?? recogniseFormat(first), state: await stateOf(path) });
  }
  return files.sort((a, b) => (a.format.stage ?? 0) - (b.format.stage ?? 0));
}

function contextOf(
  path: string,
  options: ReadOptions,
  createdAt: string,
  references: References,
): ReadContext {
  const source = options.source ?? basename(path).replace(/\.(jsonl|json|csv|parquet)?(\.gz)?$/, "");
  return {
    source,
    ...(options.sourceRevision !== undefined && { sourceRevision: options.sourceRevision }),
    domain: options.domain ?? source,
    model: options.model ?? UNKNOWN,
    judge: options.judge ?? "recorded",
    judgeVersion: options.judgeVersion ?? "1",
    createdAt,
    references,
  };
}

/**
 * The rows of files, in their order.
 *
 * @throws {TuttiError} FILE_CORRUPT, RECORD_INVALID, DATASET_INVALID (an id twice, a file that changed since it was opened)
 */
export async function* readDataFiles(
  files: readonly DataFile[],
  options: ReadOptions = {},
): AsyncGenerator<RowGroup> {
  const references = new References();
  const createdAt = options.createdAt ?? new Date().toISOString();
  for (const { path, container, format, state } of files) {
    const context = contextOf(path, options, createdAt, references);
    for await (const { value, place } of readContainer(path, container, limitsOf(options))) {
      yield format.read(new Fields(value, place), context);
    }
    if ((await stateOf(path)) !== state) {
      throw placeError("DATASET_INVALID", { file: path, line: 1 }, "the file changed while it was read", {
        hint: "import it again once nothing writes to it",
      });
    }
  }
}
