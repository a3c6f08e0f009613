/** The index of a checkpoint in several files: which file holds which tensor (`model.safetensors.index.json`). */
import { TuttiError } from "../support/errors.ts";
import { type JsonLimits, parseJsonBytes } from "../support/json.ts";
import { readOpenFile } from "../support/read-file.ts";
import { shown } from "../support/show.ts";
import { firstDuplicateKey } from "./duplicate-key.ts";
import { openForReading } from "./positioned-read.ts";

export const INDEX_FILE = "model.safetensors.index.json";

/** Indices of the largest models take a few megabytes and name a hundred thousand tensors. */
const INDEX_LIMITS: JsonLimits = { bytes: 1 << 26, depth: 8, values: 1 << 20 };
/** A plain name: no folder, no drive, nothing hidden. */
const SHARD_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.+=@ -]*\.safetensors$/;

function invalidIndex(path: string, message: string, cause?: unknown): TuttiError {
  return new TuttiError("SAFETENSORS_INVALID", `${path}: ${message}`, {
    details: { path },
    hint: 'expected {"weight_map": {TENSOR: FILE.safetensors}} with files beside the index: copy the checkpoint again',
    ...(cause === undefined ? {} : { cause }),
  });
}

function parse(path: string): unknown {
  const refuse = (problem: string, cause?: unknown): TuttiError => invalidIndex(path, problem, cause);
  const bytes = readOpenFile(openForReading(path), INDEX_LIMITS.bytes, refuse);
  const { value, text } = parseJsonBytes(bytes, INDEX_LIMITS, refuse);
  const duplicate = firstDuplicateKey(text);
  if (duplicate !== undefined) throw invalidIndex(path, `names ${shown(duplicate)} twice`);
  return value;
}

/**
 * Reads an index.
 *
 * @returns file names by tensor; each is a plain name, to be looked for beside the index
 * @throws {TuttiError} FILE_NOT_FOUND, or SAFETENSORS_INVALID: no such index, or a file that lies elsewhere
 */
export function readSafetensorsIndex(path: string): ReadonlyMap<string, string> {
  const json = parse(path);
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map))
    throw invalidIndex(path, `weight_map is ${shown(map)}, expected an object of file names`);
  const files = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string" || file.length > 255 || !SHARD_NAME.test(file)) {
      throw invalidIndex(
        path,
        `tensor ${shown(tensor)} is in ${shown(file)}, expected a .safetensors file in the same folder`,
      );
    }
    files.set(tensor, file);
  }
  if (files.size === 0) throw invalidIndex(path, "weight_map is empty");
  return files;
}

/** The text of an index. @param files names by tensor; @param totalBytes of all tensors together */
export function safetensorsIndexText(files: ReadonlyMap<string, string>, totalBytes: number): string {
  const weightMap = Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ metadata: { total_size: totalBytes }, weight_map: weightMap }, null, 2)}\n`;
}
