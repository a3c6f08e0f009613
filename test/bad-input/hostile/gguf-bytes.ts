/** GGUF files put together from parts, any of which may lie. */
import { text, uint32, uint64 } from "./bytes.ts";

/** Type numbers of the format. */
export const TYPE = { uint8: 0, uint32: 4, float32: 6, bool: 7, string: 8, array: 9, uint64: 10 } as const;
export const F32 = 0;
export const Q4_0 = 2;

export interface RawTensor {
  readonly name?: string | Buffer;
  /** In the file's order. */
  readonly sizes?: readonly (bigint | number)[];
  /** What stands for the number of sizes. */
  readonly rank?: number;
  readonly type?: number;
  readonly offset?: bigint | number;
}

export interface RawGguf {
  readonly magic?: string;
  readonly version?: number | Buffer;
  readonly tensorCount?: bigint | number;
  readonly entryCount?: bigint | number;
  /** Entries as bytes: see {@link field}. */
  readonly entries?: readonly Buffer[];
  readonly tensors?: readonly RawTensor[];
  readonly dataBytes?: number;
  readonly alignment?: number;
}

/** A metadata entry: name, type number, value. */
export const field = (name: string | Buffer, type: number, ...value: readonly Buffer[]): Buffer =>
  Buffer.concat([text(name), uint32(type), ...value]);

/** A list: type number of its items, a length that may lie, items. */
export const list = (
  name: string,
  type: number,
  count: bigint | number,
  ...items: readonly Buffer[]
): Buffer => field(name, TYPE.array, uint32(type), uint64(count), ...items);

const info = ({ name = "w", sizes = [8], rank, type = F32, offset = 0 }: RawTensor): Buffer =>
  Buffer.concat([
    text(name),
    uint32(rank ?? sizes.length),
    ...sizes.map(uint64),
    uint32(type),
    uint64(offset),
  ]);

export function gguf({
  entries = [],
  tensors = [{}],
  dataBytes = 32,
  alignment = 32,
  ...rest
}: RawGguf): Buffer {
  const { version = 3 } = rest;
  const header = Buffer.concat([
    Buffer.from(rest.magic ?? "GGUF"),
    typeof version === "number" ? uint32(version) : version,
    uint64(rest.tensorCount ?? tensors.length),
    uint64(rest.entryCount ?? entries.length),
    ...entries,
    ...tensors.map(info),
  ]);
  const padded = Math.ceil(header.length / alignment) * alignment;
  return Buffer.concat([header, Buffer.alloc(padded - header.length + dataBytes)]);
}
