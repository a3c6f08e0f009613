/** The index of a checkpoint in several files: which file holds which tensor (`model.safetensors.index.json`). */
import { closeSync, fstatSync } from "node:fs";
import { messageOf, TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";
import { firstDuplicateKey } from "./duplicate-key.ts";
import { openForReading, readAt } from "./positioned-read.ts";

export const INDEX_FILE = "model.safetensors.index.json";

/** Indices of the largest models take a few megabytes. */
const MAXIMUM_INDEX_BYTES = 1 << 26;
/** A plain name: no folder, no drive, nothing hidden. */
const SHARD_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.+=@ -]*\.safetensors$/;

function invalidIndex(path: string, message: string, cause?: unknown): TuttiError {
  return new TuttiError("SAFETENSORS_INVALID", `${path}: ${message}`, {
    details: { path },
    hint: 'expected {"weight_map": {TENSOR: FILE.safetensors}} with files beside the index: copy the checkpoint again',
    ...(cause === undefined ? {} : { cause }),
  });
}

function readText(path: string): string {
  const descriptor = openForReading(path);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw invalidIndex(path, "is not a file");
    if (stat.size > MAXIMUM_INDEX_BYTES)
      throw invalidIndex(path, `is ${stat.size} bytes long, more than the ${MAXIMUM_INDEX_BYTES} allowed`);
    const bytes = new Uint8Array(stat.size);
    readAt(descriptor, bytes, 0, (end) => invalidIndex(path, `ends at byte ${end}, expected ${stat.size}`));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    if (TuttiError.is(cause)) throw cause;
    throw invalidIndex(path, `could not be read: ${messageOf(cause)}`, cause);
  } finally {
    closeSync(descriptor);
  }
}

function parse(path: string): unknown {
  const text = readText(path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalidIndex(path, `is not JSON: ${messageOf(cause)}`, cause);
  }
  const duplicate = firstDuplicateKey(text);
  if (duplicate !== undefined) throw invalidIndex(path, `names ${shown(duplicate)} twice`);
  return json;
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
