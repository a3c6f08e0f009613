/**
 * Product with a weight matrix stored as small integers in blocks along its inputs:
 * y = x W^T, W[o, i] = (q[o, i] - zero[o, i / block]) * scale[o, i / block].
 *
 * Shapes: x f32 [..., I], packed uint8 [O, I / block, block * bits / 8], scales f32 [O * I / block], zeros uint8
 * [O * I / block * bits / 8], each row of zeros padded to a byte. Four-bit values lie two in a byte, the first in the
 * lower half. The layout is that of ONNX Runtime's MatMulNBits.
 */
import { sizeOf } from "../../tensor/shape.ts";
import type { Attributes, TensorType } from "../ir.ts";
import { defineOp, type OpDefinition, type ReferenceTensor } from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { lastAxisRows, outputLike } from "./reference.ts";

interface QuantizedMatmulAttributes {
  readonly bits: number;
  readonly block: number;
}

function read(attributes: Attributes): QuantizedMatmulAttributes {
  return {
    bits: numberAttribute("quantized_matmul", attributes, "bits"),
    block: numberAttribute("quantized_matmul", attributes, "block"),
  };
}

function inferTypes(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[] {
  const x = inputAt("quantized_matmul", inputs, 0, "float32");
  const packed = inputAt("quantized_matmul", inputs, 1, "uint8");
  const scales = inputAt("quantized_matmul", inputs, 2, "float32");
  const zeros = inputAt("quantized_matmul", inputs, 3, "uint8");
  const { bits, block } = read(attributes);
  const [outputs = 0, blocks = 0, bytes = 0] = packed.shape.map(Number);
  const isLegal =
    (bits === 4 || bits === 8) &&
    packed.shape.length === 3 &&
    bytes === (block * bits) / 8 &&
    Number(x.shape.at(-1)) === blocks * block &&
    scales.shape.join() === `${outputs * blocks}` &&
    zeros.shape.join() === `${outputs * Math.ceil((blocks * bits) / 8)}`;
  if (!isLegal) {
    throw shapeMismatch(
      "quantized_matmul",
      `x[..., I], packed[O, I/${block}, ${(block * bits) / 8}], scales[O*I/${block}] and as many zeros`,
      inputs,
    );
  }
  return [{ dtype: "float32", shape: [...x.shape.slice(0, -1), outputs] }];
}

/** The value of `bits` bits at `index`; the lowest bits of a byte come first. */
const at = (data: Float64Array, index: number, bits: number): number =>
  bits === 8 ? data[index]! : (data[index >> 1]! >> (4 * (index & 1))) & 15;

/** W [O, I] row-major. */
function dequantize(
  [, packed, scales, zeros]: readonly ReferenceTensor[],
  { bits, block }: QuantizedMatmulAttributes,
): Float64Array {
  const [outputs = 0, blocks = 0] = packed!.shape;
  const zerosPerRow = Math.ceil((blocks * bits) / 8) * (8 / bits);
  const weight = new Float64Array(outputs * blocks * block);
  for (let index = 0; index < weight.length; index++) {
    const whole = Math.floor(index / block);
    const zero = at(zeros!.data, Math.floor(whole / blocks) * zerosPerRow + (whole % blocks), bits);
    weight[index] = (at(packed!.data, index, bits) - zero) * scales!.data[whole]!;
  }
  return weight;
}

const quantizedMatmul = defineOp({
  name: "quantized_matmul",
  arity: 4,
  inferTypes,
  gradient: { none: "weights are quantised for inference only; train the float32 weights" },
  lower: (emitter, { inputs, inputTypes, outputs, attributes }) => {
    const { bits, block } = read(attributes);
    const [rows, blocks] = inputTypes[1]!.shape.map(Number) as [number, number];
    emitter.node("MatMulNBits", inputs, {
      outputs,
      domain: "com.microsoft",
      attributes: {
        K: { int: blocks * block },
        N: { int: rows },
        bits: { int: bits },
        block_size: { int: block },
        // Activations are rounded to int8 by blocks too, as llama.cpp does.
        accuracy_level: { int: 4 },
      },
    });
  },
  evaluate: (inputs, attributes, types) => {
    const y = outputLike(types[0]);
    const weight = dequantize(inputs, read(attributes));
    const { rows, length } = lastAxisRows(inputs[0]!.shape);
    const columns = weight.length / length;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let i = 0; i < length; i++)
          sum += inputs[0]!.data[row * length + i]! * weight[column * length + i]!;
        y.data[row * columns + column] = sum;
      }
    }
    return [y];
  },
  productFlops: ({ inputTypes, outputTypes }) =>
    2 * sizeOf(outputTypes[0]!.shape) * Number(inputTypes[0]!.shape.at(-1)),
  traits: { isElementwise: false, isRecomputed: false },
});

/**
 * Rows of an 8-bit matrix, y[..., :] = W[indices[...], :], from the same arrays: packed uint8 [O, I / block, block],
 * scales f32 [O * I / block], zeros uint8 [O * I / block], indices i32 [...].
 */
const quantizedGatherRows = defineOp({
  name: "quantized_gather_rows",
  arity: 4,
  inferTypes: (inputs, attributes) => {
    const indices = inputAt("quantized_gather_rows", inputs, 0, "int32");
    const packed = inputAt("quantized_gather_rows", inputs, 1, "uint8");
    const scales = inputAt("quantized_gather_rows", inputs, 2, "float32");
    const zeros = inputAt("quantized_gather_rows", inputs, 3, "uint8");
    const block = numberAttribute("quantized_gather_rows", attributes, "block");
    const [rows = 0, blocks = 0, width = 0] = packed.shape.map(Number);
    const isLegal =
      packed.shape.length === 3 &&
      width === block &&
      scales.shape.join() === `${rows * blocks}` &&
      zeros.shape.join() === scales.shape.join();
    if (!isLegal) {
      throw shapeMismatch(
        "quantized_gather_rows",
        `packed[O, I/${block}, ${block}], scales and zeros[O*I/${block}]`,
        inputs,
      );
    }
    return [{ dtype: "float32", shape: [...indices.shape, blocks * block] }];
  },
  gradient: { none: "weights are quantised for inference only; train the float32 weights" },
  lower: (emitter, { inputs, inputTypes, outputs, attributes }) => {
    const block = numberAttribute("quantized_gather_rows", attributes, "block");
    const [rows, blocks] = inputTypes[1]!.shape.map(Number) as [number, number];
    const reshape = (name: string, shape: readonly number[]): string =>
      emitter.node("Reshape", [name, emitter.int64(shape)])[0]!;
    const [indices, packed, scales, zeros] = inputs as [string, string, string, string];
    const table = reshape(packed, [rows, blocks * block]);
    const perBlock = [scales, zeros].map((name) => reshape(name, [rows, blocks]));
    emitter.node("GatherBlockQuantized", [table, indices, ...perBlock], {
      outputs,
      domain: "com.microsoft",
      attributes: {
        bits: { int: 8 },
        block_size: { int: block },
        gather_axis: { int: 0 },
        quantize_axis: { int: 1 },
      },
    });
  },
  lowerStandard: (emitter, { inputs, inputTypes, outputs, attributes }) => {
    const block = numberAttribute("quantized_gather_rows", attributes, "block");
    const [rows, blocks] = inputTypes[1]!.shape.map(Number) as [number, number];
    const rank = inputTypes[0]!.shape.length;
    const [indices, packed, scales, zeros] = inputs as [string, string, string, string];
    const gather = (table: string): string =>
      emitter.node("Gather", [table, indices], { attributes: { axis: { int: 0 } } })[0]!;
    const perBlock = (values: string): string =>
      gather(emitter.node("Reshape", [values, emitter.int64([rows, blocks, 1])])[0]!);
    const float = (values: string): string =>
      emitter.node("Cast", [values], { attributes: { to: { int: 1 } } })[0]!;
    const [level] = emitter.node("Sub", [float(gather(packed)), float(perBlock(zeros))]);
    const [values] = emitter.node("Mul", [level!, perBlock(scales)]);
    const leading = new Array<number>(rank).fill(0);
    emitter.node("Reshape", [values!, emitter.int64([...leading, blocks * block])], { outputs });
  },
  evaluate: (inputs, attributes, types) => {
    const y = outputLike(types[0]);
    const block = numberAttribute("quantized_gather_rows", attributes, "block");
    const weight = dequantize(inputs, { bits: 8, block });
    const width = y.shape.at(-1)!;
    for (const [position, row] of inputs[0]!.data.entries()) {
      y.data.set(weight.subarray(row * width, (row + 1) * width), position * width);
    }
    return [y];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

export const QUANTIZED_MATMUL_OPS: readonly OpDefinition[] = [quantizedMatmul, quantizedGatherRows];
