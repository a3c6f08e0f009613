/**
 * The part of the WebAssembly binary format that element-wise float32 kernels need.
 *
 * Source: WebAssembly core specification 2.0, chapter 5 (binary format), with the vector instructions of 5.4.9.
 */

/** Encoded instructions. */
export type Code = readonly number[];

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** Signed LEB128 of a non-negative integer. */
const signed = (value: number): number[] => {
  const bytes = unsigned(value);
  const last = bytes.pop()!;
  return last & 0x40 ? [...bytes, last | 0x80, 0] : [...bytes, last];
};

const vector = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()];
const name = (text: string): number[] => [...unsigned(text.length), ...new TextEncoder().encode(text)];
const section = (id: number, body: Code): number[] => [id, ...unsigned(body.length), ...body];

export const VALUE_TYPE = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = (typeof VALUE_TYPE)[keyof typeof VALUE_TYPE];

const vectorOp = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
/** 16-byte alignment, offset 0. */
const MEMORY_ARGUMENT = [4, 0];

export const localGet = (index: number): Code => [0x20, ...unsigned(index)];
export const localSet = (index: number): Code => [0x21, ...unsigned(index)];
export const i32Constant = (value: number): Code => [0x41, ...signed(value)];
export const I32_ADD: Code = [0x6a];
const I32_LESS_UNSIGNED: Code = [0x49];
export const F64_ADD: Code = [0xa0];

export const V128_LOAD: Code = [...vectorOp(0x00), ...MEMORY_ARGUMENT];
export const V128_STORE: Code = [...vectorOp(0x0b), ...MEMORY_ARGUMENT];
/** Selects the bits of the first operand where the third is 1, of the second where it is 0. */
export const V128_BITSELECT: Code = vectorOp(0x52);
/** The high pair of float32 lanes moved to the low pair. */
export const HIGH_LANES_LOW: Code = [
  ...vectorOp(0x0d),
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
];
export const F32X4 = {
  splat: vectorOp(0x13),
  greater: vectorOp(0x44),
  abs: vectorOp(0xe0),
  sqrt: vectorOp(0xe3),
  add: vectorOp(0xe4),
  sub: vectorOp(0xe5),
  mul: vectorOp(0xe6),
  div: vectorOp(0xe7),
} as const satisfies Record<string, Code>;
export const F64X2 = {
  extractLane: (lane: 0 | 1): Code => [...vectorOp(0x21), lane],
  add: vectorOp(0xf0),
  mul: vectorOp(0xf2),
  /** Low two float32 lanes as float64. */
  promoteLow: vectorOp(0x5f),
} as const;

/** `do { body } while (local[pointer] < local[end])` on unsigned 32-bit addresses. */
export const loopWhileBelow = (body: Code, pointer: number, end: number): Code => [
  ...[0x03, 0x40],
  ...body,
  ...localGet(pointer),
  ...localGet(end),
  ...I32_LESS_UNSIGNED,
  ...[0x0d, 0],
  0x0b,
];

export interface WasmFunction {
  readonly parameters: readonly ValueType[];
  readonly result?: ValueType;
  /** Locals after the parameters. */
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

const PAGE_BYTES = 65_536;

/** A module that exports one function as `run` and its memory as `memory`. */
export function encodeModule(definition: WasmFunction, memoryBytes: number): Uint8Array<ArrayBuffer> {
  const results = definition.result === undefined ? [] : [[definition.result]];
  const type = [0x60, ...vector(definition.parameters.map((type) => [type])), ...vector(results)];
  const code = [...vector(definition.locals.map((type) => [1, type])), ...definition.body, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([type])),
    ...section(3, vector([[0]])),
    ...section(5, vector([[0, ...unsigned(Math.ceil(memoryBytes / PAGE_BYTES))]])),
    ...section(
      7,
      vector([
        [...name("memory"), 2, 0],
        [...name("run"), 0, 0],
      ]),
    ),
    ...section(10, vector([[...unsigned(code.length), ...code]])),
  ]);
}
