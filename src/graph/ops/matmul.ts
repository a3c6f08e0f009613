/**
 * Matrix product with optional transposes and a scale: y = alpha op(a) op(b).
 *
 * Either both tensors have the same leading (batch) axes, or b is a matrix shared by all of a's rows.
 */
import { type Shape, sameShape, sizeOf, staticShape } from "../../tensor/shape.ts";
import type { Attributes, TensorType, Value } from "../ir.ts";
import {
  defineOp,
  type LoweringContext,
  type OnnxEmitter,
  type OpDefinition,
  type OpFunctions,
  type ReferenceTensor,
} from "../op.ts";
import { booleanAttribute, inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { outputLike } from "./reference.ts";

interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly alpha: number;
}

function read(attributes: Attributes): MatmulAttributes {
  return {
    transposeA: booleanAttribute("matmul", attributes, "transposeA"),
    transposeB: booleanAttribute("matmul", attributes, "transposeB"),
    alpha: numberAttribute("matmul", attributes, "alpha"),
  };
}

function inferType(inputs: readonly TensorType[], attributes: Attributes): TensorType {
  const a = inputAt("matmul", inputs, 0, "float32");
  const b = inputAt("matmul", inputs, 1, "float32");
  const { transposeA, transposeB } = read(attributes);
  const leading: Shape = a.shape.slice(0, -2);
  const isShared = b.shape.length === 2 && a.shape.length > 2;
  const hasRank = a.shape.length >= 2 && b.shape.length >= 2;
  if (!hasRank || (isShared ? transposeA : !sameShape(leading, b.shape.slice(0, -2)))) {
    throw shapeMismatch("matmul", "matrices with equal leading axes, or a shared second matrix", inputs);
  }
  const [rowsA, columnsA] = [a.shape.at(transposeA ? -1 : -2)!, a.shape.at(transposeA ? -2 : -1)!];
  const [rowsB, columnsB] = [b.shape.at(transposeB ? -1 : -2)!, b.shape.at(transposeB ? -2 : -1)!];
  if (columnsA !== rowsB) {
    throw shapeMismatch("matmul", `equal inner sizes, not ${columnsA} and ${rowsB},`, inputs);
  }
  return { dtype: "float32", shape: [...leading, rowsA, columnsB] };
}

/** Gradients of y = alpha op(a) op(b), both of equal rank. */
function gradientEqualRank(
  ops: OpFunctions,
  a: Value,
  b: Value,
  g: Value,
  { transposeA, transposeB, alpha }: MatmulAttributes,
): readonly [() => Value, () => Value] {
  return [
    () =>
      transposeA
        ? ops.matmul(b, g, { transposeA: transposeB, transposeB: true, alpha })
        : ops.matmul(g, b, { transposeB: !transposeB, alpha }),
    () =>
      transposeB
        ? tallProduct(ops, g, a, { transposeA: true, transposeB: transposeA, alpha })
        : tallProduct(ops, a, g, { transposeA: !transposeA, transposeB: false, alpha }),
  ];
}

/** From so many columns on, turning the left factor once costs less than the product's own turning of it. */
const COLUMNS_WORTH_TURNING = 1024;

/**
 * op(a) op(b) of matrices with a transposed left factor: the weight gradients of layers. The product turns such a factor
 * block by block, again for every 128 columns of its result. So the narrower factor is the one to be turned, where need be
 * by computing the transpose (op(b)^T op(a)^T)^T, and before a wide product it is turned as a whole: together a third less
 * time for layers of 1024 x 576 x 1536.
 */
function tallProduct(ops: OpFunctions, a: Value, b: Value, attributes: MatmulAttributes): Value {
  const [rows, columns] = [a.shape.at(-1), b.shape.at(attributes.transposeB ? -2 : -1)];
  const { transposeA, transposeB, alpha } = attributes;
  const isKnown = typeof rows === "number" && typeof columns === "number";
  if (a.shape.length !== 2 || !transposeA || transposeB || !isKnown) return ops.matmul(a, b, attributes);
  const isTall = rows > columns;
  const [left, right] = isTall ? [b, a] : [a, b];
  const product =
    Math.max(rows, columns) >= COLUMNS_WORTH_TURNING
      ? ops.matmul(turned(ops, left), right, { alpha })
      : ops.matmul(left, right, { transposeA: true, alpha });
  return isTall ? ops.transpose(product, [1, 0]) : product;
}

/** The transpose of a matrix; layers that read the same values share it. */
function turned(ops: OpFunctions, matrix: Value): Value {
  let transpose = transposes.get(matrix);
  if (!transpose) {
    transpose = ops.transpose(matrix, [1, 0]);
    transposes.set(matrix, transpose);
  }
  return transpose;
}

const transposes = new WeakMap<Value, Value>();

/** [..., H] as a matrix; layers that read the same values share it. */
function flattenRows(ops: OpFunctions, x: Value): Value {
  let matrix = flattened.get(x);
  if (!matrix) {
    const shape = staticShape(x.shape);
    matrix = ops.reshape(x, [sizeOf(shape.slice(0, -1)), shape.at(-1)!]);
    flattened.set(x, matrix);
  }
  return matrix;
}

const flattened = new WeakMap<Value, Value>();

function multiply(
  a: ReferenceTensor,
  b: ReferenceTensor,
  y: ReferenceTensor,
  attributes: MatmulAttributes,
): void {
  const [rows, columns] = [y.shape.at(-2)!, y.shape.at(-1)!];
  const inner = a.shape.at(attributes.transposeA ? -2 : -1)!;
  const batches = rows * columns === 0 ? 0 : y.data.length / (rows * columns);
  const isShared = b.shape.length < a.shape.length;
  for (let batch = 0; batch < batches; batch++) {
    const offsetA = batch * rows * inner;
    const offsetB = isShared ? 0 : batch * inner * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          const indexA = attributes.transposeA ? k * rows + row : row * inner + k;
          const indexB = attributes.transposeB ? column * inner + k : k * columns + column;
          sum += a.data[offsetA + indexA]! * b.data[offsetB + indexB]!;
        }
        y.data[(batch * rows + row) * columns + column] = attributes.alpha * sum;
      }
    }
  }
}

/**
 * x W^T with one W for all rows of x: a Gemm over the rows, which reads W where it lies. A Transpose would be folded to
 * a second copy of what is, in exported models, the embedding table.
 */
function lowerSharedGemm(
  emitter: OnnxEmitter,
  { inputs, inputTypes, outputs }: LoweringContext,
  alpha: number,
): void {
  const [x, weight] = inputs as [string, string];
  const [rank, inner, columns] = [inputTypes[0]!.shape.length, ...inputTypes[1]!.shape.toReversed()];
  const [rows] = emitter.node("Reshape", [x, emitter.int64([-1, Number(inner)])]);
  const [product] = emitter.node("Gemm", [rows!, weight], {
    attributes: { transB: { int: 1 }, alpha: { float: alpha } },
  });
  const [leading] = emitter.node("Shape", [x], {
    attributes: { start: { int: 0 }, end: { int: rank - 1 } },
  });
  const [shape] = emitter.node("Concat", [leading!, emitter.int64([Number(columns)])], {
    attributes: { axis: { int: 0 } },
  });
  emitter.node("Reshape", [product!, shape!], { outputs });
}

const matmul = defineOp({
  name: "matmul",
  arity: 2,
  inferTypes: (inputs, attributes) => [inferType(inputs, attributes)],
  gradient: (ops, { inputs, outputGradients, attributes, isWanted }) => {
    const [a, b] = inputs as [Value, Value];
    const g = outputGradients[0]!;
    const options = read(attributes);
    if (a.shape.length === b.shape.length) {
      const [forA, forB] = gradientEqualRank(ops, a, b, g, options);
      return [isWanted[0] ? forA() : undefined, isWanted[1] ? forB() : undefined];
    }
    // A shared matrix: for a the rank does not matter, for b all rows of the batch are summed in one product.
    const forA = (): Value => ops.matmul(g, b, { transposeB: !options.transposeB, alpha: options.alpha });
    const forB = (): Value =>
      gradientEqualRank(ops, flattenRows(ops, a), b, flattenRows(ops, g), options)[1]();
    return [isWanted[0] ? forA() : undefined, isWanted[1] ? forB() : undefined];
  },
  lower: (emitter, { inputs, inputTypes, outputs, attributes }) => {
    const { transposeA, transposeB, alpha } = read(attributes);
    const isMatrix = inputTypes.every((type) => type.shape.length === 2);
    if (isMatrix) {
      emitter.node("Gemm", inputs, {
        outputs,
        attributes: {
          transA: { int: Number(transposeA) },
          transB: { int: Number(transposeB) },
          alpha: { float: alpha },
        },
      });
    } else if (!transposeA && !transposeB && alpha === 1) {
      emitter.node("MatMul", inputs, { outputs });
    } else {
      emitter.node("FusedMatMul", inputs, {
        outputs,
        domain: "com.microsoft",
        attributes: {
          transA: { int: Number(transposeA) },
          transB: { int: Number(transposeB) },
          alpha: { float: alpha },
        },
      });
    }
  },
  lowerStandard: (emitter, context) => {
    const { transposeA, transposeB, alpha } = read(context.attributes);
    const { inputs, inputTypes, outputs } = context;
    const isShared = inputTypes[1]!.shape.length === 2 && inputTypes[0]!.shape.length > 2;
    if (isShared && transposeB) {
      lowerSharedGemm(emitter, context, alpha);
      return;
    }
    const turned = (index: 0 | 1, isTurned: boolean): string => {
      if (!isTurned) return inputs[index]!;
      const ints = inputTypes[index]!.shape.map((_, axis) => axis);
      ints.push(...ints.splice(-2).reverse());
      return emitter.node("Transpose", [inputs[index]!], { attributes: { perm: { ints } } })[0]!;
    };
    const a = turned(0, transposeA);
    const scaled = alpha === 1 ? a : emitter.node("Mul", [a, emitter.float(alpha)])[0]!;
    emitter.node("MatMul", [scaled, turned(1, transposeB)], { outputs });
  },
  evaluate: (inputs, attributes, types) => {
    const y = outputLike(types[0]);
    multiply(inputs[0]!, inputs[1]!, y, read(attributes));
    return [y];
  },
  productFlops: ({ inputTypes, outputTypes, attributes }) =>
    2 *
    sizeOf(outputTypes[0]!.shape) *
    Number(inputTypes[0]!.shape.at(read(attributes).transposeA ? -2 : -1)),
  traits: { isElementwise: false, isRecomputed: false },
});

export const MATMUL_OPS: readonly OpDefinition[] = [matmul];
