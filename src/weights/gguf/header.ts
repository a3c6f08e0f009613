/**
 * Parsing and checking a GGUF header, versions 2 and 3, little-endian: magic, version, counts, metadata, tensor infos.
 * The data follow, padded to the alignment; every tensor begins at a multiple of it and none overlaps another.
 *
 * Source: the format's specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { shown } from "../../support/show.ts";
import { invalidGguf } from "./error.ts";
import type { HeaderBytes } from "./header-bytes.ts";
import { ARRAYS, type GgufItemType, type GgufMetadata, type GgufValue, VALUE_TYPES } from "./metadata.ts";
import { type GgufTensorType, tensorTypeById } from "./tensor-type.ts";

export const MAGIC = "GGUF";
export const DEFAULT_ALIGNMENT = 32;
export const MAXIMUM_RANK = 4;
const MAXIMUM_KEY_BYTES = 65_535;
const MAXIMUM_STRING_BYTES = 1 << 26;
/** Most entries of either kind; the largest models have about two thousand tensors. */
const MAXIMUM_ENTRIES = 65_536n;
/** Most strings of a list; the largest vocabularies have half a million merges. */
const MAXIMUM_STRINGS = 1n << 21n;
/** Fewest bytes that a metadata entry (name length, type, value) and a tensor info can take. */
const SMALLEST_ENTRY = 13n;
const SMALLEST_INFO = 24n;

/** Where one tensor lies. */
export interface GgufEntry {
  readonly name: string;
  /** Element type as the format names it, such as "Q4_K". */
  readonly type: string;
  /** Row-major: the reverse of the order in the file. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly alignment: number;
  readonly metadata: GgufMetadata;
  /** In the order of the infos in the file. */
  readonly entries: ReadonlyMap<string, GgufEntry>;
}

function readVersion(bytes: HeaderBytes): number {
  const magic = String.fromCharCode(...bytes.bytes(4, "the magic"));
  if (magic !== MAGIC) throw invalidGguf(bytes.path, `begins with ${shown(magic)}, expected "${MAGIC}"`);
  const version = bytes.uint32("the version");
  if (version === 2 || version === 3) return version;
  const isBigEndian = version !== 0 && (version & 0xffff) === 0;
  const what = isBigEndian ? "big-endian" : `version ${version}`;
  throw invalidGguf(bytes.path, `is ${what}, expected version 2 or 3, little-endian`, { version });
}

function valueType(bytes: HeaderBytes, id: number, what: string): (typeof VALUE_TYPES)[number] {
  const type = VALUE_TYPES[id];
  if (type === undefined)
    throw invalidGguf(bytes.path, `${what} has type ${id}, expected 0 to ${VALUE_TYPES.length - 1}`);
  return type;
}

function checkBooleans(bytes: HeaderBytes, values: Uint8Array, what: string): void {
  const wrong = values.find((value) => value > 1);
  if (wrong !== undefined)
    throw invalidGguf(bytes.path, `${what} has a boolean of value ${wrong}, expected 0 or 1`);
}

function readItems(bytes: HeaderBytes, items: GgufItemType, count: bigint, what: string): GgufValue {
  // A string takes its length field at least.
  const itemBytes = items === "string" ? 8 : ARRAYS[items].BYTES_PER_ELEMENT;
  bytes.require(count * BigInt(itemBytes), what);
  if (items === "string") {
    if (count > MAXIMUM_STRINGS)
      throw invalidGguf(bytes.path, `${what} lists ${count} strings, expected at most ${MAXIMUM_STRINGS}`);
    const value = new Array<string>(Number(count));
    for (let index = 0; index < value.length; index++)
      value[index] = bytes.string(MAXIMUM_STRING_BYTES, what);
    return { type: "array", items, value };
  }
  const value = new ARRAYS[items](bytes.copy(Number(count) * itemBytes, what));
  if (items === "bool") checkBooleans(bytes, value as Uint8Array, what);
  return { type: "array", items, value };
}

function readValue(bytes: HeaderBytes, what: string): GgufValue {
  const type = valueType(bytes, bytes.uint32(what), what);
  if (type === "string") return { type, value: bytes.string(MAXIMUM_STRING_BYTES, what) };
  if (type === "array") {
    const items = valueType(bytes, bytes.uint32(what), what);
    if (items === "array")
      throw invalidGguf(bytes.path, `${what} is a list of lists, which is not supported`);
    return readItems(bytes, items, bytes.uint64(what), what);
  }
  const [value] = new ARRAYS[type](bytes.copy(ARRAYS[type].BYTES_PER_ELEMENT, what));
  if (type === "bool") {
    checkBooleans(bytes, Uint8Array.of(value as number), what);
    return { type, value: value === 1 };
  }
  return { type, value } as GgufValue;
}

function readMetadata(bytes: HeaderBytes, count: bigint): GgufMetadata {
  const metadata = new Map<string, GgufValue>();
  for (let index = 0n; index < count; index++) {
    const key = bytes.string(MAXIMUM_KEY_BYTES, `name of metadata entry ${index}`);
    if (key === "") throw invalidGguf(bytes.path, `metadata entry ${index} has no name`);
    if (metadata.has(key)) throw invalidGguf(bytes.path, `metadata name ${shown(key)} twice`, { key });
    metadata.set(key, readValue(bytes, `metadata ${shown(key)}`));
  }
  return metadata;
}

function readAlignment(path: string, metadata: GgufMetadata): number {
  const field = metadata.get("general.alignment");
  if (field === undefined) return DEFAULT_ALIGNMENT;
  const { type, value } = field;
  const isPowerOfTwo = typeof value === "number" && value > 0 && Number.isInteger(Math.log2(value));
  if (type !== "uint32" || !isPowerOfTwo) {
    throw invalidGguf(
      path,
      `general.alignment is ${type} ${shown(value)}, expected a uint32 that is a power of two`,
    );
  }
  return value as number;
}

interface TensorInfo {
  readonly name: string;
  readonly type: GgufTensorType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** From the start of the data. */
  readonly offset: bigint;
}

function readShape(bytes: HeaderBytes, what: string): number[] {
  const rank = bytes.uint32(what);
  if (rank > MAXIMUM_RANK)
    throw invalidGguf(bytes.path, `${what} has ${rank} dimensions, expected at most ${MAXIMUM_RANK}`);
  const shape = new Array<number>(rank);
  let elements = 1n;
  for (let axis = rank - 1; axis >= 0; axis--) {
    const size = bytes.uint64(what);
    elements *= size;
    if (size > Number.MAX_SAFE_INTEGER || elements > Number.MAX_SAFE_INTEGER) {
      throw invalidGguf(bytes.path, `${what} has a dimension of ${size}: more elements than can be counted`);
    }
    shape[axis] = Number(size);
  }
  return shape;
}

function readInfo(bytes: HeaderBytes, index: bigint): TensorInfo {
  const name = bytes.string(MAXIMUM_KEY_BYTES, `name of tensor ${index}`);
  const what = `tensor ${shown(name)}`;
  const shape = readShape(bytes, what);
  const typeId = bytes.uint32(what);
  const type = tensorTypeById(typeId);
  if (type === undefined)
    throw invalidGguf(bytes.path, `${what} has unknown element type ${typeId}`, { tensor: name });
  const rowElements = shape.at(-1) ?? 1;
  if (rowElements % type.blockElements !== 0) {
    throw invalidGguf(
      bytes.path,
      `${what}: rows of ${rowElements} elements are no whole number of ${type.name} blocks of ${type.blockElements}`,
      { tensor: name },
    );
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  const byteLength = (elements / type.blockElements) * type.blockBytes;
  return { name, type, shape, byteLength, offset: bytes.uint64(what) };
}

function placeTensors(
  bytes: HeaderBytes,
  infos: readonly TensorInfo[],
  alignment: number,
): Map<string, GgufEntry> {
  const { path, fileBytes } = bytes;
  const dataStart = Math.ceil(bytes.position / alignment) * alignment;
  const entries = new Map<string, GgufEntry>();
  for (const { name, type, shape, byteLength, offset } of infos) {
    const fail = (message: string): Error =>
      invalidGguf(path, `tensor ${shown(name)} ${message}`, { tensor: name });
    if (entries.has(name)) throw fail("occurs twice");
    if (offset % BigInt(alignment) !== 0n)
      throw fail(`begins at byte ${offset} of the data, no multiple of ${alignment}`);
    const end = BigInt(dataStart) + offset + BigInt(byteLength);
    if (end > fileBytes) throw fail(`ends at byte ${end}, but the file is ${fileBytes} bytes long`);
    const byteOffset = dataStart + Number(offset);
    entries.set(name, { name, type: type.name, shape, byteOffset, byteLength });
  }
  checkOverlap(path, [...entries.values()]);
  return entries;
}

function checkOverlap(path: string, entries: GgufEntry[]): void {
  entries.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  for (const [index, entry] of entries.entries()) {
    const previous = entries[index - 1];
    if (previous && previous.byteOffset + previous.byteLength > entry.byteOffset) {
      throw invalidGguf(path, `tensor ${shown(entry.name)} overlaps tensor ${shown(previous.name)}`, {
        tensor: entry.name,
      });
    }
  }
}

/**
 * Reads a header and checks all it says against the size of the file.
 *
 * @throws {TuttiError} GGUF_INVALID
 */
export function parseGgufHeader(bytes: HeaderBytes): GgufHeader {
  const version = readVersion(bytes);
  const tensorCount = bytes.uint64("the number of tensors");
  const entryCount = bytes.uint64("the number of metadata entries");
  for (const count of [tensorCount, entryCount]) {
    if (count > MAXIMUM_ENTRIES)
      throw invalidGguf(
        bytes.path,
        `lists ${count} tensors or metadata entries, expected at most ${MAXIMUM_ENTRIES}`,
      );
  }
  bytes.require(entryCount * SMALLEST_ENTRY, `metadata of ${entryCount} entries`);
  bytes.require(tensorCount * SMALLEST_INFO, `a list of ${tensorCount} tensors`);
  const metadata = readMetadata(bytes, entryCount);
  const alignment = readAlignment(bytes.path, metadata);
  const infos: TensorInfo[] = [];
  for (let index = 0n; index < tensorCount; index++) infos.push(readInfo(bytes, index));
  return { version, alignment, metadata, entries: placeTensors(bytes, infos, alignment) };
}
