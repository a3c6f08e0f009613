/**
 * Near-duplicates by MinHash and banding: texts that agree in a band of minima are candidates, and every candidate is checked by the
 * exact Jaccard similarity of its word n-grams.
 *
 * Source: Broder, "On the resemblance and containment of documents", 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets",
 * section 3.4 (two texts of similarity s meet in one of b bands of r minima with probability 1 - (1 - s^r)^b).
 */
import { TuttiError } from "../../support/errors.ts";
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
 * Which texts are near-duplicates of an earlier text that is none itself. Keeps the n-grams of all kept texts.
 *
 * @throws {TuttiError} INVALID_ARGUMENT
 */
export function nearDuplicates(
  texts: Iterable<string>,
  options: NearDuplicateOptions = NEAR_DUPLICATE_DEFAULTS,
): readonly NearDuplicate[] {
  const { threshold, words, seed } = options;
  if (!(threshold > 0 && threshold <= 1) || !Number.isSafeInteger(words) || words < 1) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `received threshold ${threshold} and words ${words}, expected above 0 to 1 and a whole number of at least 1`,
      { hint: "0.8 and 3 are usual" },
    );
  }
  const rows = bandRows(threshold);
  const kept = new Map<number, Uint32Array>();
  const buckets = new Map<string, number[]>();
  const found: NearDuplicate[] = [];
  let index = 0;
  for (const text of texts) {
    const shingles = shinglesOf(text, words);
    const minima = minHashes(shingles, seed);
    const keys: string[] = [];
    for (let start = 0; start + rows <= HASHES; start += rows)
      keys.push(`${start}:${minima.subarray(start, start + rows).join()}`);
    const candidates = new Set(keys.flatMap((key) => buckets.get(key) ?? []));
    let best: NearDuplicate | undefined;
    for (const of of candidates) {
      const similarity = jaccard(shingles, kept.get(of)!);
      if (similarity >= threshold && similarity > (best?.similarity ?? 0)) best = { index, of, similarity };
    }
    if (best !== undefined) found.push(best);
    else {
      kept.set(index, shingles);
      for (const key of keys) {
        const bucket = buckets.get(key);
        if (bucket === undefined) buckets.set(key, [index]);
        else bucket.push(index);
      }
    }
    index++;
  }
  return found;
}
