/** GGUF files: magic, counts, metadata, tensor infos, places, and cuts anywhere in the header. */
import { readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { openGguf, openGgufModel, openWeights } from "../../../src/weights/index.ts";
import { put, text, uint32, uint64 } from "./bytes.ts";
import type { HostileCase } from "./case.ts";
import { F32, field, gguf, list, Q4_0, type RawGguf, type RawTensor, TYPE } from "./gguf-bytes.ts";
import { NO_FILES, withoutPermission } from "./places.ts";

const NAME = "model.gguf";
const INVALID: readonly ErrorCode[] = ["GGUF_INVALID"];

function readAll(path: string): void {
  const file = openGguf(path);
  for (const name of file.entries.keys()) file.read(name);
  file.close();
  openWeights(path).close();
  openGgufModel(path).close();
}

function bytes(name: string, content: () => string | Uint8Array, ...mentions: string[]): HostileCase {
  return {
    name,
    run: (place) => readAll(put(place, NAME, content())),
    codes: INVALID,
    mentions: [NAME, ...mentions],
  };
}

const raw = (name: string, parts: RawGguf, ...mentions: string[]): HostileCase =>
  bytes(name, () => gguf(parts), ...mentions);

const HEADS: readonly HostileCase[] = [
  bytes("no bytes", () => ""),
  bytes("three bytes", () => "GGU"),
  bytes("magic alone", () => "GGUF"),
  raw("another magic", { magic: "GGML" }, "GGML"),
  raw("magic backwards", { magic: "FUGG" }, "FUGG"),
  raw("version 0", { version: 0 }, "version 0"),
  raw("version 1", { version: 1 }, "version 1"),
  raw("version 4", { version: 4 }, "version 4"),
  raw("version 2^32 - 1", { version: -1 }, "4294967295"),
  raw("big-endian", { version: Buffer.from([0, 0, 0, 3]) }, "big-endian"),
  raw("2^60 tensors", { tensorCount: 2n ** 60n }, "1152921504606846976"),
  raw("2^64 - 1 tensors", { tensorCount: -1 }, "18446744073709551615"),
  raw("65,537 tensors", { tensorCount: 65_537 }, "65537"),
  raw("65,000 tensors in 100 bytes", { tensorCount: 65_000 }, "65000"),
  raw("one tensor more than there are", { tensorCount: 2 }),
  raw("2^60 entries", { entryCount: 2n ** 60n }, "1152921504606846976"),
  raw("-1 entries", { entryCount: -1 }, "18446744073709551615"),
  raw("65,000 entries in 100 bytes", { entryCount: 65_000 }, "65000"),
  raw("one entry more than there are", { entryCount: 1, tensors: [] }),
];

const entry = (name: string, content: Buffer, ...mentions: string[]): HostileCase =>
  raw(`metadata: ${name}`, { entries: [content] }, ...mentions);
const string = (value: string): Buffer => field("key", TYPE.string, text(value));

const ENTRIES: readonly HostileCase[] = [
  entry("a name of 2^60 bytes", Buffer.concat([text("key", 2n ** 60n), uint32(0)]), "1152921504606846976"),
  entry("a name of -1 bytes", Buffer.concat([text("key", -1), uint32(0)])),
  entry("a name of 65,536 bytes", field("k".repeat(65_536), TYPE.uint32, uint32(1)), "65536"),
  entry("no name", field("", TYPE.uint32, uint32(1)), "no name"),
  entry("a name that is not UTF-8", field(Buffer.from([0xff, 0xfe]), TYPE.uint32, uint32(1)), "UTF-8"),
  entry("type 13", field("key", 13, uint32(1)), '"key"', "13"),
  entry("type 2^32 - 1", field("key", -1, uint32(1)), '"key"', "4294967295"),
  entry("a truth value of 2", field("key", TYPE.bool, Buffer.from([2])), '"key"', "2"),
  entry(
    "a string of 2^60 bytes",
    field("key", TYPE.string, text("x", 2n ** 60n)),
    '"key"',
    "1152921504606846976",
  ),
  entry("a string of 2^63 bytes", field("key", TYPE.string, text("x", 2n ** 63n)), '"key"'),
  entry("a string longer than the file", field("key", TYPE.string, text("x", 5_000)), '"key"', "5000"),
  entry(
    "a string that is not UTF-8",
    field("key", TYPE.string, text(Buffer.from([0xc3, 0x28]))),
    '"key"',
    "UTF-8",
  ),
  entry("a list of 2^60 numbers", list("key", TYPE.uint32, 2n ** 60n), '"key"'),
  entry("a list whose bytes wrap around 2^64", list("key", TYPE.uint32, 2n ** 62n), '"key"'),
  entry("a list of -1 strings", list("key", TYPE.string, -1), '"key"'),
  entry("a list of 10 million strings", list("key", TYPE.string, 10_000_000), '"key"'),
  entry("a list of type 13", list("key", 13, 1, uint32(1)), '"key"', "13"),
  entry("a list of lists", list("key", TYPE.array, 1, uint32(TYPE.uint8), uint64(0)), '"key"', "lists"),
  entry(
    "50,000 lists in one another",
    field(
      "key",
      TYPE.array,
      ...new Array<Buffer>(50_000).fill(Buffer.concat([uint32(TYPE.array), uint64(1)])),
    ),
    '"key"',
    "lists",
  ),
  entry("a truth value of 3 in a list", list("key", TYPE.bool, 2, Buffer.from([1, 3])), '"key"', "3"),
  raw("metadata: one name twice", { entries: [string("a"), string("b")] }, '"key"', "twice"),
  {
    name: "metadata: 8 million empty strings",
    run: (place) => {
      const path = put(place, NAME, gguf({ entries: [list("key", TYPE.string, 2 ** 23)], tensors: [] }));
      truncateSync(path, 2 ** 27 - 2 ** 20);
      readAll(path);
    },
    codes: INVALID,
    mentions: [NAME, '"key"', "8388608"],
  },
  {
    name: "metadata: a string of 100 megabytes",
    run: (place) => {
      const path = put(
        place,
        NAME,
        gguf({ entries: [field("key", TYPE.string, text("", 100_000_000))], tensors: [] }),
      );
      truncateSync(path, 2 ** 28);
      readAll(path);
    },
    codes: INVALID,
    mentions: [NAME, '"key"', "100000000"],
  },
  {
    name: "metadata: a list of a gigabyte",
    run: (place) => {
      const path = put(place, NAME, gguf({ entries: [list("key", TYPE.uint8, 2 ** 30)], tensors: [] }));
      truncateSync(path, 2 ** 31);
      readAll(path);
    },
    codes: INVALID,
    mentions: [NAME, '"key"'],
  },
];

const alignment = (value: number, type: number = TYPE.uint32, ...content: readonly Buffer[]): HostileCase =>
  raw(
    `alignment ${value} of type ${type}`,
    {
      entries: [field("general.alignment", type, ...(content.length > 0 ? content : [uint32(value)]))],
    },
    "general.alignment",
  );

const ALIGNMENTS: readonly HostileCase[] = [
  alignment(0),
  alignment(3),
  alignment(33),
  alignment(2 ** 32 - 1),
  alignment(32, TYPE.uint64, uint64(32)),
  alignment(32, TYPE.string, text("32")),
  alignment(32, TYPE.float32),
  raw("alignment 2^31", { entries: [field("general.alignment", TYPE.uint32, uint32(2 ** 31))] }, '"w"'),
];

const info = (name: string, change: RawTensor, ...mentions: string[]): HostileCase =>
  raw(`tensor: ${name}`, { tensors: [change] }, ...mentions);

const TENSORS: readonly HostileCase[] = [
  info("a name that is not UTF-8", { name: Buffer.from([0xff]) }, "UTF-8"),
  info("a name of 65,536 bytes", { name: "w".repeat(65_536) }, "65536"),
  info("5 dimensions", { sizes: [1, 1, 1, 1, 8] }, '"w"', "5 dimensions"),
  info("2^32 - 1 dimensions", { sizes: [], rank: -1 }, '"w"', "4294967295"),
  info("a million dimensions", { sizes: [], rank: 1_000_000 }, '"w"'),
  info("a size of 2^63", { sizes: [2n ** 63n] }, '"w"', "9223372036854775808"),
  info("a size of -1", { sizes: [-1] }, '"w"'),
  info("sizes whose product is 2^64", { sizes: [2n ** 32n, 2n ** 32n] }, '"w"'),
  info("sizes whose product is 2^128", { sizes: [2n ** 32n, 2n ** 32n, 2n ** 32n, 2n ** 32n] }, '"w"'),
  info("a size of 2^53", { sizes: [2n ** 53n] }, '"w"'),
  info("more elements than the file has", { sizes: [9] }, '"w"'),
  ...[4, 5, 31, 32, 33, 36, 38, 40, 1000, 2 ** 32 - 1].map((type) =>
    info(`element type ${type}`, { type }, '"w"', String(type)),
  ),
  info("a row that is no whole block", { type: Q4_0, sizes: [33] }, '"w"', "33"),
  info("a scalar of blocks", { type: Q4_0, sizes: [] }, '"w"'),
  info("an odd offset", { offset: 1 }, '"w"', "multiple"),
  info("an offset of half the alignment", { offset: 16 }, '"w"', "multiple"),
  info("an offset behind the end", { offset: 4_096 }, '"w"'),
  info("an offset of 2^63", { offset: 2n ** 63n }, '"w"'),
  info("an offset of -32", { offset: -32 }, '"w"'),
  raw("tensor: one name twice", { tensors: [{}, { offset: 32 }], dataBytes: 64 }, '"w"', "twice"),
  raw("tensor: two in one place", { tensors: [{}, { name: "v" }] }, "overlaps"),
  raw(
    "tensor: half an overlap",
    { tensors: [{ sizes: [16] }, { name: "v", offset: 32 }], dataBytes: 64 },
    '"v"',
    "overlaps",
  ),
  {
    name: "tensor: a terabyte of holes",
    run: (place) => {
      const content = gguf({ tensors: [{ sizes: [2 ** 38] }], dataBytes: 0 });
      const path = put(place, NAME, content);
      truncateSync(path, content.length + 2 ** 40);
      readAll(path);
    },
    codes: INVALID,
    mentions: [NAME, '"w"', "memory"],
  },
  {
    name: "tensor: a type that cannot be read",
    run: (place) => readAll(put(place, NAME, gguf({ tensors: [{ type: 24, sizes: [32] }] }))),
    codes: ["DTYPE_MISMATCH"],
    mentions: [NAME, '"w"', "I8"],
  },
];

/** Every boundary of a small header, and one byte more. */
function headerCuts(): readonly HostileCase[] {
  const parts: RawGguf = {
    entries: [string("value"), list("list", TYPE.uint32, 2, uint32(1), uint32(2))],
    tensors: [{ sizes: [4, 2], type: F32 }],
  };
  const whole = gguf(parts);
  const boundaries = [4, 8, 16, 24, 32, 35, 39, 47, 52, 60, 64, 68, 72, 80, 88, 96, 101, 109, 117, 121, 129];
  return boundaries
    .flatMap((at) => [at, at + 1])
    .filter((at) => at < whole.length)
    .map((at) => bytes(`cut at byte ${at}`, () => whole.subarray(0, at)));
}

const STAND_INS: readonly HostileCase[] = [
  ...Object.entries(NO_FILES).map(
    ([name, make]): HostileCase => ({
      name: `instead of the file: ${name}`,
      run: ({ folder }) => readAll(make(join(folder, NAME))),
      codes: name === "a link to itself" ? ["FILE_NOT_FOUND"] : INVALID,
      mentions: [NAME],
    }),
  ),
  {
    name: "a file that may not be read",
    run: (place) => {
      const path = put(place, NAME, gguf({}));
      withoutPermission(path, () => readAll(path));
    },
    codes: ["FILE_NOT_FOUND"],
    mentions: [NAME, "EACCES"],
  },
  {
    name: "the valid model cut in its data",
    run: (place) => {
      const content = readFileSync(place.base.gguf);
      readAll(put(place, NAME, content.subarray(0, content.length - 100)));
    },
    codes: INVALID,
    mentions: [NAME],
  },
];

export const CASES: readonly HostileCase[] = [
  ...HEADS,
  ...ENTRIES,
  ...ALIGNMENTS,
  ...TENSORS,
  ...headerCuts(),
  ...STAND_INS,
];
