/** The operators as functions from values to values: what models and gradient rules are written with. */
import { assert, TuttiError } from "../support/errors.ts";
import { type Dimension, type Shape, sameShape } from "../tensor/shape.ts";
import { type Attributes, isConstant, type Node, type Value } from "./ir.ts";
import { opDefinition } from "./op-table.ts";

/** Appends one node after checking arity and inferring its types. */
export function applyOp(op: string, inputs: readonly Value[], attributes: Attributes = {}): Node {
  const row = opDefinition(op);
  const [least, most] = typeof row.arity === "number" ? [row.arity, row.arity] : row.arity;
  if (inputs.length < least || inputs.length > most) {
    throw new TuttiError("GRAPH_INVALID", `${op}: takes ${least}..${most} inputs, received ${inputs.length}`);
  }
  const graph = inputs[0]?.graph;
  assert(graph, `${op} has no input to tell its graph from`);
  return graph.append(op, inputs, attributes, row.inferTypes(inputs, attributes));
}

const one = (op: string, inputs: readonly Value[], attributes?: Attributes): Value =>
  applyOp(op, inputs, attributes).outputs[0]!;

/** A scalar constant in the graph and dtype of `value`. */
export const scalarLike = (value: Value, number: number): Value =>
  value.graph.scalar(number, value.dtype === "int32" ? "int32" : "float32");

export const neg = (x: Value): Value => one("neg", [x]);
export const exp = (x: Value): Value => one("exp", [x]);
export const log = (x: Value): Value => one("log", [x]);
export const sqrt = (x: Value): Value => one("sqrt", [x]);
export const reciprocal = (x: Value): Value => one("reciprocal", [x]);
export const tanh = (x: Value): Value => one("tanh", [x]);
export const sigmoid = (x: Value): Value => one("sigmoid", [x]);
export const erf = (x: Value): Value => one("erf", [x]);
export const relu = (x: Value): Value => one("relu", [x]);
export const softplus = (x: Value): Value => one("softplus", [x]);
export const silu = (x: Value): Value => one("silu", [x]);
export const gelu = (x: Value): Value => one("gelu", [x]);
/** x itself, but a constant to the derivative. */
export const stopGradient = (x: Value): Value => one("stop_gradient", [x]);
export const geluTanh = (x: Value): Value => one("gelu_tanh", [x]);

export const add = (a: Value, b: Value): Value => one("add", [a, b]);
export const sub = (a: Value, b: Value): Value => one("sub", [a, b]);
export const div = (a: Value, b: Value): Value => one("div", [a, b]);

/** Product; multiplying by the constant 1, as gradients of a plain loss do, adds no node. */
export function mul(a: Value, b: Value): Value {
  if (isConstant(b, 1) && a.dtype === b.dtype) return a;
  if (isConstant(a, 1) && a.dtype === b.dtype) return b;
  return one("mul", [a, b]);
}

export const equal = (a: Value, b: Value): Value => one("equal", [a, b]);
export const greater = (a: Value, b: Value): Value => one("greater", [a, b]);
export const greaterOrEqual = (a: Value, b: Value): Value => one("greater_or_equal", [a, b]);
export const where = (condition: Value, a: Value, b: Value): Value => one("where", [condition, a, b]);
export const toFloat32 = (x: Value): Value => one("to_float32", [x]);
/** float16 storage as float32. */
export const widen = (x: Value): Value => one("widen", [x]);
export const toInt32 = (x: Value): Value => one("to_int32", [x]);
export const maskedScale = (x: Value, mask: Value, scale: number): Value =>
  one("masked_scale", [x, mask], { scale });

/** What `op` made `x` of, or undefined when something else did. */
function madeBy(op: string, x: Value): Node | undefined {
  return x.source.origin === "node" && x.source.node.op === op ? x.source.node : undefined;
}

/** Undoing a reshape adds no node. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const before = madeBy("reshape", x)?.inputs[0];
  return before && sameShape(before.shape, shape) ? before : one("reshape", [x], { shape });
}

/** Undoing a transposition adds no node. */
export function transpose(x: Value, permutation: readonly number[]): Value {
  const node = madeBy("transpose", x);
  const before = node?.attributes.permutation as readonly number[] | undefined;
  const isUndone =
    before?.length === permutation.length && permutation.every((axis, index) => before[axis] === index);
  return isUndone ? node!.inputs[0]! : one("transpose", [x], { permutation });
}
export function expand(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : one("expand", [x], { shape });
}
export const slice = (x: Value, axis: number, start: number, end: number): Value =>
  one("slice", [x], { axis: axis < 0 ? axis + x.shape.length : axis, start, end });
export const pad = (x: Value, axis: number, before: number, after: number): Value =>
  one("pad", [x], { axis: axis < 0 ? axis + x.shape.length : axis, before, after });
export const concat = (parts: readonly Value[], axis: number): Value => one("concat", parts, { axis });

/** Parts of these sizes along one axis, which they fill. */
export const split = (x: Value, axis: number, sizes: readonly number[]): readonly Value[] =>
  applyOp("split", [x], { axis: axis < 0 ? axis + x.shape.length : axis, sizes }).outputs;

const positive = (x: Value, axes: readonly number[]): number[] =>
  axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
export const reduceSum = (x: Value, axes: readonly number[]): Value =>
  one("reduce_sum", [x], { axes: positive(x, axes) });
export const reduceMean = (x: Value, axes: readonly number[]): Value =>
  one("reduce_mean", [x], { axes: positive(x, axes) });
export const reduceMax = (x: Value, axes: readonly number[]): Value =>
  one("reduce_max", [x], { axes: positive(x, axes) });

/** The sum of all elements, as a scalar. */
export function sumAll(x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  return reshape(reduceSum(x, axes), []);
}

/** Sums a gradient over the axes along which a tensor of `shape` was broadcast. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const offset = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dimension: Dimension, axis) =>
    axis < offset || (shape[axis - offset] === 1 && dimension !== 1) ? [axis] : [],
  );
  return reshape(reduceSum(x, axes), shape);
}

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor on the product. */
  readonly alpha?: number;
}
export const matmul = (a: Value, b: Value, options: MatmulOptions = {}): Value =>
  one("matmul", [a, b], {
    transposeA: options.transposeA ?? false,
    transposeB: options.transposeB ?? false,
    alpha: options.alpha ?? 1,
  });

export const softmax = (x: Value): Value => one("softmax", [x]);
export const logSoftmax = (x: Value): Value => one("log_softmax", [x]);
export const layerNorm = (x: Value, weight: Value, bias: Value, epsilon: number): Value =>
  one("layer_norm", [x, weight, bias], { epsilon });
export const rmsNorm = (x: Value, weight: Value, epsilon: number): Value =>
  one("rms_norm", [x, weight], { epsilon });

/** y[..., i] = x[..., 0] + ... + x[..., i] */
export const cumulativeSum = (x: Value): Value => one("cumulative_sum", [x]);
/** The last columns of x [..., S], as many as `like` [..., T] has. */
export const lastColumns = (x: Value, like: Value): Value => one("last_columns", [x, like]);

export const gatherRows = (table: Value, indices: Value): Value => one("gather_rows", [table, indices]);
export const gatherTokens = (x: Value, rows: Value): Value => one("gather_tokens", [x, rows]);
export const scatterAddRows = (indices: Value, updates: Value, rows: number): Value =>
  one("scatter_add_rows", [indices, updates], { rows });
export const pickLast = (x: Value, indices: Value): Value => one("pick_last", [x, indices]);
export const placeLast = (x: Value, indices: Value, size: number): Value =>
  one("place_last", [x, indices], { size });

export const rotaryEmbedding = (x: Value, positions: Value, cosine: Value, sine: Value): Value =>
  one("rotary_embedding", [x, positions, cosine, sine]);

/** See ops/linear-cross-entropy.ts; returns the scaled loss. */
export const linearCrossEntropy = (
  inputs: {
    readonly hidden: Value;
    readonly weight: Value;
    readonly bias: Value;
    readonly labels: Value;
    readonly scale: Value;
  },
  rowsPerChunk: number,
  logitSoftcap?: number,
): Value =>
  one("linear_cross_entropy", [inputs.hidden, inputs.weight, inputs.bias, inputs.labels, inputs.scale], {
    rowsPerChunk,
    ...(logitSoftcap !== undefined && { logitSoftcap }),
  });

/** See ops/linear-log-probabilities.ts; hidden [N, H] -> [N]. */
export const linearLogProbabilities = (
  inputs: { readonly hidden: Value; readonly weight: Value; readonly bias: Value; readonly labels: Value },
  rowsPerChunk: number,
  logitSoftcap?: number,
): Value =>
  one("linear_log_probabilities", [inputs.hidden, inputs.weight, inputs.bias, inputs.labels], {
    rowsPerChunk,
    ...(logitSoftcap !== undefined && { logitSoftcap }),
  });

/** See ops/cached-attention.ts. */
export const cachedAttention = (
  q: Value,
  { k, v }: { readonly k: Value; readonly v: Value },
  older: { readonly keys: Value; readonly values: Value },
  bias: Value,
  { scale, softcap = 0 }: { readonly scale: number; readonly softcap?: number | undefined },
): Value => one("cached_attention", [q, k, v, older.keys, older.values, bias], { scale, softcap });

/** See ops/multi-head-attention.ts. */
export const multiHeadAttention = (
  q: Value,
  { k, v }: { readonly k: Value; readonly v: Value },
  options: { readonly heads: number; readonly scale: number },
): Value => one("multi_head_attention", [q, k, v], { ...options });

/** See ops/quantized-matmul.ts. */
export const quantizedMatmul = (
  x: Value,
  packed: Value,
  scales: Value,
  zeros: Value,
  options: { readonly bits: 4 | 8; readonly block: number },
): Value => one("quantized_matmul", [x, packed, scales, zeros], { ...options });

/** Rows of an 8-bit matrix; see ops/quantized-matmul.ts. */
export const quantizedGatherRows = (
  indices: Value,
  packed: Value,
  scales: Value,
  zeros: Value,
  block: number,
): Value => one("quantized_gather_rows", [indices, packed, scales, zeros], { block });
