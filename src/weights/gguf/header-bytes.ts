/** The bytes of a header, taken in order from a window on the file; nothing is taken that the file does not hold. */
import { readAt } from "../positioned-read.ts";
import { invalidGguf } from "./error.ts";

const WINDOW_BYTES = 1 << 20;
/** Longest header that is read. Vocabularies of 256 thousand tokens with merges take about 16 MB. */
export const MAXIMUM_HEADER_BYTES = 1 << 27;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class HeaderBytes {
  readonly path: string;
  readonly fileBytes: number;
  readonly #descriptor: number;
  #window: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#window.buffer);
  /** Place of the window's first byte in the file. */
  #start = 0;
  /** Place of the next byte to take, from the start of the window. */
  #next = 0;

  constructor(path: string, descriptor: number, fileBytes: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.fileBytes = fileBytes;
  }

  /** Place of the next byte to take, from the start of the file. */
  get position(): number {
    return this.#start + this.#next;
  }

  /** Checks that so many bytes follow, before anything is made to hold them. `what` begins the sentence of the error. */
  require(bytes: number | bigint, what: string): void {
    const left = this.fileBytes - this.position;
    if (bytes > left) {
      throw invalidGguf(
        this.path,
        `${what} takes at least ${bytes} bytes, but ${left} are left after byte ${this.position}`,
        { position: this.position, leftBytes: left },
      );
    }
    if (BigInt(this.position) + BigInt(bytes) > MAXIMUM_HEADER_BYTES) {
      throw invalidGguf(
        this.path,
        `${what} makes the header longer than the ${MAXIMUM_HEADER_BYTES} bytes allowed`,
      );
    }
  }

  /** Offset in the window of the next `bytes` bytes, which are then taken. */
  #take(bytes: number, what: string): number {
    if (this.#next + bytes > this.#window.byteLength) {
      this.require(bytes, what);
      this.#start += this.#next;
      this.#next = 0;
      const length = Math.min(Math.max(WINDOW_BYTES, bytes), this.fileBytes - this.#start);
      this.#window = new Uint8Array(length);
      this.#view = new DataView(this.#window.buffer);
      readAt(this.#descriptor, this.#window, this.#start, (end) =>
        invalidGguf(this.path, `ends at byte ${end}, expected ${this.fileBytes}`),
      );
    }
    const offset = this.#next;
    this.#next += bytes;
    return offset;
  }

  /** A view of the next bytes, valid until more are taken. */
  bytes(length: number, what: string): Uint8Array {
    const offset = this.#take(length, what);
    return this.#window.subarray(offset, offset + length);
  }

  uint32(what: string): number {
    const offset = this.#take(4, what);
    return this.#view.getUint32(offset, true);
  }

  uint64(what: string): bigint {
    const offset = this.#take(8, what);
    return this.#view.getBigUint64(offset, true);
  }

  /** A copy of the next bytes. */
  copy(length: number, what: string): ArrayBuffer {
    return this.bytes(length, what).slice().buffer as ArrayBuffer;
  }

  /** A 64-bit length followed by that many bytes of UTF-8. */
  string(maximumBytes: number, what: string): string {
    const length = this.uint64(what);
    this.require(length, what);
    if (length > maximumBytes) {
      throw invalidGguf(this.path, `${what} is ${length} bytes long, more than the ${maximumBytes} allowed`);
    }
    const bytes = this.bytes(Number(length), what);
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw invalidGguf(this.path, `${what} is not valid UTF-8`, { position: this.position }, cause);
    }
  }
}
