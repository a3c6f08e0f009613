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

/** Compares training texts, one at a time, with test texts, whose n-grams it holds. */
export class ContaminationCheck {
  readonly #words: number;
  readonly #leastShare: number;
  readonly #sizes: number[] = [];
  readonly #holders = new Map<number, number[]>();
  readonly #best = new Map<number, Contamination>();
  #train = 0;

  constructor(test: Iterable<string>, leastShare: number, words: number = CONTAMINATION_WORDS) {
    this.#words = words;
    this.#leastShare = leastShare;
    for (const text of test) {
      const shingles = shinglesOf(text, words);
      for (const shingle of shingles) {
        const holders = this.#holders.get(shingle);
        if (holders === undefined) this.#holders.set(shingle, [this.#sizes.length]);
        else holders.push(this.#sizes.length);
      }
      this.#sizes.push(shingles.length);
    }
  }

  add(text: string): void {
    const train = this.#train++;
    const hits = new Map<number, number>();
    for (const shingle of shinglesOf(text, this.#words)) {
      for (const test of this.#holders.get(shingle) ?? []) hits.set(test, (hits.get(test) ?? 0) + 1);
    }
    for (const [test, count] of hits) {
      const share = count / this.#sizes[test]!;
      const isMost = share > (this.#best.get(test)?.share ?? 0);
      if (share >= this.#leastShare && isMost) this.#best.set(test, { test, train, share });
    }
  }

  /** By number of the test text. */
  found(): readonly Contamination[] {
    return [...this.#best.values()].sort((a, b) => a.test - b.test);
  }
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
  const check = new ContaminationCheck(test, leastShare, words);
  for (const text of train) check.add(text);
  return check.found();
}
