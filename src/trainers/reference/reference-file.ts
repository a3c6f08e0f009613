/**
 * Log-probabilities of a reference model in a file: one row of float32 numbers a prompt, in blocks with a checksum each, written
 * in order. A file that ends early is one that is not finished: what its whole blocks hold stays good, so the computation goes
 * on behind them. Blocks are read when they are asked for; the file may be larger than memory.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { CONFIGURATION_LIMITS, isJsonObject, parseJsonBytes } from "../../support/json.ts";

/** What the numbers are a function of. */
export interface ReferenceKey {
  /** Digest of the model's configuration and weights. */
  readonly model: string;
  /** Digest of the tokens of all prompts and responses. */
  readonly data: string;
  readonly rows: number;
  /** Numbers a row. */
  readonly columns: number;
}

const FORMAT = "tutti-reference-2";
const HEADER_BYTES = 512;
const CHECKSUM_BYTES = 4;
/** Rows of a block; the last one has what is left. */
export const ROWS_PER_BLOCK = 256;
const BLOCKS_KEPT = 8;

/** The numbers as they are in memory on every machine that Node runs on: little-endian. */
const bytesOf = (values: Float32Array): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);

export class ReferenceFile {
  readonly path: string;
  readonly key: ReferenceKey;
  private readonly descriptor: number;
  private readonly blocks = new Map<number, Float32Array>();
  private finished = 0;

  /**
   * Opens the file of `key`, making it when it is not there; a block that was cut or does not fit its checksum, and all behind
   * it, are dropped.
   *
   * @throws {TuttiError} FILE_CORRUPT for a file of something else; CHECKPOINT_MISMATCH for another model or other data;
   *   FILE_WRITE_FAILED
   */
  constructor(path: string, key: ReferenceKey) {
    this.path = path;
    this.key = key;
    this.descriptor = this.attempt(() => {
      mkdirSync(dirname(path), { recursive: true });
      return openSync(path, existsSync(path) ? "r+" : "w+");
    });
    try {
      if (fstatSync(this.descriptor).size < HEADER_BYTES) this.attempt(() => this.writeHeader());
      else this.checkHeader();
      this.finished = this.wholeBlocks();
      this.attempt(() => ftruncateSync(this.descriptor, this.offsetOf(this.finished)));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Rows that are there, from the first. */
  get rowsDone(): number {
    return Math.min(this.key.rows, this.finished * ROWS_PER_BLOCK);
  }

  get isComplete(): boolean {
    return this.rowsDone === this.key.rows;
  }

  /** Rows of the block with this number. */
  blockRows(block: number): number {
    return Math.min(ROWS_PER_BLOCK, this.key.rows - block * ROWS_PER_BLOCK);
  }

  /**
   * Writes the next block.
   *
   * @param values [rows of the block, columns]
   * @throws {TuttiError} FILE_WRITE_FAILED; NON_FINITE naming the row
   */
  append(values: Float32Array): void {
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      const row = this.rowsDone + Math.floor(wrong / this.key.columns);
      throw new TuttiError(
        "NON_FINITE",
        `the reference gives row ${row} the log-probability ${values[wrong]}`,
        {
          details: { row },
          hint: "look at this row, and at the weights of the reference model",
        },
      );
    }
    const bytes = bytesOf(values);
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    checksum.writeUInt32LE(crc32(bytes));
    this.attempt(() => {
      const whole = Buffer.concat([bytes, checksum]);
      writeSync(this.descriptor, whole, 0, whole.length, this.offsetOf(this.finished));
      fsyncSync(this.descriptor);
    });
    this.finished++;
  }

  /** The numbers of a row that is there. @throws {TuttiError} FILE_CORRUPT when the file was changed since it was opened */
  row(index: number): Float32Array {
    const { columns } = this.key;
    const block = Math.floor(index / ROWS_PER_BLOCK);
    const values = this.cachedBlock(block);
    const start = (index - block * ROWS_PER_BLOCK) * columns;
    return values.subarray(start, start + columns);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private attempt<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      throw new TuttiError("FILE_WRITE_FAILED", `could not write ${this.path}: ${messageOf(error)}`, {
        details: { path: this.path },
        cause: error,
      });
    }
  }

  private offsetOf(block: number): number {
    const rows = Math.min(this.key.rows, block * ROWS_PER_BLOCK);
    return HEADER_BYTES + rows * this.key.columns * 4 + block * CHECKSUM_BYTES;
  }

  private writeHeader(): void {
    const header = Buffer.alloc(HEADER_BYTES, " ");
    header.write(JSON.stringify({ format: FORMAT, ...this.key }));
    ftruncateSync(this.descriptor, 0);
    writeSync(this.descriptor, header, 0, HEADER_BYTES, 0);
    fsyncSync(this.descriptor);
  }

  private checkHeader(): void {
    const header = Buffer.alloc(HEADER_BYTES);
    readSync(this.descriptor, header, 0, HEADER_BYTES, 0);
    const corrupt = (problem: string, cause?: unknown): TuttiError =>
      new TuttiError("FILE_CORRUPT", `${this.path}: ${problem}`, {
        details: { path: this.path },
        hint: "delete the file to compute the reference anew",
        cause,
      });
    const { value } = parseJsonBytes(header, CONFIGURATION_LIMITS, corrupt);
    if (!isJsonObject(value) || value.format !== FORMAT)
      throw corrupt("holds no reference log-probabilities");
    const wrong = (Object.keys(this.key) as (keyof ReferenceKey)[]).find(
      (name) => value[name] !== this.key[name],
    );
    if (wrong === undefined) return;
    throw new TuttiError(
      "CHECKPOINT_MISMATCH",
      `${this.path}: is the reference of another ${wrong}: ${value[wrong]}, expected ${this.key[wrong]}`,
      { details: { path: this.path }, hint: "give another file, or delete this one" },
    );
  }

  private wholeBlocks(): number {
    const blocks = Math.ceil(this.key.rows / ROWS_PER_BLOCK);
    let block = 0;
    while (block < blocks && this.readBlock(block) !== undefined) block++;
    return block;
  }

  /** Undefined where the file ends early or the checksum does not fit. */
  private readBlock(block: number): Float32Array | undefined {
    const values = new Float32Array(this.blockRows(block) * this.key.columns);
    const bytes = bytesOf(values);
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    const offset = this.offsetOf(block);
    const isWhole =
      readSync(this.descriptor, bytes, 0, bytes.length, offset) === bytes.length &&
      readSync(this.descriptor, checksum, 0, CHECKSUM_BYTES, offset + bytes.length) === CHECKSUM_BYTES;
    return isWhole && checksum.readUInt32LE() === crc32(bytes) ? values : undefined;
  }

  private cachedBlock(block: number): Float32Array {
    const known = this.blocks.get(block);
    if (known) return known;
    const values = this.readBlock(block);
    if (!values) {
      throw new TuttiError("FILE_CORRUPT", `${this.path}: block ${block} is not as it was written`, {
        details: { path: this.path, block },
        hint: "delete the file to compute the reference anew",
      });
    }
    if (this.blocks.size >= BLOCKS_KEPT) this.blocks.delete(this.blocks.keys().next().value!);
    this.blocks.set(block, values);
    return values;
  }
}
