import { describe, expect, it } from "vitest";
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from "./float16.ts";
import { RandomStream } from "./random.ts";

const EVERY_PATTERN = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);

const CODECS = [
  { name: "float16", decode: decodeFloat16, encode: encodeFloat16, largest: 65504, infinityBits: 0x7c00 },
  {
    name: "bfloat16",
    decode: decodeBfloat16,
    encode: encodeBfloat16,
    largest: (2 - 2 ** -7) * 2 ** 127,
    infinityBits: 0x7f80,
  },
] as const;

/** Non-negative finite values of a codec with their bits, in rising order. */
function ladder(codec: (typeof CODECS)[number]): { bits: number; value: number }[] {
  const values = codec.decode(EVERY_PATTERN);
  return Array.from(EVERY_PATTERN.subarray(0, codec.infinityBits), (bits) => ({
    bits,
    value: values[bits]!,
  }));
}

describe.each(CODECS)("$name", (codec) => {
  it("gives every 16-bit pattern back", () => {
    const values = codec.decode(EVERY_PATTERN);
    const again = codec.encode(values);
    for (const bits of EVERY_PATTERN) {
      if (Number.isNaN(values[bits])) expect(codec.decode(again.subarray(bits, bits + 1))[0]).toBeNaN();
      else if (again[bits] !== bits) expect.fail(`${bits} (${values[bits]}) came back as ${again[bits]}`);
    }
  });

  it("rises with its bits and ends at the largest finite value", () => {
    const rungs = ladder(codec);
    for (let index = 1; index < rungs.length; index++)
      if (!(rungs[index]!.value > rungs[index - 1]!.value)) expect.fail(`${index} does not rise`);
    expect(rungs.at(-1)!.value).toBe(codec.largest);
  });

  it("rounds to the nearest value, ties to even, on both sides of zero", () => {
    const rungs = ladder(codec);
    const random = new RandomStream({ seed: 5, stream: 1 });
    for (let trial = 0; trial < 20_000; trial++) {
      const index = Math.floor(random.nextUniform() * (rungs.length - 1));
      const [low, high] = [rungs[index]!, rungs[index + 1]!];
      const part = trial % 3 === 0 ? 0.5 : random.nextUniform();
      const between = Math.fround(low.value + part * (high.value - low.value));
      const [toLow, toHigh] = [between - low.value, high.value - between];
      const nearest = toLow < toHigh ? low : toHigh < toLow ? high : low.bits % 2 === 0 ? low : high;
      const [positive, negative] = codec.encode(Float32Array.of(between, -between));
      expect(positive).toBe(nearest.bits);
      expect(negative).toBe(nearest.bits | 0x8000);
    }
  });

  it("keeps infinities, zeros and NaN", () => {
    const special = Float32Array.of(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, Number.NaN);
    expect(codec.decode(codec.encode(special))).toEqual(special);
  });
});

it("float16 overflows from halfway to the next power of two", () => {
  expect(decodeFloat16(encodeFloat16(Float32Array.of(65519.99, 65520, -1e30)))).toEqual(
    Float32Array.of(65504, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );
});
