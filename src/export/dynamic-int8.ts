/**
 * 8-bit products in standard operators: matrices become int8 with a scale per column, activations are rounded to uint8 when
 * they arrive, and products are of integers.
 *
 * y = s_x s_W (x_q - z) W_q, with x ~ s_x (x_q - z) by DynamicQuantizeLinear over the whole tensor and W ~ s_W W_q by
 * column (Jacob et al., arXiv 1712.05877, sections 2.1-2.2; per channel: arXiv 1806.08342, section 3.1). Tables that are
 * looked up keep int8 rows with a scale each. ONNX Runtime fuses the operators of a product into one.
 */
import { ONNX_DTYPE, type OnnxGraph, type OnnxInitializer, type OnnxNode } from "../onnx/model.ts";
import { sizeOf } from "../tensor/shape.ts";

/** Levels on either side of zero. */
const LEVELS = 127;
/** Smaller matrices, such as heads with few outputs, stay float32: they cost nothing and decide the result. */
const LEAST_ELEMENTS = 1 << 14;

export interface DynamicInt8Graph {
  readonly graph: OnnxGraph;
  /** Root of squared errors over squared weights of the quantised matrices whose bytes were made; 0 without any. */
  quantizationError(): number;
}

interface Quantized {
  readonly integers: OnnxInitializer;
  readonly scales: OnnxInitializer;
}

interface Errors {
  squaredError: number;
  squaredNorm: number;
}

const floatsOf = ({ bytes }: OnnxInitializer): Float32Array => {
  const read = bytes instanceof Uint8Array ? bytes : bytes.read();
  return new Float32Array(read.buffer, read.byteOffset, read.byteLength / 4);
};

const viewOf = (array: Int8Array | Float32Array): Uint8Array =>
  new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

/** Integers and scales of a matrix, one scale a row (axis 0) or a column (axis 1). */
function quantize(matrix: OnnxInitializer, axis: 0 | 1, errors: Errors): Quantized {
  const [rows, columns] = matrix.shape as [number, number];
  const values = floatsOf(matrix);
  const largest = new Float32Array(axis === 0 ? rows : columns);
  const channel = (index: number): number => (axis === 0 ? Math.floor(index / columns) : index % columns);
  for (let index = 0; index < values.length; index++) {
    const at = channel(index);
    largest[at] = Math.max(largest[at]!, Math.abs(values[index]!));
  }
  const scales = largest.map((value) => (value > 0 ? value / LEVELS : 1));
  const integers = new Int8Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const scale = scales[channel(index)]!;
    const rounded = Math.round(values[index]! / scale);
    integers[index] = rounded;
    errors.squaredError += (values[index]! - rounded * scale) ** 2;
    errors.squaredNorm += values[index]! ** 2;
  }
  const scaleShape = axis === 0 ? [rows, 1] : [columns];
  return {
    integers: { name: `${matrix.name}.int8`, dtype: "int8", shape: matrix.shape, bytes: viewOf(integers) },
    scales: { name: `${matrix.name}.scales`, dtype: "float32", shape: scaleShape, bytes: viewOf(scales) },
  };
}

type Use = "product" | "table";

/** What each large float32 matrix is used for, where it is used for one thing only. */
function usesOf({ nodes, initializers }: OnnxGraph): Map<string, Use> {
  const large = new Set(
    initializers
      .filter(
        ({ dtype, shape }) => dtype === "float32" && shape.length === 2 && sizeOf(shape) >= LEAST_ELEMENTS,
      )
      .map(({ name }) => name),
  );
  const uses = new Map<string, Use | undefined>();
  for (const { opType, inputs } of nodes) {
    for (const [index, name] of inputs.entries()) {
      if (!large.has(name)) continue;
      const use =
        opType === "MatMul" && index === 1
          ? "product"
          : opType === "Gather" && index === 0
            ? "table"
            : undefined;
      uses.set(name, uses.has(name) && uses.get(name) !== use ? undefined : use);
    }
  }
  return new Map([...uses].filter((entry): entry is [string, Use] => entry[1] !== undefined));
}

/** Nodes that replace a product or a look-up; activations are rounded once for all products that read them. */
class Rewriter {
  private readonly rounded = new Map<string, readonly string[]>();

  product({ inputs, outputs }: OnnxNode, { integers, scales }: Quantized): OnnxNode[] {
    const [x] = inputs as [string];
    const [y] = outputs as [string];
    const nodes: OnnxNode[] = [];
    let parts = this.rounded.get(x);
    if (!parts) {
      parts = [`${x}.uint8`, `${x}.scale`, `${x}.zero`];
      nodes.push(standard("DynamicQuantizeLinear", [x], parts));
      this.rounded.set(x, parts);
    }
    const [quantized, scale, zero] = parts as [string, string, string];
    nodes.push(
      standard("MatMulInteger", [quantized, integers.name, zero], [`${y}.int32`]),
      standard("Cast", [`${y}.int32`], [`${y}.levels`], { to: { int: ONNX_DTYPE.float32 } }),
      standard("Mul", [scale, scales.name], [`${y}.scale`]),
      standard("Mul", [`${y}.levels`, `${y}.scale`], [y]),
    );
    return nodes;
  }

  lookUp({ inputs, outputs, attributes }: OnnxNode, { integers, scales }: Quantized): OnnxNode[] {
    const [, ids] = inputs as [string, string];
    const [y] = outputs as [string];
    return [
      standard("Gather", [integers.name, ids], [`${y}.int8`], attributes),
      standard("Gather", [scales.name, ids], [`${y}.scale`], attributes),
      standard("Cast", [`${y}.int8`], [`${y}.levels`], { to: { int: ONNX_DTYPE.float32 } }),
      standard("Mul", [`${y}.levels`, `${y}.scale`], [y]),
    ];
  }
}

const standard = (
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: OnnxNode["attributes"] = {},
): OnnxNode => ({ opType, domain: "", inputs, outputs, attributes });

/** `graph` with its large matrices in 8 bits. Matrices are read and held quantised here. */
export function toDynamicInt8(graph: OnnxGraph): DynamicInt8Graph {
  const errors: Errors = { squaredError: 0, squaredNorm: 0 };
  const uses = usesOf(graph);
  const quantized = new Map<string, Quantized>();
  const initializers = graph.initializers.flatMap((initializer) => {
    const use = uses.get(initializer.name);
    if (use === undefined) return [initializer];
    const parts = quantize(initializer, use === "product" ? 1 : 0, errors);
    quantized.set(initializer.name, parts);
    return [parts.integers, parts.scales];
  });
  const rewriter = new Rewriter();
  const nodes = graph.nodes.flatMap((node) => {
    const product = node.opType === "MatMul" ? quantized.get(node.inputs[1]!) : undefined;
    if (product) return rewriter.product(node, product);
    const table = node.opType === "Gather" ? quantized.get(node.inputs[0]!) : undefined;
    return table ? rewriter.lookUp(node, table) : [node];
  });
  return {
    graph: { ...graph, nodes, initializers },
    quantizationError: () =>
      errors.squaredNorm > 0 ? Math.sqrt(errors.squaredError / errors.squaredNorm) : 0,
  };
}
