import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CachingEmbedder, type Embedder, embedMatrix, isZeroVector, TfidfLsaEmbedder } from "./index.ts";
import { fitTermWeights, termColumns, termsOf, weighTerms } from "./term-weighting.ts";

const COOKING = ["boil the pasta in salted water", "fry the onion in hot oil", "boil the rice in hot water"];
const MATHS = [
  "solve the integral of x squared",
  "solve the equation for x",
  "find the integral of the equation",
];
const PROMPTS = [...COOKING, ...MATHS, ...COOKING, ...MATHS];

const cosine = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, index) => sum + value * b[index]!, 0);

describe("term weighting", () => {
  it("takes lower-cased words of any script and neighbouring pairs", () => {
    expect(termsOf("Fix \\boxed{X_1}, Größe 東京!")).toEqual([
      "fix",
      "boxed",
      "x_1",
      "größe",
      "東京",
      "fix boxed",
      "boxed x_1",
      "x_1 größe",
      "größe 東京",
    ]);
    expect(termsOf(" ...")).toEqual([]);
  });

  it("weighs by (1 + ln tf) (ln((1 + N) / (1 + n)) + 1), scaled to unit length", () => {
    const weights = fitTermWeights(["a b", "a c", "a a d"], { maxTerms: 2, minDocumentFrequency: 1 });
    // "a" is in all three texts; the rest tie at one and alphabetical order decides.
    expect(weights.terms).toEqual(["a", "a a"]);
    const { indices, values } = weighTerms("a a z", weights, termColumns(weights));
    expect([...indices]).toEqual([0, 1]);
    const a = (1 + Math.log(2)) * 1;
    const pair = Math.log(4 / 2) + 1;
    expect(values[0]).toBeCloseTo(a / Math.hypot(a, pair), 12);
    expect(values[1]).toBeCloseTo(pair / Math.hypot(a, pair), 12);
  });

  it("refuses prompts that share no term", () => {
    expect(() => fitTermWeights(["a", "b"], { maxTerms: 5, minDocumentFrequency: 2 })).toThrow(
      /no term occurs in at least 2 of the 2 training prompts/,
    );
  });
});

describe("TfidfLsaEmbedder", () => {
  it("gives unit vectors that are closer within a topic than across", async () => {
    const embedder = TfidfLsaEmbedder.fit(PROMPTS, { dimension: 4 });
    expect(embedder.dimension).toBe(4);
    const [pasta, rice, integral] = await embedder.embed([
      "boil pasta",
      "rice in hot water",
      "the integral of x",
    ]);
    expect(cosine(pasta!, pasta!)).toBeCloseTo(1, 6);
    expect(cosine(pasta!, rice!)).toBeGreaterThan(cosine(pasta!, integral!) + 0.3);
  });

  it("keeps fewer directions when the prompts span fewer, and none for unknown words", async () => {
    const embedder = TfidfLsaEmbedder.fit(["a b", "a b", "a b"]);
    expect(embedder.dimension).toBe(1);
    const [known, unknown, empty] = await embedder.embed(["a", "zebra", ""]);
    expect(isZeroVector(known!)).toBe(false);
    expect(isZeroVector(unknown!)).toBe(true);
    expect(isZeroVector(empty!)).toBe(true);
  });

  it("is a function of prompts and seed, and survives a save", async () => {
    const fitted = TfidfLsaEmbedder.fit(PROMPTS, { dimension: 4, seed: 5 });
    const again = TfidfLsaEmbedder.fit(PROMPTS, { dimension: 4, seed: 5 });
    const directory = mkdtempSync(join(tmpdir(), "tutti-embedder-"));
    try {
      fitted.save(directory);
      const texts = ["hot water", "equation of x", "nothing known here: q"];
      const expected = await fitted.embed(texts);
      expect(await again.embed(texts)).toEqual(expected);
      expect(await TfidfLsaEmbedder.load(directory).embed(texts)).toEqual(expected);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("refuses options that are not positive integers", () => {
    expect(() => TfidfLsaEmbedder.fit(PROMPTS, { dimension: 0 })).toThrow(/dimension is 0/);
    expect(() => TfidfLsaEmbedder.fit(PROMPTS, { maxTerms: 1.5 })).toThrow(/maxTerms is 1.5/);
  });
});

describe("CachingEmbedder", () => {
  class CountingEmbedder implements Embedder {
    readonly kind: string = "length";
    readonly dimension: number = 1;
    readonly seen: string[] = [];

    async embed(texts: readonly string[]): Promise<Float32Array[]> {
      this.seen.push(...texts);
      return texts.map((text) => Float32Array.of(text.length));
    }
  }

  it("asks for each text once, in bounded memory, and keeps order", async () => {
    const inner = new CountingEmbedder();
    const cached = new CachingEmbedder(inner, 2);
    expect([cached.kind, cached.dimension]).toEqual(["length", 1]);
    expect(await embedMatrix(cached, ["aaa", "b", "aaa"])).toEqual(Float32Array.of(3, 1, 3));
    expect(inner.seen).toEqual(["aaa", "b"]);
    await cached.embed(["aaa", "cc"]);
    expect(inner.seen).toEqual(["aaa", "b", "cc"]);
    // "b" was the least recently used of three.
    await cached.embed(["aaa", "cc"]);
    await cached.embed(["b"]);
    expect(inner.seen).toEqual(["aaa", "b", "cc", "b"]);
  });

  it("serves a batch larger than its capacity", async () => {
    const cached = new CachingEmbedder(new CountingEmbedder(), 1);
    expect(await embedMatrix(cached, ["a", "bb", "ccc"])).toEqual(Float32Array.of(1, 2, 3));
    expect(() => new CachingEmbedder(new CountingEmbedder(), 0)).toThrow(/capacity is 0/);
  });
});
