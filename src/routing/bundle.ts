/**
 * A small two-file format for fitted routing parts: `NAME.json` (readable header and an index of arrays) and
 * one binary of little-endian floats. The binary is named by its SHA-256, and the JSON, written last, points
 * at it: a process killed while saving leaves the previous state readable.
 */
import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { TuttiError } from "../support/errors.ts";
import { type JsonLimits, readJsonFile } from "../support/json.ts";
import { readWholeFile } from "../support/read-file.ts";

const BUNDLE_VERSION = 1;
/** Headers hold the words of an embedding, a hundred thousand or so. */
const INDEX_LIMITS: JsonLimits = { bytes: 1 << 26, depth: 64, values: 1 << 22 };
const MAXIMUM_DATA_BYTES = 2 ** 32;

export type BundleArray = Float32Array | Float64Array;

export interface BundleContent {
  /** JSON-serialisable. */
  readonly header: unknown;
  readonly arrays: Readonly<Record<string, BundleArray>>;
}

const indexSchema = z.object({
  format: z.string(),
  version: z.number(),
  header: z.unknown(),
  arrays: z.array(
    z.object({
      name: z.string(),
      dtype: z.enum(["float32", "float64"]),
      offset: z.int().nonnegative(),
      length: z.int().nonnegative(),
    }),
  ),
  // A bare file name: an index must not make the reader leave its folder.
  data: z.object({ file: z.string().regex(/^[\w-][\w.-]*\.[0-9a-f]{16}\.bin$/), sha256: z.string() }),
});

function invalid(path: string, problem: string, details: Record<string, unknown> = {}, cause?: unknown) {
  return new TuttiError("ROUTER_INVALID", `${path}: ${problem}`, {
    details: { path, ...details },
    hint: "train the router again, or copy its whole folder",
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Writes a bundle into `directory`, replacing one of the same name.
 *
 * @throws {TuttiError} FILE_WRITE_FAILED
 */
export function saveBundle(directory: string, name: string, format: string, content: BundleContent): void {
  const parts: Uint8Array[] = [];
  const arrays: z.infer<typeof indexSchema>["arrays"] = [];
  let offset = 0;
  // Wide elements first keeps every offset a multiple of its element size.
  const entries = Object.entries(content.arrays).sort(
    ([, a], [, b]) => b.BYTES_PER_ELEMENT - a.BYTES_PER_ELEMENT,
  );
  for (const [arrayName, array] of entries) {
    const dtype = array instanceof Float64Array ? "float64" : "float32";
    arrays.push({ name: arrayName, dtype, offset, length: array.length });
    parts.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    offset += array.byteLength;
  }
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  const sha256 = hash.digest("hex");
  const file = `${name}.${sha256.slice(0, 16)}.bin`;
  writeFileAtomic(join(directory, file), ...parts);
  const index = { format, version: BUNDLE_VERSION, header: content.header, arrays, data: { file, sha256 } };
  writeFileAtomic(join(directory, `${name}.json`), `${JSON.stringify(index)}\n`);
  for (const other of readdirSync(directory)) {
    const isStale =
      other !== file &&
      other.startsWith(`${name}.`) &&
      /^\.[0-9a-f]{16}\.bin$/.test(other.slice(name.length));
    if (isStale) rmSync(join(directory, other), { force: true });
  }
}

/** Puts every array of a part under a prefix; {@link BundleArrays.under} reads it back. */
export function prefixArrays(prefix: string, arrays: BundleContent["arrays"]): Record<string, BundleArray> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [prefix + name, array]));
}

/** Arrays of a loaded bundle; each read states the type and length that the header promises. */
export class BundleArrays {
  private readonly path: string;
  private readonly arrays: ReadonlyMap<string, BundleArray>;
  private readonly prefix: string;

  constructor(path: string, arrays: ReadonlyMap<string, BundleArray>, prefix = "") {
    this.path = path;
    this.arrays = arrays;
    this.prefix = prefix;
  }

  /** The arrays whose names start with `prefix`, addressed without it. */
  under(prefix: string): BundleArrays {
    return new BundleArrays(this.path, this.arrays, this.prefix + prefix);
  }

  /** @throws {TuttiError} ROUTER_INVALID when the array is missing or has another type or length */
  float32(name: string, length: number): Float32Array {
    const array = this.arrays.get(this.prefix + name);
    if (array instanceof Float32Array && array.length === length) return array;
    throw this.mismatch(name, `float32[${length}]`);
  }

  /** @throws {TuttiError} ROUTER_INVALID when the array is missing or has another type or length */
  float64(name: string, length: number): Float64Array {
    const array = this.arrays.get(this.prefix + name);
    if (array instanceof Float64Array && array.length === length) return array;
    throw this.mismatch(name, `float64[${length}]`);
  }

  private mismatch(name: string, expected: string): TuttiError {
    const array = this.arrays.get(this.prefix + name);
    const received =
      array === undefined
        ? "nothing"
        : `${array instanceof Float64Array ? "float64" : "float32"}[${array.length}]`;
    const field = `arrays.${this.prefix}${name}`;
    return invalid(this.path, `${field} is ${received}, expected ${expected}`, { field });
  }
}

function readIndex(path: string, format: string): z.infer<typeof indexSchema> {
  const json = readJsonFile(path, INDEX_LIMITS, (problem, cause) => invalid(path, problem, {}, cause));
  const index = parseHeader(path, indexSchema, json, "");
  if (index.format !== format) {
    throw invalid(path, `format is ${JSON.stringify(index.format)}, expected ${JSON.stringify(format)}`, {
      field: "format",
    });
  }
  if (index.version !== BUNDLE_VERSION) {
    throw invalid(path, `version is ${index.version}, expected ${BUNDLE_VERSION}`, { field: "version" });
  }
  return index;
}

/** Checks JSON against a schema; the error names the file and the first wrong field. */
export function parseHeader<T>(path: string, schema: z.ZodType<T>, value: unknown, prefix: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = [prefix, ...issue.path.map(String)].filter((part) => part !== "").join(".");
  throw invalid(path, `${field === "" ? "content" : field}: ${issue.message}`, { field });
}

/**
 * Reads `NAME.json` and its binary, checking format, version, checksum and header.
 *
 * @throws {TuttiError} ROUTER_INVALID naming the file and the field
 */
export function loadBundle<T>(
  directory: string,
  name: string,
  format: string,
  headerSchema: z.ZodType<T>,
): { readonly path: string; readonly header: T; readonly arrays: BundleArrays } {
  const path = join(directory, `${name}.json`);
  const index = readIndex(path, format);
  const header = parseHeader(path, headerSchema, index.header, "header");
  const dataPath = join(directory, index.data.file);
  const data = readWholeFile(dataPath, MAXIMUM_DATA_BYTES, (problem, cause) =>
    invalid(dataPath, problem, {}, cause),
  );
  const sha256 = createHash("sha256").update(data).digest("hex");
  if (sha256 !== index.data.sha256) {
    throw invalid(dataPath, `has SHA-256 ${sha256}, expected ${index.data.sha256}`, { field: "data.sha256" });
  }
  // Small reads may share a pooled buffer at an odd offset; typed arrays need aligned storage.
  const bytes = new Uint8Array(data).buffer;
  const arrays = new Map<string, BundleArray>();
  for (const [position, entry] of index.arrays.entries()) {
    const type = entry.dtype === "float64" ? Float64Array : Float32Array;
    const end = entry.offset + entry.length * type.BYTES_PER_ELEMENT;
    if (end > bytes.byteLength || entry.offset % type.BYTES_PER_ELEMENT !== 0) {
      throw invalid(path, `arrays.${position} (${entry.name}) lies outside ${index.data.file}`, {
        field: `arrays.${position}`,
      });
    }
    arrays.set(entry.name, new type(bytes, entry.offset, entry.length));
  }
  return { path, header, arrays: new BundleArrays(path, arrays) };
}
