/** Texts as sets of hashed word n-grams. */
import { normalisedPrompt } from "../split.ts";

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

function hashWord(word: string): number {
  let hash = OFFSET;
  for (let index = 0; index < word.length; index++) hash = Math.imul(hash ^ word.charCodeAt(index), PRIME);
  return hash >>> 0;
}

/** The finaliser of MurmurHash3: every bit of the result depends on every bit of the value. */
export function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The distinct word n-grams of a text as 32-bit hashes, sorted. Text is normalised as splits do it (case, punctuation and white
 * space do not count). A text of fewer words is one n-gram.
 */
export function shinglesOf(text: string, words: number): Uint32Array {
  const hashes = normalisedPrompt(text).split(" ").map(hashWord);
  const size = Math.min(words, hashes.length);
  const found = new Set<number>();
  for (let start = 0; start + size <= hashes.length; start++) {
    let hash = size;
    for (let at = start; at < start + size; at++) hash = mix(Math.imul(hash, 31) + hashes[at]!);
    found.add(hash);
  }
  return Uint32Array.from(found).sort();
}

/** |A and B| / |A or B| of two sorted sets; 1 where both are empty. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  let [i, j, shared] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      shared++;
      i++;
      j++;
    } else if (a[i]! < b[j]!) i++;
    else j++;
  }
  const union = a.length + b.length - shared;
  return union === 0 ? 1 : shared / union;
}
