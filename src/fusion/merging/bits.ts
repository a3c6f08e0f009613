/** A zero or a one for each element of a tensor, in an eighth of a byte: 68 MB for the largest tensor of a model of 7 billion. */
export class Bits {
  private readonly bytes: Uint8Array;
  private unpacked = new Uint8Array(0);

  constructor(elements: number) {
    this.bytes = new Uint8Array(Math.ceil(elements / 8));
  }

  /** @param flags 0 or 1 for each element from `start` on, where nothing was written yet */
  write(start: number, flags: Uint8Array): void {
    for (let index = 0; index < flags.length; index++) {
      const element = start + index;
      this.bytes[element >>> 3]! |= flags[index]! << (element & 7);
    }
  }

  /** The flags of elements; the array is used again for the next. */
  read(start: number, length: number): Uint8Array {
    if (this.unpacked.length !== length) this.unpacked = new Uint8Array(length);
    const { unpacked } = this;
    for (let index = 0; index < length; index++) {
      const element = start + index;
      unpacked[index] = (this.bytes[element >>> 3]! >>> (element & 7)) & 1;
    }
    return unpacked;
  }
}
