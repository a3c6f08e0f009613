/**
 * Contamination of test prompts by training texts: the share of a test prompt's word n-grams that a training text holds.
 *
 * Source: Brown et al., "Language Models are Few-Shot Learners", 2020, appendix C (13-grams).
 */
import { shinglesOf } from "./shingles.ts";

export const CONTAMINATION_WORDS = 13;

export interface Contamination {
  /** Number of the test text. */
  readonly test: number;
  /** Number of the training text that holds most of it. */
  readonly train: number;
  /** Share of the test text's n-grams that are in that training text, above 0 to 1. */
  readonly share: number;
}

/**
 * Test texts of which some training text holds at least `leastShare` of the n-grams. Texts shorter than an n-gram have to be equal,
 * but for case, punctuation and white space.
 */
export function contaminated(
  train: Iterable<string>,
  test: Iterable<string>,
  leastShare: number,
  words: number = CONTAMINATION_WORDS,
): readonly Contamination[] {
  const sizes: number[] = [];
  const holders = new Map<number, number[]>();
  for (const text of test) {
    const shingles = shinglesOf(text, words);
    for (const shingle of shingles) holders.set(shingle, [...(holders.get(shingle) ?? []), sizes.length]);
    sizes.push(shingles.length);
  }
  const best = new Map<number, Contamination>();
  let number = 0;
  for (const text of train) {
    const hits = new Map<number, number>();
    for (const shingle of shinglesOf(text, words)) {
      for (const index of holders.get(shingle) ?? []) hits.set(index, (hits.get(index) ?? 0) + 1);
    }
    for (const [index, count] of hits) {
      const share = count / sizes[index]!;
      if (share >= leastShare && share > (best.get(index)?.share ?? 0))
        best.set(index, { test: index, train: number, share });
    }
    number++;
  }
  return [...best.values()].sort((a, b) => a.test - b.test);
}
