import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TuttiError } from "../support/errors.ts";
import {
  openSafetensors,
  readSafetensors,
  SAFETENSORS_DTYPES,
  type TensorInMemory,
  writeSafetensors,
} from "./index.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-safetensors-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One tensor of each type, with the extremes that the type holds. */
const TENSORS: readonly TensorInMemory[] = [
  { name: "F64", dtype: "F64", shape: [3], data: Float64Array.of(Math.PI, -0, Number.MAX_VALUE) },
  { name: "F32", dtype: "F32", shape: [2, 2], data: Float32Array.of(1.5, -0, Number.NaN, -Infinity) },
  { name: "F16", dtype: "F16", shape: [4], data: Float32Array.of(65504, -0, 2 ** -24, Infinity) },
  { name: "BF16", dtype: "BF16", shape: [1, 3], data: Float32Array.of(3.140625, -(2 ** -133), 2 ** 127) },
  { name: "I64", dtype: "I64", shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n) },
  { name: "U64", dtype: "U64", shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
  { name: "I32", dtype: "I32", shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
  { name: "U32", dtype: "U32", shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
  { name: "I16", dtype: "I16", shape: [1], data: Int16Array.of(-32768) },
  { name: "U16", dtype: "U16", shape: [1], data: Uint16Array.of(65535) },
  { name: "I8", dtype: "I8", shape: [3], data: Int8Array.of(-128, 0, 127) },
  { name: "U8", dtype: "U8", shape: [5], data: Uint8Array.of(0, 1, 2, 254, 255) },
  { name: "BOOL", dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: "scalar", dtype: "F32", shape: [], data: Float32Array.of(7) },
  { name: "no elements", dtype: "F16", shape: [3, 0, 2], data: new Float32Array(0) },
  { name: 'Ünïcödé "quoted" {日本}', dtype: "I32", shape: [1], data: Int32Array.of(1) },
  { name: "__proto__", dtype: "U8", shape: [1], data: Uint8Array.of(9) },
];

describe("round trip", () => {
  it("covers every type of the format that is known here", () => {
    expect(new Set(TENSORS.map(({ dtype }) => dtype))).toEqual(new Set(SAFETENSORS_DTYPES));
  });

  it("gives names, types, shapes, values and metadata back", () => {
    const path = join(folder, "all.safetensors");
    const metadata = { format: "test", ключ: 'line\n"quoted"' };
    writeSafetensors(path, TENSORS, metadata);
    const { tensors, metadata: received } = readSafetensors(path);
    expect(received).toEqual(metadata);
    expect(tensors.size).toBe(TENSORS.length);
    for (const tensor of TENSORS) expect(tensors.get(tensor.name)).toEqual(tensor);
  });

  it("aligns every tensor and the end of the header", () => {
    const path = join(folder, "aligned.safetensors");
    writeSafetensors(path, TENSORS);
    const file = openSafetensors(path);
    for (const { byteOffset, shape, byteLength } of file.entries.values()) {
      const elements = shape.reduce((product, size) => product * size, 1);
      if (elements > 0) expect(byteOffset % (byteLength / elements)).toBe(0);
    }
    expect(readFileSync(path).readBigUInt64LE() % 8n).toBe(0n);
    file.close();
  });

  it("writes the same bytes whatever the order, from a record or a generator", () => {
    const [listed, reversed, record] = ["listed", "reversed", "record"].map((name) => join(folder, name));
    writeSafetensors(listed!, TENSORS);
    writeSafetensors(
      reversed!,
      (function* () {
        yield* [...TENSORS].reverse();
      })(),
    );
    writeSafetensors(
      record!,
      Object.fromEntries(TENSORS.map(({ name, dtype, shape, data }) => [name, { dtype, shape, data }])),
    );
    expect(readFileSync(reversed!)).toEqual(readFileSync(listed!));
    expect(readFileSync(record!)).toEqual(readFileSync(listed!));
  });

  it("writes the part of a larger array that a view shows", () => {
    const path = join(folder, "view.safetensors");
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    writeSafetensors(path, { part: { dtype: "F32", shape: [2], data } });
    expect(readSafetensors(path).tensors.get("part")?.data).toEqual(Float32Array.of(1, 2));
  });

  it("holds no tensors at all", () => {
    const path = join(folder, "none.safetensors");
    writeSafetensors(path, []);
    expect(readSafetensors(path)).toEqual({ metadata: {}, tensors: new Map() });
  });
});

describe("reading in part", () => {
  it("reads the named tensors only", () => {
    const path = join(folder, "named.safetensors");
    writeSafetensors(path, TENSORS);
    const { tensors } = readSafetensors(path, { names: ["U8", "F16"] });
    expect([...tensors.keys()]).toEqual(["U8", "F16"]);
  });

  it("names the nearest tensor when one is missing", () => {
    const path = join(folder, "missing.safetensors");
    writeSafetensors(path, { "encoder.layer.0.weight": { dtype: "U8", shape: [1], data: Uint8Array.of(1) } });
    expect(codeOf(() => readSafetensors(path, { names: ["encoder.layer.0.wieght"] }))).toMatchObject({
      code: "WEIGHTS_MISMATCH",
      hint: 'did you mean "encoder.layer.0.weight"?',
    });
  });

  it("notices a file that shrinks while it is open", () => {
    const path = join(folder, "shrinking.safetensors");
    writeSafetensors(path, { w: { dtype: "F32", shape: [100], data: new Float32Array(100) } });
    const file = openSafetensors(path);
    writeFileSync(path, readFileSync(path).subarray(0, 200));
    expect(codeOf(() => file.read("w"))).toMatchObject({ code: "SAFETENSORS_INVALID" });
    file.close();
    file.close();
  });
});

function codeOf(action: () => unknown): TuttiError {
  try {
    action();
  } catch (error) {
    if (TuttiError.is(error)) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

/** A file with this header, its length field, and so many bytes of data. */
function fileOf(header: unknown, dataBytes = 0): Buffer {
  const json =
    header instanceof Uint8Array
      ? Buffer.from(header)
      : Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

function lengthField(length: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(length);
  return bytes;
}

const entry = (change: Record<string, unknown> = {}) => ({
  dtype: "F32",
  shape: [2],
  data_offsets: [0, 8],
  ...change,
});
const without = (field: string) => ({ ...entry(), [field]: undefined });

const CORRUPT: readonly (readonly [string, Buffer, RegExp])[] = [
  ["an empty file", Buffer.alloc(0), /is 0 bytes long/],
  ["half a length field", Buffer.alloc(5), /is 5 bytes long/],
  ["a header of no bytes", lengthField(0n), /header length is 0 bytes/],
  ["a header beyond the limit", lengthField(100_000_001n), /100000001 bytes, more than the 33554432/],
  ["a length of 64 ones", lengthField(2n ** 64n - 1n), /18446744073709551615 bytes, more than/],
  ["a header cut short", fileOf({ w: entry() }).subarray(0, 20), /does not fit in a file of 20 bytes/],
  ["broken UTF-8", fileOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), /not valid UTF-8/],
  ["a byte order mark", fileOf("\ufeff{}"), /expected "\{"/],
  ["white space first", fileOf(" {}"), /header starts with " "/],
  ["a list", fileOf("[]"), /header starts with "\["/],
  [
    "a gzip file",
    Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), Buffer.alloc(9)]),
    /header of 559903 bytes does not fit/,
  ],
  ["text that is not JSON", fileOf('{"w": }'), /header is not JSON/],
  ["a second value after the JSON", fileOf("{} {}"), /header is not JSON/],
  ["NaN in the JSON", fileOf('{"w": NaN}'), /header is not JSON/],
  ["a name twice", fileOf('{"w":{},"v":{},"w":{}}'), /names "w" twice/],
  ["an escaped name twice", fileOf('{"w":{},"\\u0077":{}}'), /names "w" twice/],
  ["a field twice", fileOf('{"w":{"dtype":"F32","dtype":"F16"}}'), /names "dtype" twice/],
  ["metadata that is a list", fileOf({ __metadata__: [] }), /__metadata__ is \[\]/],
  [
    "metadata that is no string",
    fileOf({ __metadata__: { step: 3 } }),
    /field "step" is 3, expected a string/,
  ],
  ["an entry that is a number", fileOf({ w: 8 }), /tensor "w": entry is 8/],
  ["an entry that is null", fileOf({ w: null }), /tensor "w": entry is null/],
  ["no dtype", fileOf({ w: without("dtype") }, 8), /tensor "w": dtype is nothing, expected one of F64, F32/],
  ["an unknown dtype", fileOf({ w: entry({ dtype: "F8_E4M3" }) }, 8), /dtype is "F8_E4M3"/],
  ["a dtype of the object's own", fileOf({ w: entry({ dtype: "toString" }) }, 8), /dtype is "toString"/],
  ["no shape", fileOf({ w: without("shape") }, 8), /shape is nothing/],
  ["a negative size", fileOf({ w: entry({ shape: [-2] }) }, 8), /shape is \[-2\]/],
  ["a fractional size", fileOf({ w: entry({ shape: [0.5, 4] }) }, 8), /shape is \[0\.5,4\]/],
  [
    "a size beyond exact integers",
    fileOf('{"w":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,8]}}', 8),
    /shape/,
  ],
  [
    "sizes whose product overflows",
    fileOf({ w: entry({ shape: Array(40).fill(2 ** 50) }) }, 8),
    /takes Infinity bytes/,
  ],
  ["no offsets", fileOf({ w: without("data_offsets") }, 8), /data_offsets is nothing/],
  ["one offset", fileOf({ w: entry({ data_offsets: [8] }) }, 8), /data_offsets is \[8\]/],
  ["offsets that are text", fileOf({ w: entry({ data_offsets: ["0", "8"] }) }, 8), /expected \[begin, end\]/],
  ["a negative offset", fileOf({ w: entry({ data_offsets: [-8, 0] }) }, 8), /data_offsets is \[-8,0\]/],
  [
    "offsets out of order",
    fileOf({ w: entry({ data_offsets: [8, 0] }) }, 8),
    /\[8, 0\] end before they begin/,
  ],
  ["data cut short", fileOf({ w: entry() }, 7), /end at 8, but the file holds 7 bytes/],
  [
    "too few bytes for the shape",
    fileOf({ w: entry({ shape: [3] }) }, 8),
    /F32 \[3\] takes 12 bytes, .* give 8/,
  ],
  ["too many bytes for the type", fileOf({ w: entry({ dtype: "F16" }) }, 8), /F16 \[2\] takes 4 bytes/],
  ["bytes for a scalar", fileOf({ w: entry({ shape: [] }) }, 8), /F32 \[\] takes 4 bytes/],
  ["bytes for no elements", fileOf({ w: entry({ shape: [0] }) }, 8), /takes 0 bytes/],
  [
    "bytes before the first tensor",
    fileOf({ w: entry({ data_offsets: [4, 12] }) }, 12),
    /gap after the header/,
  ],
  [
    "a gap between tensors",
    fileOf({ w: entry(), v: entry({ data_offsets: [12, 20] }) }, 20),
    /tensor "v" leaves a gap after tensor "w": it begins at byte 12 of the data, expected 8/,
  ],
  [
    "tensors that overlap",
    fileOf({ v: entry({ data_offsets: [4, 12] }), w: entry() }, 12),
    /tensor "v" overlaps tensor "w": it begins at byte 4 of the data, expected 8/,
  ],
  ["two tensors in one place", fileOf({ w: entry(), v: entry() }, 8), /overlaps tensor/],
  ["bytes after the last tensor", fileOf({ w: entry() }, 11), /3 bytes after the last tensor/],
  ["data without a tensor", fileOf({}, 4), /4 bytes after the last tensor/],
];

describe("corrupt files", () => {
  it.each(CORRUPT)("%s", (name, bytes, message) => {
    const path = join(folder, `${name.replaceAll(/\W/g, "-")}.safetensors`);
    writeFileSync(path, bytes);
    const error = codeOf(() => readSafetensors(path));
    expect(error.code).toBe("SAFETENSORS_INVALID");
    expect(error.message.startsWith(path)).toBe(true);
    expect(error.message).toMatch(message);
    expect(error.hint).toBeTruthy();
  });

  it("each file cut at any byte", () => {
    const whole = join(folder, "whole.safetensors");
    writeSafetensors(whole, TENSORS.slice(0, 4), { format: "test" });
    const bytes = readFileSync(whole);
    const path = join(folder, "cut.safetensors");
    for (let length = 0; length < bytes.byteLength; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(codeOf(() => readSafetensors(path)).code, `cut at ${length}`).toBe("SAFETENSORS_INVALID");
    }
  });

  it("a missing file and a folder", () => {
    expect(codeOf(() => readSafetensors(join(folder, "absent"))).code).toBe("FILE_NOT_FOUND");
    expect(codeOf(() => readSafetensors(folder))).toMatchObject({ code: "SAFETENSORS_INVALID" });
  });
});

describe("what is not written", () => {
  const w: TensorInMemory = { name: "w", dtype: "F32", shape: [1], data: Float32Array.of(1) };
  it.each([
    ["a name twice", [w, w], "INVALID_ARGUMENT"],
    ["the reserved name", [{ ...w, name: "__metadata__" }], "INVALID_ARGUMENT"],
    ["data of another type", [{ ...w, data: Int32Array.of(1) }], "DTYPE_MISMATCH"],
    ["an unknown type", [{ ...w, dtype: "F8" as "F32" }], "DTYPE_MISMATCH"],
    ["data of another length", [{ ...w, shape: [2] }], "SHAPE_MISMATCH"],
  ] as const)("%s, and the old file stays", (name, tensors, code) => {
    const path = join(folder, `${name.replaceAll(" ", "-")}.kept`);
    writeFileSync(path, "old");
    expect(codeOf(() => writeSafetensors(path, tensors)).code).toBe(code);
    expect(readFileSync(path, "utf8")).toBe("old");
  });

  it("leaves no temporary files behind", () => {
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

it("reads what Python's safetensors wrote", () => {
  const path = fileURLToPath(new URL("../../fixtures/weights/types.safetensors", import.meta.url));
  const { tensors, metadata } = readSafetensors(path);
  expect(metadata).toEqual({ format: "pt" });
  const third = 1 / 3;
  const expected: Record<string, readonly [readonly number[], TensorInMemory["data"]]> = {
    f64: [[2], Float64Array.of(third, -(2 ** -1074))],
    f32: [[2, 2], Float32Array.of(third, -(2 ** -149), (2 - 2 ** -23) * 2 ** 127, -Infinity)],
    f16: [[3], Float32Array.of(1365 / 4096, 2 ** -24, -65504)],
    bf16: [[2, 1], Float32Array.of(171 / 512, -(2 ** -133))],
    i64: [[2], BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n)],
    i32: [[2], Int32Array.of(-(2 ** 31), 7)],
    i16: [[1], Int16Array.of(-32768)],
    i8: [[3], Int8Array.of(-128, 127, 0)],
    u8: [[1], Uint8Array.of(255)],
    bool: [[3], Uint8Array.of(1, 0, 1)],
    scalar: [[], Float32Array.of(2.5)],
    none: [[0, 3], new Float32Array(0)],
  };
  expect([...tensors.keys()].sort()).toEqual(Object.keys(expected).sort());
  for (const [name, [shape, data]] of Object.entries(expected)) {
    expect(tensors.get(name)).toEqual({ name, dtype: dtypeOf[name] ?? name.toUpperCase(), shape, data });
  }
});

const dtypeOf: Readonly<Record<string, string>> = { scalar: "F32", none: "F32" };
