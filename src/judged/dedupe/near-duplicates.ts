/**
 * Near-duplicates by MinHash and banding: texts that agree in a band of minima are candidates, and every candidate is checked by the
 * exact Jaccard similarity of its word n-grams.
 *
 * Source: Broder, "On the resemblance and containment of documents", 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets",
 * section 3.4 (two texts of similarity s meet in one of b bands of r minima with probability 1 - (1 - s^r)^b).
 */
import { TuttiError } from "../../support/errors.ts";
import { BandIndex } from "./band-index.ts";
import { PackedNumbers, PackedSets } from "./packed.ts";
import { jaccard, mix, shinglesOf } from "./shingles.ts";

export interface NearDuplicateOptions {
  /** Least Jaccard similarity of duplicates, above 0 and at most 1. */
  readonly threshold: number;
  /** Words of an n-gram. */
  readonly words: number;
  readonly seed: number;
}

export const NEAR_DUPLICATE_DEFAULTS: NearDuplicateOptions = { threshold: 0.8, words: 3, seed: 0 };

const HASHES = 128;
/** Pairs exactly at the threshold are to be met at least this often. */
const LEAST_RECALL = 0.99;

/** The longest bands that still meet pairs at the threshold. */
export function bandRows(threshold: number): number {
  for (let rows = 32; rows > 1; rows--) {
    const bands = Math.floor(HASHES / rows);
    if (1 - (1 - threshold ** rows) ** bands >= LEAST_RECALL) return rows;
  }
  return 1;
}

/** The least value of every hash function over a text's n-grams. */
export function minHashes(shingles: Uint32Array, seed: number): Uint32Array {
  const minima = new Uint32Array(HASHES).fill(0xffffffff);
  for (let index = 0; index < HASHES; index++) {
    const salt = mix(Math.imul(seed, 0x9e3779b1) + index + 1);
    let least = 0xffffffff;
    for (const shingle of shingles) {
      const hash = mix(shingle ^ salt);
      if (hash < least) least = hash;
    }
    minima[index] = least;
  }
  return minima;
}

/** A text that is nearly one that came before it. */
export interface NearDuplicate {
  readonly index: number;
  /** The first text of its group. */
  readonly of: number;
  /** Jaccard similarity of the two. */
  readonly similarity: number;
}

/**
 * Finds near-duplicates among texts that come one at a time. Of every text that is kept it holds 4 bytes a distinct n-gram and
 * at most 12 bytes a band (21 bands at the default threshold), and no object.
 */
export class NearDuplicateFinder {
  readonly #options: NearDuplicateOptions;
  readonly #bands: BandIndex;
  readonly #sets = new PackedSets();
  /** Of each kept text: its index among all. */
  readonly #kept = new PackedNumbers();
  #count = 0;

  /** @throws {TuttiError} INVALID_ARGUMENT */
  constructor(options: NearDuplicateOptions = NEAR_DUPLICATE_DEFAULTS) {
    const { threshold, words } = options;
    if (!(threshold > 0 && threshold <= 1) || !Number.isSafeInteger(words) || words < 1) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `received threshold ${threshold} and words ${words}, expected above 0 to 1 and a whole number of at least 1`,
        { hint: "0.8 and 3 are usual" },
      );
    }
    this.#options = options;
    this.#bands = new BandIndex(HASHES, bandRows(threshold));
  }

  /** The text that the next one is nearly; undefined, and the text is kept, where it is like none of the kept ones. */
  add(text: string): NearDuplicate | undefined {
    const { threshold, words, seed } = this.#options;
    const index = this.#count++;
    const shingles = shinglesOf(text, words);
    const signature = minHashes(shingles, seed);
    let best: { readonly set: number; readonly similarity: number } | undefined;
    for (const set of this.#bands.candidates(signature)) {
      const [smaller, larger] = [shingles.length, this.#sets.sizeOf(set)].sort((a, b) => a - b);
      // Sets of very different sizes cannot be alike enough.
      if (smaller! < threshold * larger!) continue;
      const similarity = jaccard(shingles, this.#sets.at(set));
      const isBetter =
        best === undefined ||
        similarity > best.similarity ||
        (similarity === best.similarity && set < best.set);
      if (similarity >= threshold && isBetter) best = { set, similarity };
    }
    if (best !== undefined) return { index, of: this.#kept.at(best.set), similarity: best.similarity };
    this.#bands.add(signature);
    this.#sets.push(shingles);
    this.#kept.push(index);
    return undefined;
  }
}

/**
 * Which texts are near-duplicates of an earlier text that is none itself.
 *
 * @throws {TuttiError} INVALID_ARGUMENT
 */
export function nearDuplicates(
  texts: Iterable<string>,
  options: NearDuplicateOptions = NEAR_DUPLICATE_DEFAULTS,
): readonly NearDuplicate[] {
  const finder = new NearDuplicateFinder(options);
  const found: NearDuplicate[] = [];
  for (const text of texts) {
    const duplicate = finder.add(text);
    if (duplicate !== undefined) found.push(duplicate);
  }
  return found;
}
