/** Many small things in few large buffers: what a million rows need beside their text, without an object each. */

const PAGE_BITS = 18;
const PAGE = 1 << PAGE_BITS;

/** A growing list of 32-bit numbers. Grows by a page, so that never more than the last page is copied or unused. */
export class PackedNumbers {
  readonly #pages: Uint32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length >>> PAGE_BITS === this.#pages.length) this.#pages.push(new Uint32Array(PAGE));
    this.#pages[this.#length >>> PAGE_BITS]![this.#length & (PAGE - 1)] = value;
    this.#length++;
  }

  at(index: number): number {
    return this.#pages[index >>> PAGE_BITS]![index & (PAGE - 1)]!;
  }

  set(index: number, value: number): void {
    this.#pages[index >>> PAGE_BITS]![index & (PAGE - 1)] = value;
  }
}

/** A growing list of sorted sets of 32-bit numbers. */
export class PackedSets {
  readonly #pages: Uint32Array[] = [];
  readonly #page = new PackedNumbers();
  readonly #start = new PackedNumbers();
  readonly #size = new PackedNumbers();
  #used = 0;

  push(numbers: Uint32Array): void {
    const room = (this.#pages.at(-1)?.length ?? 0) - this.#used;
    if (this.#pages.length === 0 || numbers.length > room) {
      this.#pages.push(new Uint32Array(Math.max(PAGE, numbers.length)));
      this.#used = 0;
    }
    this.#pages.at(-1)!.set(numbers, this.#used);
    this.#page.push(this.#pages.length - 1);
    this.#start.push(this.#used);
    this.#size.push(numbers.length);
    this.#used += numbers.length;
  }

  sizeOf(set: number): number {
    return this.#size.at(set);
  }

  at(set: number): Uint32Array {
    const start = this.#start.at(set);
    return this.#pages[this.#page.at(set)]!.subarray(start, start + this.#size.at(set));
  }
}

const PIECE_BYTES = 1 << 20;

/** A growing list of texts, as UTF-8. */
export class PackedTexts {
  readonly #pieces: Buffer[] = [];
  /** Of each text: the piece that it lies in, and where it begins there. It ends where the next one begins, or with the piece. */
  readonly #piece = new PackedNumbers();
  readonly #start = new PackedNumbers();
  #used = 0;

  get length(): number {
    return this.#piece.length;
  }

  push(text: string): void {
    const size = Buffer.byteLength(text);
    const room = (this.#pieces.at(-1)?.byteLength ?? 0) - this.#used;
    if (this.#pieces.length === 0 || size > room) this.#open(Math.max(PIECE_BYTES, size));
    this.#piece.push(this.#pieces.length - 1);
    this.#start.push(this.#used);
    this.#used += this.#pieces.at(-1)!.write(text, this.#used);
  }

  at(index: number): string {
    const piece = this.#piece.at(index);
    const isLast = index === this.length - 1;
    const end = isLast
      ? this.#used
      : this.#piece.at(index + 1) === piece
        ? this.#start.at(index + 1)
        : this.#pieces[piece]!.byteLength;
    return this.#pieces[piece]!.toString("utf8", this.#start.at(index), end);
  }

  #open(sizeBytes: number): void {
    const last = this.#pieces.length - 1;
    // What the last piece did not need is cut off, so that its last text ends with it.
    if (last >= 0) this.#pieces[last] = this.#pieces[last]!.subarray(0, this.#used);
    this.#pieces.push(Buffer.allocUnsafeSlow(sizeBytes));
    this.#used = 0;
  }
}
