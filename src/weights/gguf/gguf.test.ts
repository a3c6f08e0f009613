import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TuttiError } from "../../support/errors.ts";
import { readSafetensors } from "../safetensors-read.ts";
import type { GgufMetadata, GgufValue } from "./metadata.ts";
import { openGguf } from "./read.ts";
import { READABLE_TYPES, tensorTypeByName } from "./tensor-type.ts";
import { type GgufTensorToWrite, writeGguf } from "./write.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/weights/${name}`, import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-gguf-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function errorOf(action: () => unknown): TuttiError {
  try {
    action();
  } catch (error) {
    if (TuttiError.is(error)) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

/** The numbers of tools/fixtures/gguf_files.py. */
function ramp(...shape: number[]): Float32Array {
  const size = shape.reduce((product, length) => product * length, 1);
  return Float32Array.from({ length: size }, (_, index) => (((7919 * index) % 1009) - 500) / 997);
}

describe("decoding", () => {
  const { tensors } = readSafetensors(fixture("gguf-blocks.safetensors"));
  const types = READABLE_TYPES.filter((type) => type !== "F32");

  it("has recorded blocks of every readable type", () => {
    expect(types.map((type) => `${type}.bytes`).every((name) => tensors.has(name))).toBe(true);
    expect(READABLE_TYPES).toEqual(
      expect.arrayContaining(["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]),
    );
    expect(READABLE_TYPES).toEqual(
      expect.arrayContaining(["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]),
    );
  });

  it.each(types)("%s gives the reference decoder's float32 numbers bit for bit", (name) => {
    const type = tensorTypeByName(name);
    const bytes = tensors.get(`${name}.bytes`)!.data as Uint8Array;
    const expected = tensors.get(`${name}.values`)!.data as Float32Array;
    const received = new Float32Array((bytes.byteLength / type.blockBytes) * type.blockElements);
    expect(received.length).toBe(expected.length);
    type.dequantize!(bytes, received);
    const different = [...received.keys()].filter((index) => !Object.is(received[index], expected[index]));
    expect(different.map((index) => [index, received[index], expected[index]])).toEqual([]);
  });
});

const METADATA: Record<string, GgufValue> = {
  "general.architecture": { type: "string", value: "test" },
  u8: { type: "uint8", value: 255 },
  i8: { type: "int8", value: -128 },
  u16: { type: "uint16", value: 65535 },
  i16: { type: "int16", value: -32768 },
  u32: { type: "uint32", value: 2 ** 32 - 1 },
  i32: { type: "int32", value: -(2 ** 31) },
  f32: { type: "float32", value: Math.fround(1 / 3) },
  yes: { type: "bool", value: true },
  no: { type: "bool", value: false },
  text: { type: "string", value: 'Ünïcödé "日本" 🎻\n' },
  u64: { type: "uint64", value: 2n ** 64n - 1n },
  i64: { type: "int64", value: -(2n ** 63n) },
  f64: { type: "float64", value: 1 / 3 },
  strings: { type: "array", items: "string", value: ["a", "bé", "🎻"] },
  ints: { type: "array", items: "int32", value: Int32Array.of(-1, 0, 7) },
  floats: { type: "array", items: "float32", value: Float32Array.of(0.5, -1.5) },
  bools: { type: "array", items: "bool", value: Uint8Array.of(1, 0, 1) },
  longs: { type: "array", items: "uint64", value: BigUint64Array.of(2n ** 63n, 1n) },
};
const metadata: GgufMetadata = new Map(Object.entries(METADATA));

const zeros = ramp(2, 32).fill(0, 0, 32);
const TENSORS: readonly GgufTensorToWrite[] = [
  { name: "matrix.f32", type: "F32", shape: [3, 5], read: () => ramp(3, 5) },
  { name: "cube.f16", type: "F16", shape: [2, 3, 4], read: () => ramp(2, 3, 4) },
  { name: "rows.q8_0", type: "Q8_0", shape: [5, 64], read: () => ramp(5, 64) },
  { name: "vector.bf16", type: "BF16", shape: [7], read: () => ramp(7) },
  { name: "zeros.q8_0", type: "Q8_0", shape: [2, 32], read: () => zeros },
];
/** Largest error of rounding numbers of magnitude up to 0.52. */
const TOLERANCE: Readonly<Record<string, number>> = { F32: 0, F16: 2 ** -12, BF16: 2 ** -9, Q8_0: 0.003 };

describe("a file of Python's gguf", () => {
  it("is read: metadata, names, types, shapes, values", () => {
    const file = openGguf(fixture("types.gguf"));
    expect(file.version).toBe(3);
    expect(Object.fromEntries(file.metadata)).toEqual(METADATA);
    expect([...file.entries.keys()].sort()).toEqual(TENSORS.map(({ name }) => name).sort());
    for (const { name, type, shape, read } of TENSORS) {
      const tensor = file.read(name);
      expect(tensor).toMatchObject({ name, type, shape });
      const expected = read();
      expect(tensor.data.length).toBe(expected.length);
      for (const [index, value] of tensor.data.entries()) {
        expect(Math.abs(value - expected[index]!)).toBeLessThanOrEqual(TOLERANCE[type]!);
      }
    }
    file.close();
    file.close();
  });

  it("is written byte for byte", () => {
    const path = join(folder, "written.gguf");
    writeGguf(path, metadata, TENSORS);
    expect(readFileSync(path).equals(readFileSync(fixture("types.gguf")))).toBe(true);
  });

  it("is read as version 2, which has the same layout", () => {
    const path = join(folder, "version-2.gguf");
    const bytes = readFileSync(fixture("types.gguf"));
    bytes.writeUInt32LE(2, 4);
    writeFileSync(path, bytes);
    const file = openGguf(path);
    expect(file.version).toBe(2);
    expect(file.read("matrix.f32").data).toEqual(ramp(3, 5));
    file.close();
  });
});

describe("reading", () => {
  it("decodes tensors larger than the piece read at a time", () => {
    const path = join(folder, "large.gguf");
    const shape = [4096, 1280];
    writeGguf(path, metadata, [{ name: "large", type: "Q8_0", shape, read: () => ramp(...shape) }]);
    const file = openGguf(path);
    expect(file.entries.get("large")!.byteLength).toBeGreaterThan(1 << 22);
    const { data } = file.read("large");
    file.close();
    const expected = ramp(...shape);
    expect(data.length).toBe(expected.length);
    expect(data.findIndex((value, index) => Math.abs(value - expected[index]!) > 0.003)).toBe(-1);
  });

  it("names the nearest tensor when one is missing", () => {
    const file = openGguf(fixture("types.gguf"));
    const error = errorOf(() => file.read("matrix.f23"));
    file.close();
    expect(error).toMatchObject({ code: "WEIGHTS_MISMATCH", hint: 'did you mean "matrix.f32"?' });
  });

  it("notices a file that shrinks while it is open", () => {
    const path = join(folder, "shrinking.gguf");
    copyFileSync(fixture("types.gguf"), path);
    const file = openGguf(path);
    writeFileSync(path, readFileSync(path).subarray(0, 1000));
    expect(errorOf(() => file.read("rows.q8_0"))).toMatchObject({ code: "GGUF_INVALID" });
    file.close();
  });

  it("says which types it reads when a tensor has another", () => {
    const path = join(folder, "iq2.gguf");
    writeGguf(path, new Map(), [{ name: "w", type: "F32", shape: [256], read: () => new Float32Array(256) }]);
    const bytes = readFileSync(path);
    // magic, version, counts, then the tensor's name, rank and one size come before its type.
    bytes.writeUInt32LE(16, 24 + 8 + 1 + 4 + 8);
    writeFileSync(path, bytes);
    const file = openGguf(path);
    expect(errorOf(() => file.read("w"))).toMatchObject({
      code: "DTYPE_MISMATCH",
      message: expect.stringContaining("IQ2_XXS"),
    });
    file.close();
  });
});

describe("what is not written", () => {
  const w: GgufTensorToWrite = { name: "w", type: "F32", shape: [2], read: () => Float32Array.of(1, 2) };
  it.each([
    ["a name twice", [w, w], "INVALID_ARGUMENT"],
    ["a name that llama.cpp does not read", [{ ...w, name: "x".repeat(64) }], "INVALID_ARGUMENT"],
    ["an unknown type", [{ ...w, type: "Q4_K" as "F32" }], "DTYPE_MISMATCH"],
    ["a row of no whole block", [{ ...w, type: "Q8_0" }], "SHAPE_MISMATCH"],
    ["five dimensions", [{ ...w, shape: [2, 1, 1, 1, 1] }], "SHAPE_MISMATCH"],
    ["no elements", [{ ...w, shape: [0] }], "SHAPE_MISMATCH"],
    ["data of another length", [w, { ...w, name: "v", shape: [3] }], "SHAPE_MISMATCH"],
    ["a number beyond float16", [{ ...w, type: "F16", read: () => Float32Array.of(1, 65520) }], "NON_FINITE"],
  ] as const)("%s, and the old file stays", (name, tensors, code) => {
    const path = join(folder, `${name.replaceAll(" ", "-")}.kept`);
    writeFileSync(path, "old");
    expect(errorOf(() => writeGguf(path, metadata, tensors)).code).toBe(code);
    expect(readFileSync(path, "utf8")).toBe("old");
  });

  it("leaves no temporary files behind", () => {
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
