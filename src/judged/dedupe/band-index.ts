/** Which texts agree in a band of their MinHash signatures: a chained hash table in typed arrays, 10 to 12 bytes a band of a text. */
import { PackedNumbers } from "./packed.ts";
import { mix } from "./shingles.ts";

const FIRST_HEADS = 1 << 12;
/** On average; a longer one costs less memory and more time. */
const LONGEST_CHAIN = 2;

export class BandIndex {
  readonly #rows: number;
  readonly #bands: number;
  /** Of every band of every text, in their order: its hash, and the entry (from 1) before it in the same chain. */
  readonly #hashes = new PackedNumbers();
  readonly #previous = new PackedNumbers();
  #heads = new Uint32Array(FIRST_HEADS);
  readonly #found = new Set<number>();

  /** @param rows minima of a band; what of a signature does not fill a band is not used */
  constructor(signatureLength: number, rows: number) {
    this.#rows = rows;
    this.#bands = Math.floor(signatureLength / rows);
  }

  /**
   * Numbers of the texts (0, 1, ... as they were added) that have a band in common with the signature, and a few that only have
   * its hash. Holds until the next call.
   */
  candidates(signature: Uint32Array): ReadonlySet<number> {
    this.#found.clear();
    for (let band = 0; band < this.#bands; band++) {
      const hash = this.#hashOf(signature, band);
      for (
        let entry = this.#heads[hash & (this.#heads.length - 1)]!;
        entry !== 0;
        entry = this.#previous.at(entry - 1)
      ) {
        if (this.#hashes.at(entry - 1) === hash) this.#found.add(Math.floor((entry - 1) / this.#bands));
      }
    }
    return this.#found;
  }

  /** Adds the next text. */
  add(signature: Uint32Array): void {
    for (let band = 0; band < this.#bands; band++) {
      if (this.#hashes.length >= LONGEST_CHAIN * this.#heads.length) this.#grow();
      this.#hashes.push(this.#hashOf(signature, band));
      this.#previous.push(0);
      this.#link(this.#hashes.length - 1);
    }
  }

  #hashOf(signature: Uint32Array, band: number): number {
    let hash = band + 1;
    for (let at = band * this.#rows; at < (band + 1) * this.#rows; at++) {
      hash = mix(Math.imul(hash, 31) ^ signature[at]!);
    }
    return hash;
  }

  #link(entry: number): void {
    const head = this.#hashes.at(entry) & (this.#heads.length - 1);
    this.#previous.set(entry, this.#heads[head]!);
    this.#heads[head] = entry + 1;
  }

  #grow(): void {
    this.#heads = new Uint32Array(2 * this.#heads.length);
    for (let entry = 0; entry < this.#hashes.length; entry++) this.#link(entry);
  }
}
