import { describe, expect, it } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { BandIndex } from "./band-index.ts";
import { contaminated } from "./contamination.ts";
import { minHashes, nearDuplicates } from "./near-duplicates.ts";
import { PackedNumbers, PackedSets, PackedTexts } from "./packed.ts";
import { jaccard, shinglesOf } from "./shingles.ts";

const WORDS = Array.from({ length: 500 }, (_, number) => `word${number}`);

/** Texts of 60 words; every second one is an earlier text with a few words changed. */
function texts(count: number): string[] {
  const random = new RandomStream({ seed: 3, stream: 0 });
  const below = (end: number): number => Math.floor(end * random.nextUniform());
  const made: string[][] = [];
  for (let number = 0; number < count; number++) {
    const isCopy = number % 2 === 1;
    const words = isCopy
      ? [...made[below(made.length)]!]
      : Array.from({ length: 60 }, () => WORDS[below(WORDS.length)]!);
    if (isCopy) for (let change = below(6); change > 0; change--) words[below(60)] = WORDS[below(500)]!;
    made.push(words);
  }
  return made.map((words) => words.join(" "));
}

/** Every text against every kept one before it. */
function exhaustive(all: readonly string[], threshold: number): { index: number; of: number }[] {
  const sets = all.map((text) => shinglesOf(text, 3));
  const kept: number[] = [];
  const found: { index: number; of: number }[] = [];
  sets.forEach((set, index) => {
    let [best, similarity] = [-1, 0];
    for (const of of kept) {
      const alike = jaccard(set, sets[of]!);
      if (alike >= threshold && alike > similarity) [best, similarity] = [of, alike];
    }
    if (best < 0) kept.push(index);
    else found.push({ index, of: best });
  });
  return found;
}

describe("near-duplicates", () => {
  it.each([0.6, 0.8, 0.95])("at a threshold of %s are those of an exhaustive comparison", (threshold) => {
    const all = texts(600);
    const found = nearDuplicates(all, { threshold, words: 3, seed: 1 });
    const expected = exhaustive(all, threshold);
    expect(expected.length).toBeGreaterThan(50);
    const missed = expected.filter(({ index }) => !found.some((one) => one.index === index));
    // A pair at the threshold is met with a probability of at least 0.99, others with a higher one.
    expect(missed.length).toBeLessThanOrEqual(0.01 * expected.length);
    if (missed.length === 0) expect(found.map(({ index, of }) => ({ index, of }))).toEqual(expected);
    for (const { similarity } of found) expect(similarity).toBeGreaterThanOrEqual(threshold);
  });

  it("refuses thresholds that mean nothing", () => {
    expect(() => nearDuplicates(["a"], { threshold: 0, words: 3, seed: 0 })).toThrow("threshold 0");
  });
});

it("the band index gives every text that shares a band, and next to no other", () => {
  const random = new RandomStream({ seed: 5, stream: 0 });
  const [rows, length] = [4, 32];
  const index = new BandIndex(length, rows);
  const signatures: Uint32Array[] = [];
  let strangers = 0;
  for (let number = 0; number < 700; number++) {
    // Minima of 4 values each: many texts share a band.
    const signature = Uint32Array.from({ length }, () => Math.floor(4 * random.nextUniform()));
    const sharing = signatures.flatMap((other, at) => {
      const isAlike = Array.from({ length: length / rows }, (_, band) => band * rows).some((start) =>
        other.subarray(start, start + rows).every((value, place) => value === signature[start + place]),
      );
      return isAlike ? [at] : [];
    });
    const candidates = index.candidates(signature);
    expect(sharing.every((at) => candidates.has(at))).toBe(true);
    strangers += candidates.size - sharing.length;
    index.add(signature);
    signatures.push(signature);
  }
  expect(strangers).toBeLessThan(10);
});

it("equal sets have equal minima, and the share of equal minima is near the similarity", () => {
  const [a, b] = ["a b c d e f g h i j k l m n o p q r s t", "a b c d e f g h i j k l m n o p q r s x"];
  const sets = [a, b].map((text) => shinglesOf(text!, 2));
  const [first, second] = sets.map((set) => minHashes(set, 0));
  expect(minHashes(sets[0]!, 0)).toEqual(first);
  const equal = first!.filter((value, at) => value === second![at]).length / first!.length;
  expect(Math.abs(equal - jaccard(sets[0]!, sets[1]!))).toBeLessThan(0.12);
});

describe("contamination", () => {
  const test = ["one two three four five six", "quite another text that nobody has"];
  it("names the training text that holds most of a test text", () => {
    const train = ["one two three four", "zero one two three four five six seven", "nothing of that"];
    expect(contaminated(train, test, 0.5, 3)).toEqual([{ test: 0, train: 1, share: 1 }]);
    expect(contaminated(train.slice(0, 1), test, 0.5, 3)).toEqual([{ test: 0, train: 0, share: 0.5 }]);
    expect(contaminated(train.slice(0, 1), test, 0.6, 3)).toEqual([]);
  });
});

it("packed lists give back what was put, over the ends of their pages", () => {
  const [numbers, lists, words] = [new PackedNumbers(), new PackedSets(), new PackedTexts()];
  const count = 270_000;
  const text = (at: number): string =>
    at % 70_000 === 5 ? "ü".repeat(700_000) : `täxt ${at}`.repeat(at % 3);
  for (let at = 0; at < count; at++) {
    numbers.push(at ^ 0xffff);
    lists.push(Uint32Array.from({ length: at % 4 }, (_, place) => at + place));
    words.push(text(at));
  }
  expect(numbers.length).toBe(count);
  const wrong = Array.from({ length: count }, (_, at) => at).filter(
    (at) =>
      numbers.at(at) !== (at ^ 0xffff) ||
      words.at(at) !== text(at) ||
      lists.sizeOf(at) !== at % 4 ||
      lists.at(at).some((value, place) => value !== at + place),
  );
  expect(wrong).toEqual([]);
});
