/** Safetensors files: lengths, JSON, entries, places, and what stands where the file should. */
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { loadCausalModel } from "../../../src/models/index.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { openSafetensors, openWeights, readSafetensors } from "../../../src/weights/index.ts";
import { copyOf, nested, put, safetensors } from "./bytes.ts";
import type { HostileCase, Place } from "./case.ts";
import { NO_FILES, withoutPermission } from "./places.ts";

const NAME = "weights.safetensors";
const INVALID: readonly ErrorCode[] = ["SAFETENSORS_INVALID"];

/** Opens by each of the doors and reads all there is. */
function readAll(path: string): void {
  openWeights(path).close();
  openSafetensors(path).close();
  readSafetensors(path);
}

function file(
  name: string,
  content: string | Uint8Array | (() => string | Uint8Array),
  ...mentions: string[]
): HostileCase {
  return {
    name,
    run: (place) => readAll(put(place, NAME, typeof content === "function" ? content() : content)),
    codes: INVALID,
    mentions: [NAME, ...mentions],
  };
}

/** A file whose header has another length than its bytes say, with holes up to `fileBytes`. */
function claimed(name: string, length: bigint, fileBytes: number, ...mentions: string[]): HostileCase {
  return {
    name,
    run: (place) => {
      const path = put(place, NAME, safetensors("{}", 0, length));
      if (fileBytes > 0) truncateSync(path, fileBytes);
      readAll(path);
    },
    codes: INVALID,
    mentions: [NAME, ...mentions],
  };
}

const LENGTHS: readonly HostileCase[] = [
  file("no bytes", "", "0 bytes long"),
  file("seven bytes", "1234567", "7 bytes long"),
  claimed("header of 0 bytes", 0n, 0, "at least 2"),
  claimed("header of 1 byte", 1n, 0, "at least 2"),
  claimed("header of 2^63 bytes", 2n ** 63n, 0, "9223372036854775808"),
  claimed("header of -1 bytes", -1n, 0, "18446744073709551615"),
  claimed("header of -2^63 + 2 bytes", -(2n ** 63n) + 2n, 0, "allowed"),
  claimed("header of 2^53 + 1 bytes", 2n ** 53n + 1n, 0, "9007199254740993"),
  claimed("header one byte longer than the file", 3n, 0, "does not fit"),
  claimed("header of a gigabyte of holes", 2n ** 30n, 2 ** 31, "allowed"),
  claimed("header of 32 megabytes of zeros", 2n ** 25n, 2 ** 26),
  file(
    "length in the other byte order",
    Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]), Buffer.from("{}")]),
  ),
  file("header of 32 megabytes of spaces", () => safetensors(`{${" ".repeat(2 ** 25 - 1)}`, 0), "JSON"),
];

const header = (name: string, content: string | Buffer, ...mentions: string[]): HostileCase =>
  file(`header: ${name}`, () => safetensors(content, 0), "header", ...mentions);

const HEADERS: readonly HostileCase[] = [
  header("null", "null"),
  header("a list", "[]"),
  header("a number", "12"),
  header("a string", '"{}"'),
  header("not JSON", "{oops}", "JSON"),
  header("cut in the middle", '{"a":{"dtype":"F3', "JSON"),
  header("a string without an end", '{"a', "JSON"),
  header("an escape without an end", '{"a\\', "JSON"),
  header("two objects", "{}{}", "JSON"),
  header("single quotes", "{'a':1}", "JSON"),
  header("comments", '{/* a */"b":{}}', "JSON"),
  header("no number", '{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,0]}}', "JSON"),
  header("zeros behind the end", "{}\0\0", "JSON"),
  header("not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), "UTF-8"),
  header("an overlong form of UTF-8", Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]), "UTF-8"),
  header("UTF-16", Buffer.from("{}", "utf16le"), "JSON"),
  header("a byte order mark", "\ufeff{}"),
  header("100,000 lists in one another", `{"a":${nested(100_000)}}`, "nested"),
  header("100,000 objects in one another", '{"a":'.repeat(100_000), "nested"),
  header("four million numbers", `{"a":[${"1,".repeat(4_000_000)}1]}`, "values"),
  header("three million empty entries", `{${'"":{},'.repeat(3_000_000)}"a":{}}`, "values"),
];

const entry = (changes: object = {}): object => ({
  dtype: "F32",
  shape: [2],
  data_offsets: [0, 8],
  ...changes,
});

/** A file of one tensor "w" with this entry and `dataBytes` of data. */
const tensor = (name: string, value: unknown, dataBytes: number, ...mentions: string[]): HostileCase =>
  file(`entry: ${name}`, () => safetensors({ w: value }, dataBytes), '"w"', ...mentions);

const ENTRIES: readonly HostileCase[] = [
  tensor("null", null, 8),
  tensor("a number", 5, 8),
  tensor("a list", [], 8),
  tensor("empty", {}, 8, "dtype"),
  ...(["F33", "f32", "", "__proto__", "constructor", "toString", 5, {}, null] as const).map((dtype) =>
    tensor(`dtype ${JSON.stringify(dtype)}`, entry({ dtype }), 8, "dtype"),
  ),
  ...[undefined, "2", {}, 2, [-2], [2.5], [1e300], [2 ** 53], ["2"], [[2]], [null], [true]].map((shape) =>
    tensor(`shape ${JSON.stringify(shape)}`, entry({ shape }), 8, "shape"),
  ),
  tensor("a million dimensions", entry({ shape: new Array(1_000_000).fill(1) }), 8, "shape"),
  tensor("65 dimensions", entry({ shape: new Array(65).fill(1) }), 8, "shape"),
  tensor("sizes whose product is 2^64", entry({ shape: [2 ** 32, 2 ** 32], data_offsets: [0, 0] }), 0),
  tensor("sizes whose product is beyond float64", entry({ shape: new Array(40).fill(2 ** 50) }), 8),
  tensor("a size of 2^53 - 1", entry({ shape: [2 ** 53 - 1] }), 8),
  ...[
    undefined,
    [8, 0],
    [-8, 0],
    [0, 8.5],
    ["0", "8"],
    [0],
    [0, 8, 16],
    {},
    [0, null],
    [0, 2 ** 53],
    [0, 1e300],
  ].map((offsets) =>
    tensor(`data_offsets ${JSON.stringify(offsets)}`, entry({ data_offsets: offsets }), 8, "data_offsets"),
  ),
  tensor("data beyond the end", entry({ data_offsets: [8, 16] }), 8, "16"),
  tensor("data behind the end", entry({ data_offsets: [1000, 1008] }), 8, "1008"),
  tensor("more bytes than the shape takes", entry({ data_offsets: [0, 12] }), 12, "12"),
  tensor("fewer bytes than the shape takes", entry({ shape: [4] }), 8, "16"),
];

const layout = (name: string, entries: object, dataBytes: number, ...mentions: string[]): HostileCase =>
  file(`layout: ${name}`, () => safetensors(entries, dataBytes), ...mentions);
const second = (begin: number, end: number): object => entry({ data_offsets: [begin, end] });

const LAYOUTS: readonly HostileCase[] = [
  layout("two tensors in one place", { a: entry(), b: entry() }, 8, "overlaps"),
  layout("half an overlap", { a: entry(), b: second(4, 12) }, 12, '"b"', "overlaps"),
  layout(
    "one inside another",
    { a: entry({ shape: [4], data_offsets: [0, 16] }), b: second(4, 12) },
    16,
    "overlaps",
  ),
  layout("a gap at the beginning", { a: second(8, 16) }, 16, '"a"', "gap"),
  layout("a gap between", { a: entry(), b: second(12, 20) }, 20, '"b"', "gap"),
  layout("bytes behind the last tensor", { a: entry() }, 12, "belong to none"),
  layout("data without tensors", {}, 12, "belong to none"),
  file(
    "layout: one name twice",
    () => safetensors(`{"a":${JSON.stringify(entry())},"a":${JSON.stringify(second(8, 16))}}`, 16),
    "twice",
  ),
  file(
    "layout: one key of an entry twice",
    () => safetensors('{"a":{"dtype":"F32","shape":[2],"shape":[9],"data_offsets":[0,8]}}', 8),
    "twice",
  ),
  ...[[], "text", 5, { a: 5 }, { a: {} }, { a: null }].map((metadata) =>
    layout(`metadata ${JSON.stringify(metadata)}`, { __metadata__: metadata }, 0, "__metadata__"),
  ),
];

/** The valid model cut off at a place. */
const CUTS: readonly HostileCase[] = [4, 8, 9, 200, 1_000, 10_000].map((bytes) => ({
  name: `cut to ${bytes} bytes`,
  run: (place: Place) => {
    const path = join(copyOf(place, place.base.model), "model.safetensors");
    truncateSync(path, bytes);
    readAll(path);
  },
  codes: INVALID,
  mentions: ["model.safetensors"],
}));

const STAND_INS: readonly HostileCase[] = [
  ...Object.entries(NO_FILES).map(
    ([name, make]): HostileCase => ({
      name: `instead of the file: ${name}`,
      run: ({ folder }) => readAll(make(join(folder, NAME))),
      codes: name === "a folder" || name === "a link to itself" ? ["FILE_NOT_FOUND"] : INVALID,
      mentions: name === "a folder" ? ["model.safetensors"] : [NAME],
    }),
  ),
  {
    name: "a folder named like the model's weights",
    run: (place) => {
      NO_FILES["a folder"]!(join(place.folder, "model.safetensors"));
      openWeights(place.folder);
    },
    codes: INVALID,
    mentions: ["model.safetensors", "not a file"],
  },
  {
    name: "a name with a zero byte",
    run: () => readAll("weights\0.safetensors"),
    codes: ["FILE_NOT_FOUND"],
    mentions: ["weights"],
  },
  {
    name: "a name of 5,000 characters",
    run: () => readAll(`${"a".repeat(5_000)}.safetensors`),
    codes: ["FILE_NOT_FOUND"],
    mentions: ["safetensors"],
  },
  {
    name: "a file that may not be read",
    run: (place) => {
      const path = put(place, NAME, safetensors("{}", 0));
      withoutPermission(path, () => readAll(path));
    },
    codes: ["FILE_NOT_FOUND"],
    mentions: [NAME, "EACCES"],
  },
  {
    name: "a tensor of a terabyte of holes",
    run: (place) => {
      const bytes = 2 ** 40;
      const path = put(
        place,
        NAME,
        safetensors({ w: entry({ shape: [bytes / 4], data_offsets: [0, bytes] }) }, 0),
      );
      const { size } = {
        size:
          8 +
          Buffer.byteLength(JSON.stringify({ w: entry({ shape: [bytes / 4], data_offsets: [0, bytes] }) })),
      };
      truncateSync(path, size + bytes);
      readAll(path);
    },
    codes: INVALID,
    mentions: [NAME, '"w"', "memory"],
  },
];

/** Names that every JavaScript object answers to. */
const INHERITED: readonly HostileCase[] = ["__proto__", "constructor", "toString", "hasOwnProperty"].map(
  (name): HostileCase => ({
    name: `a tensor called ${name}`,
    run: (place) => {
      const folder = copyOf(place, place.base.model);
      const { tensors } = readSafetensors(join(folder, "model.safetensors"));
      let at = 0;
      const entries = [...tensors.values()].map(({ name: own, shape, data }) => {
        const begin = at;
        at += data.byteLength;
        return `${JSON.stringify(own)}:${JSON.stringify({ dtype: "F32", shape, data_offsets: [begin, at] })}`;
      });
      entries.push(`"${name}":${JSON.stringify(second(at, at + 8))}`);
      put({ ...place, folder }, "model.safetensors", safetensors(`{${entries.join(",")}}`, at + 8));
      loadCausalModel(folder);
    },
    codes: ["WEIGHTS_MISMATCH"],
    mentions: ["model.safetensors", `"${name}"`],
  }),
);

export const CASES: readonly HostileCase[] = [
  ...LENGTHS,
  ...HEADERS,
  ...ENTRIES,
  ...LAYOUTS,
  ...CUTS,
  ...STAND_INS,
  ...INHERITED,
];
