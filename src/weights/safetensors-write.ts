/** Writing safetensors files that every reader of the format loads. */
import { AtomicFile, writePartsAtomic } from "../support/atomic-file.ts";
import { TuttiError } from "../support/errors.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";
import {
  isSafetensorsDType,
  SAFETENSORS_DTYPES,
  type SafetensorsData,
  type SafetensorsDType,
  storedType,
} from "./safetensors-dtype.ts";
import { MAXIMUM_HEADER_BYTES } from "./safetensors-header.ts";

type NamelessTensor = Omit<TensorInMemory, "name">;

export interface TensorHeading {
  readonly name: string;
  /** F16 and BF16 are rounded from a Float32Array. */
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
}

export interface TensorInMemory extends TensorHeading {
  readonly data: SafetensorsData;
}

/** Values are at hand, or read when it is the tensor's turn. */
export type TensorToWrite = TensorInMemory | (TensorHeading & { readonly read: () => SafetensorsData });

function checkHeading({ name, dtype }: TensorHeading): void {
  if (name === "__metadata__") {
    throw new TuttiError("INVALID_ARGUMENT", 'a tensor cannot be named "__metadata__"', {
      hint: "the format keeps that name for its own use; give the tensor another",
    });
  }
  if (!isSafetensorsDType(dtype)) {
    throw new TuttiError(
      "DTYPE_MISMATCH",
      `tensor "${name}": dtype is "${dtype}", expected one of ${SAFETENSORS_DTYPES.join(", ")}`,
    );
  }
}

function checkKind({ name, dtype }: TensorHeading, data: SafetensorsData): void {
  const { array } = storedType(dtype);
  if (data.constructor.name === array) return;
  throw new TuttiError(
    "DTYPE_MISMATCH",
    `tensor "${name}": ${dtype} is written from a ${array}, received a ${data.constructor.name}`,
  );
}

function checkData(heading: TensorHeading, data: SafetensorsData): void {
  const { name, shape } = heading;
  checkKind(heading, data);
  if (sizeOf(shape) !== data.length) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `tensor "${name}": shape ${formatShape(shape)} takes ${sizeOf(shape)} elements, received ${data.length}`,
    );
  }
}

/** Wider types come first, which keeps every tensor aligned, then names in code-unit order. */
const inFileOrder = (a: TensorHeading, b: TensorHeading): number =>
  storedType(b.dtype).bytes - storedType(a.dtype).bytes || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** What stands before the tensors' bytes: the length of the header, then the header. */
function headerOf(
  headings: readonly TensorHeading[],
  metadata: Readonly<Record<string, string>>,
): readonly [length: Uint8Array, json: Uint8Array] {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set("__metadata__", metadata);
  let offset = 0;
  for (const { name, dtype, shape } of headings) {
    if (header.has(name)) {
      throw new TuttiError("INVALID_ARGUMENT", `two tensors are named "${name}"`, {
        hint: "give each tensor a name of its own",
      });
    }
    const end = offset + sizeOf(shape) * storedType(dtype).bytes;
    header.set(name, { dtype, shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)), "utf8");
  const padded = Buffer.alloc(Math.ceil(json.byteLength / 8) * 8, " ");
  json.copy(padded);
  if (padded.byteLength > MAXIMUM_HEADER_BYTES) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `names and metadata take ${padded.byteLength} bytes, more than the ${MAXIMUM_HEADER_BYTES} of the format`,
    );
  }
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.byteLength), true);
  return [length, padded];
}

/**
 * Writes tensors and string metadata to `path`, atomically: a reader sees the old file or the whole new one. Data are
 * written in place, without a copy, except where half precision is encoded. The bytes depend on the content only.
 *
 * @throws {TuttiError} DTYPE_MISMATCH, SHAPE_MISMATCH, INVALID_ARGUMENT (repeated or reserved name), FILE_WRITE_FAILED
 */
export function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite> | Readonly<Record<string, NamelessTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const list = Symbol.iterator in tensors ? [...(tensors as Iterable<TensorToWrite>)] : withNames(tensors);
  for (const tensor of list) {
    checkHeading(tensor);
    if ("data" in tensor) checkData(tensor, tensor.data);
  }
  list.sort(inFileOrder);
  writePartsAtomic(path, parts(headerOf(list, metadata), list));
}

/** One tensor in memory at a time, where tensors are read. */
function* parts(header: readonly Uint8Array[], tensors: readonly TensorToWrite[]): Generator<Uint8Array> {
  yield* header;
  for (const tensor of tensors) {
    const data = "data" in tensor ? tensor.data : tensor.read();
    if (!("data" in tensor)) checkData(tensor, data);
    yield storedType(tensor.dtype).encode(data);
  }
}

function withNames(tensors: object): TensorToWrite[] {
  return Object.entries(tensors as Record<string, NamelessTensor>).map(([name, tensor]) => ({
    ...tensor,
    name,
  }));
}

/**
 * A safetensors file that is written piece by piece, so that no tensor need fit into memory. It takes the place of what stands
 * at its path when it is committed; until then, and if it is discarded, nothing is there of it.
 */
export class SafetensorsWriter {
  /** The tensors in the order in which their elements are to be written. */
  readonly headings: readonly TensorHeading[];
  private readonly path: string;
  private readonly file: AtomicFile;
  private tensor = 0;
  private written = 0;

  /** @throws {TuttiError} DTYPE_MISMATCH, INVALID_ARGUMENT (repeated or reserved name), FILE_WRITE_FAILED */
  constructor(
    path: string,
    headings: readonly TensorHeading[],
    metadata: Readonly<Record<string, string>> = {},
  ) {
    for (const heading of headings) checkHeading(heading);
    this.path = path;
    this.headings = [...headings].sort(inFileOrder);
    const header = headerOf(this.headings, metadata);
    this.file = new AtomicFile(path);
    for (const part of header) this.file.write(part);
    this.skipEmpty();
  }

  /**
   * Writes the next elements of the tensor whose turn it is: row-major, at most those that it still lacks.
   *
   * @throws {TuttiError} DTYPE_MISMATCH, SHAPE_MISMATCH (more than it lacks), FILE_WRITE_FAILED
   */
  write(data: SafetensorsData): void {
    const heading = this.headings[this.tensor];
    const lacking = heading === undefined ? 0 : sizeOf(heading.shape) - this.written;
    if (heading === undefined || data.length > lacking) {
      const what = heading === undefined ? "every tensor" : `tensor "${heading.name}"`;
      throw new TuttiError(
        "SHAPE_MISMATCH",
        `${this.path}: ${what} lacks ${lacking} elements, received ${data.length}`,
      );
    }
    checkKind(heading, data);
    this.file.write(storedType(heading.dtype).encode(data));
    this.written += data.length;
    this.skipEmpty();
  }

  /** @throws {TuttiError} SHAPE_MISMATCH when elements are lacking; FILE_WRITE_FAILED */
  commit(): void {
    const heading = this.headings[this.tensor];
    if (heading !== undefined) {
      this.discard();
      throw new TuttiError(
        "SHAPE_MISMATCH",
        `${this.path}: tensor "${heading.name}" has ${this.written} of its ${sizeOf(heading.shape)} elements`,
      );
    }
    this.file.commit();
  }

  /** Removes what was written, unless it was committed. */
  discard(): void {
    this.file.discard();
  }

  /** On to the tensor that lacks elements: some have none. */
  private skipEmpty(): void {
    for (let heading = this.headings[this.tensor]; heading; heading = this.headings[this.tensor]) {
      if (this.written < sizeOf(heading.shape)) return;
      this.tensor++;
      this.written = 0;
    }
  }
}
