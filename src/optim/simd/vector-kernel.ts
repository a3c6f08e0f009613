/**
 * Element-wise float32 loops at vector speed: an expression over arrays and scalars, compiled once to WebAssembly SIMD.
 *
 * Arrays stay where they are (ONNX Runtime reads them in place): slices that fit the second-level cache are copied into
 * the module's memory, worked on and copied back, so main memory is read and written once per array.
 */
import { assert } from "../../support/errors.ts";
import {
  type Code,
  encodeModule,
  F32X4,
  F64_ADD,
  F64X2,
  HIGH_LANES_LOW,
  I32_ADD,
  i32Constant,
  localGet,
  localSet,
  loopWhileBelow,
  V128_BITSELECT,
  V128_LOAD,
  V128_STORE,
  VALUE_TYPE,
  type WasmFunction,
} from "./wasm-encoder.ts";

/** Elements per slice: 32 KiB an array. */
const SLICE_LENGTH = 8192;
const VECTOR_BYTES = 16;

/** Code that leaves one vector of four float32 on the stack. */
export type VectorExpression = Code;

const operator2 =
  (code: Code) =>
  (a: VectorExpression, b: VectorExpression): VectorExpression => [...a, ...b, ...code];
const operator1 =
  (code: Code) =>
  (a: VectorExpression): VectorExpression => [...a, ...code];

export const add = operator2(F32X4.add);
export const sub = operator2(F32X4.sub);
export const mul = operator2(F32X4.mul);
export const div = operator2(F32X4.div);
export const sqrt = operator1(F32X4.sqrt);
export const abs = operator1(F32X4.abs);
/** `whenTrue` in the lanes where a > b, `whenFalse` in the others. */
export const selectGreater = (
  a: VectorExpression,
  b: VectorExpression,
  whenTrue: VectorExpression,
  whenFalse: VectorExpression,
): VectorExpression => [...whenTrue, ...whenFalse, ...a, ...b, ...F32X4.greater, ...V128_BITSELECT];

export interface KernelScope<A extends string, S extends string> {
  readonly arrays: Readonly<Record<A, VectorExpression>>;
  readonly scalars: Readonly<Record<S, VectorExpression>>;
  /** Computes an expression once and returns a reading of its value. */
  readonly keep: (expression: VectorExpression) => VectorExpression;
}

/** Updates the written arrays in place. All arrays have one length. */
export type VectorKernel<A extends string, S extends string> = (
  arrays: Readonly<Record<A, Float32Array>>,
  scalars: Readonly<Record<S, number>>,
) => void;

interface WasmExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly run: (...values: number[]) => number;
}

/** Node has it as a global; the type packages of ES2023 and Node 20 do not describe it. */
const { Module, Instance } = (
  globalThis as unknown as {
    readonly WebAssembly: {
      readonly Module: new (bytes: Uint8Array) => object;
      readonly Instance: new (module: object) => { readonly exports: unknown };
    };
  }
).WebAssembly;

function instantiate(definition: WasmFunction, memoryBytes: number): WasmExports {
  return new Instance(new Module(encodeModule(definition, memoryBytes))).exports as WasmExports;
}

/**
 * Compiles `write`, which gives the new value of each array it writes. Every new value is computed from the old ones.
 *
 * Locals: one address per array, the end address, the scalars, their splats, then what `keep` adds.
 */
export function vectorKernel<A extends string, S extends string>(
  arrayNames: readonly A[],
  scalarNames: readonly S[],
  write: (scope: KernelScope<A, S>) => Partial<Record<A, VectorExpression>>,
): VectorKernel<A, S> {
  const end = arrayNames.length;
  const firstScalar = end + 1;
  const firstVector = firstScalar + scalarNames.length;
  let vectorCount = scalarNames.length;
  const statements: number[] = [];
  const keep = (expression: VectorExpression): VectorExpression => {
    const local = firstVector + vectorCount++;
    statements.push(...expression, ...localSet(local));
    return localGet(local);
  };
  const named = <N extends string>(names: readonly N[], code: (index: number) => Code) =>
    Object.fromEntries(names.map((name, index) => [name, code(index)])) as Record<N, VectorExpression>;
  const updates = Object.entries(
    write({
      arrays: named(arrayNames, (index) => [...localGet(index), ...V128_LOAD]),
      scalars: named(scalarNames, (index) => localGet(firstVector + index)),
      keep,
    }),
  ) as [A, VectorExpression][];
  const stores = updates.map(([name, value]) => [
    ...localGet(arrayNames.indexOf(name)),
    ...keep(value),
    ...V128_STORE,
  ]);
  const advance = arrayNames.map((_, index) => [
    ...localGet(index),
    ...i32Constant(VECTOR_BYTES),
    ...I32_ADD,
    ...localSet(index),
  ]);
  const splats = scalarNames.map((_, index) => [
    ...localGet(firstScalar + index),
    ...F32X4.splat,
    ...localSet(firstVector + index),
  ]);
  const { memory, run } = instantiate(
    {
      parameters: [...Array(end + 1).fill(VALUE_TYPE.i32), ...Array(scalarNames.length).fill(VALUE_TYPE.f32)],
      locals: Array(vectorCount).fill(VALUE_TYPE.v128),
      body: [
        ...splats.flat(),
        ...loopWhileBelow([...statements, ...stores.flat(), ...advance.flat()], 0, end),
      ],
    },
    arrayNames.length * SLICE_LENGTH * 4,
  );
  const slots = arrayNames.map(
    (_, index) => new Float32Array(memory.buffer, index * SLICE_LENGTH * 4, SLICE_LENGTH),
  );
  const addresses = slots.map(({ byteOffset }) => byteOffset);
  const written = updates.map(([name]) => arrayNames.indexOf(name));

  return (arrays, scalars) => {
    const hosts = arrayNames.map((name) => arrays[name]);
    const length = hosts[0]!.length;
    assert(
      hosts.every((host) => host.length === length),
      "arrays of a vector kernel have one length",
    );
    const values = scalarNames.map((name) => scalars[name]);
    for (let start = 0; start < length; start += SLICE_LENGTH) {
      const stop = Math.min(start + SLICE_LENGTH, length);
      for (const [index, host] of hosts.entries()) slots[index]!.set(host.subarray(start, stop));
      run(...addresses, (stop - start) * 4, ...values);
      for (const index of written) hosts[index]!.set(slots[index]!.subarray(0, stop - start), start);
    }
  };
}

/** Sum of squares of all elements, accumulated in float64. */
export const sumOfSquares: (array: Float32Array) => number = compileSumOfSquares();

function compileSumOfSquares() {
  const [pointer, end, value, total] = [0, 1, 2, 3];
  const square = (code: Code): Code => [...code, ...code, ...F64X2.mul];
  const low: Code = [...localGet(value), ...F64X2.promoteLow];
  const high: Code = [...localGet(value), ...localGet(value), ...HIGH_LANES_LOW, ...F64X2.promoteLow];
  const body: Code = [
    ...localGet(pointer),
    ...V128_LOAD,
    ...localSet(value),
    ...localGet(total),
    ...square(low),
    ...F64X2.add,
    ...square(high),
    ...F64X2.add,
    ...localSet(total),
    ...localGet(pointer),
    ...i32Constant(VECTOR_BYTES),
    ...I32_ADD,
    ...localSet(pointer),
  ];
  const lane = (index: 0 | 1): Code => [...localGet(total), ...F64X2.extractLane(index)];
  const { memory, run } = instantiate(
    {
      parameters: [VALUE_TYPE.i32, VALUE_TYPE.i32],
      result: VALUE_TYPE.f64,
      locals: [VALUE_TYPE.v128, VALUE_TYPE.v128],
      body: [...loopWhileBelow(body, pointer, end), ...lane(0), ...lane(1), ...F64_ADD],
    },
    SLICE_LENGTH * 4,
  );
  const slot = new Float32Array(memory.buffer, 0, SLICE_LENGTH);
  return (array: Float32Array): number => {
    let sum = 0;
    for (let start = 0; start < array.length; start += SLICE_LENGTH) {
      const slice = array.subarray(start, start + SLICE_LENGTH);
      slot.set(slice);
      // The last vector may reach past the slice.
      slot.fill(0, slice.length, slice.length + 3);
      sum += run(0, slice.length * 4);
    }
    return sum;
  };
}
