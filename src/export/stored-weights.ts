/**
 * Weights inside exported files: which form each has, and its bytes, made when they are written.
 *
 * f32 and f16: matrices of products x W^T are stored turned, [H, F], so that they enter a plain MatMul; f16 values are
 * widened by the graph. int8: blocks of nn/quantize.ts; products read them by MatMulNBits, or, under standard operators,
 * widened to float32, which ONNX Runtime does once, when it opens the file.
 */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { adaptLinear } from "../nn/linear-adaptation.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/parameters.ts";
import { canQuantize, QUANTIZATION_BLOCK, type QuantizedMatrix, quantizeMatrix } from "../nn/quantize.ts";
import {
  type BlockSums,
  createBlockSums,
  lookUpQuantized,
  multiplyQuantized,
  type QuantizedValues,
} from "../nn/quantized-weights.ts";
import type { WeightUses } from "../nn/weight-uses.ts";
import type { OnnxInitializer } from "../onnx/model.ts";
import { encodeFloat16 } from "../tensor/float16.ts";
import { float32 } from "../tensor/host-tensor.ts";
import { sizeOf } from "../tensor/shape.ts";
import { turnMatrix } from "./turn-matrix.ts";

export const EXPORT_DTYPES = ["f32", "f16", "int8"] as const;
export type ExportDType = (typeof EXPORT_DTYPES)[number];

export interface WeightForms {
  readonly dtype: ExportDType;
  /** Whether products read int8 weights by ONNX Runtime's own operator. */
  readonly usesMatMulNBits: boolean;
}

export interface StoredWeights {
  /** Graph values of parameters in their stored form. */
  readonly parameters: ParameterValues;
  /** Bytes of the graph inputs that stand for them, by input name; for the lowering. */
  readonly tensors: ReadonlyMap<string, Omit<OnnxInitializer, "name">>;
  /**
   * Relative error of the quantised matrices whose bytes were made: root of squared errors over squared weights; 0
   * without any.
   */
  quantizationError(): number;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array | Uint8Array): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

type Form = "plain" | "turned" | "blocks";

function formOf(name: string, shape: readonly number[], uses: WeightUses, dtype: ExportDType): Form {
  const { products, turnedProducts, tables, others } = uses;
  if (others.has(name) || shape.length !== 2) return "plain";
  if (dtype === "int8" && canQuantize({ shape })) return "blocks";
  return products.has(name) && !turnedProducts.has(name) && !tables.has(name) ? "turned" : "plain";
}

/** Quantises matrices when their bytes are asked for; keeps the last, whose arrays are written one after another. */
function createQuantizer(
  specs: ParameterSpecs,
  read: (name: string) => Float32Array,
): { of(name: string): QuantizedMatrix; error(): number } {
  let last: { readonly name: string; readonly matrix: QuantizedMatrix } | undefined;
  const errors = new Map<string, QuantizedMatrix["squaredError"]>();
  const norms = new Map<string, QuantizedMatrix["squaredNorm"]>();
  const sum = (numbers: Iterable<number>): number =>
    [...numbers].reduce((total, number) => total + number, 0);
  return {
    of(name) {
      if (last?.name !== name) {
        last = { name, matrix: quantizeMatrix(float32(specs[name]!.shape, read(name)), 8) };
        errors.set(name, last.matrix.squaredError);
        norms.set(name, last.matrix.squaredNorm);
      }
      return last.matrix;
    },
    error: () => (norms.size === 0 ? 0 : Math.sqrt(sum(errors.values()) / sum(norms.values()))),
  };
}

/** W [O, I] of its blocks: (packed - zero) scale, in float32. */
function widened({ packed, scales, zeros, block }: QuantizedValues): Value {
  const [outputs, blocks] = packed.shape as [number, number, number];
  const perBlock = (x: Value): Value => ops.reshape(x, [outputs, blocks, 1]);
  const levels = ops.sub(ops.toFloat32(packed), ops.toFloat32(perBlock(zeros)));
  return ops.reshape(ops.mul(levels, perBlock(scales)), [outputs, blocks * block]);
}

/**
 * Stores the parameters that a model asks for.
 *
 * @param read values of a parameter, asked for when its bytes are written
 */
export function storeWeights(
  graph: Graph,
  specs: ParameterSpecs,
  uses: WeightUses,
  { dtype, usesMatMulNBits }: WeightForms,
  read: (name: string) => Float32Array,
): StoredWeights {
  const tensors = new Map<string, Omit<OnnxInitializer, "name">>();
  const quantizer = createQuantizer(specs, read);
  const blockSums: BlockSums = createBlockSums();
  const store = (name: string, shape: readonly number[], values: () => Float32Array): Value => {
    const isHalf = dtype === "f16" && shape.length > 1;
    tensors.set(name, {
      dtype: isHalf ? "float16" : "float32",
      shape,
      bytes: {
        byteLength: sizeOf(shape) * (isHalf ? 2 : 4),
        read: () => bytesOf(isHalf ? encodeFloat16(values()) : values()),
      },
    });
    return graph.parameter(name, shape);
  };
  const storeBytes = (name: string, shape: readonly number[], values: () => Uint8Array): Value => {
    tensors.set(name, { dtype: "uint8", shape, bytes: { byteLength: sizeOf(shape), read: values } });
    return graph.input(name, "uint8", shape, "parameter");
  };
  const storeBlocks = (name: string, [outputs, inputs]: readonly [number, number]): Value => {
    const blocks = inputs / QUANTIZATION_BLOCK;
    const values: QuantizedValues = {
      bits: 8,
      block: QUANTIZATION_BLOCK,
      packed: storeBytes(
        `${name}.packed`,
        [outputs, blocks, QUANTIZATION_BLOCK],
        () => quantizer.of(name).packed,
      ),
      scales: store(`${name}.scales`, [outputs * blocks], () => quantizer.of(name).scales),
      zeros: storeBytes(`${name}.zeros`, [outputs * blocks], () => quantizer.of(name).zeros),
      offsets: undefined,
    };
    const weight = widened(values);
    lookUpQuantized(weight, values);
    // Blocks run along the inputs of [outputs, inputs] matrices only.
    if (usesMatMulNBits && !specs[name]!.isInputsFirst) multiplyQuantized(weight, values, blockSums);
    return weight;
  };
  const storeTurned = (name: string, [rows, columns]: readonly [number, number]): Value => {
    const turned = store(`${name}.turned`, [columns, rows], () => turnMatrix(read(name), rows, columns));
    // The model names W itself; what is computed reads the stored form only.
    const weight = graph.parameter(name, [rows, columns]);
    adaptLinear(weight, (x) => ops.matmul(x, turned));
    return weight;
  };
  const values = new Map<string, Value>();
  const declare = (name: string): Value => {
    const { shape } = specs[name]!;
    const form = formOf(name, shape, uses, dtype);
    if (form === "plain") return store(name, shape, () => read(name));
    const sizes = shape as readonly [number, number];
    return form === "blocks" ? storeBlocks(name, sizes) : storeTurned(name, sizes);
  };
  const parameters = (name: string): Value => {
    const value = values.get(name) ?? declare(name);
    values.set(name, value);
    return value;
  };
  return { parameters, tensors, quantizationError: quantizer.error };
}
