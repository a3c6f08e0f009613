/** Cases of the conformance suite: small graphs, one op or gradient rule each, over odd shapes. */
import * as ops from "../../src/graph/functions.ts";
import { Graph, inputKind, type Value } from "../../src/graph/ir.ts";
import { RandomStream, streamOf } from "../../src/tensor/random.ts";

export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype?: "float32" | "float16" | "int32" | "uint8";
  /** Values are uniform in this range; integers for integer types. @default [-2, 2] */
  readonly range?: readonly [number, number];
  /** Literal values instead of random ones. */
  readonly values?: readonly number[];
  /** Whether the op states no gradient for it. @default false */
  readonly isConstant?: boolean;
}

export interface OpCase {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly InputSpec[];
  readonly build: (values: Value[], graph: Graph) => Value;
}

const f = (...shape: number[]): InputSpec => ({ shape });
const positive = (...shape: number[]): InputSpec => ({ shape, range: [0.3, 2] });
const ids = (bound: number, ...shape: number[]): InputSpec => ({
  shape,
  dtype: "int32",
  range: [0, bound - 1],
});

const SHAPES: readonly (readonly number[])[] = [[], [1], [5], [2, 3], [2, 1, 4], [0], [3, 0]];

const unaryNames = [
  "neg",
  "exp",
  "tanh",
  "sigmoid",
  "erf",
  "relu",
  "softplus",
  "silu",
  "gelu",
  "geluTanh",
] as const;
const positiveNames = ["log", "sqrt", "reciprocal"] as const;

const unary: OpCase[] = SHAPES.flatMap((shape) => [
  ...unaryNames.map((name) => ({
    name: `${name} [${shape}]`,
    op: name === "geluTanh" ? "gelu_tanh" : name,
    inputs: [f(...shape)],
    build: ([x]: Value[]) => ops[name](x!),
  })),
  ...positiveNames.map((name) => ({
    name: `${name} [${shape}]`,
    op: name,
    inputs: [positive(...shape)],
    build: ([x]: Value[]) => ops[name](x!),
  })),
]);

const BROADCASTS: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [[3], []],
  [[2, 3], [3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [
    [1, 3],
    [2, 1],
  ],
  [[0, 3], [3]],
  [[2, 0], [1]],
];
const binary: OpCase[] = BROADCASTS.flatMap(([a, b]) =>
  (["add", "sub", "mul", "div"] as const).map((name) => ({
    name: `${name} [${a}] [${b}]`,
    op: name,
    inputs: [f(...a), positive(...b)],
    build: ([x, y]: Value[]) => ops[name](x!, y!),
  })),
);

const selection: OpCase[] = [
  {
    // The derivative of the other factor is 0 almost everywhere, so central differences see what is stopped.
    name: "stop_gradient",
    op: "stop_gradient",
    inputs: [f(2, 3)],
    build: ([x]) => ops.stopGradient(ops.toFloat32(ops.greater(x!, ops.scalarLike(x!, 0)))),
  },
  {
    name: "sub of integers under a comparison",
    op: "sub",
    inputs: [f(2, 3), ids(6, 2, 1), ids(6, 1, 3)],
    build: ([x, a, b]) =>
      ops.where(ops.greaterOrEqual(ops.sub(a!, b!), ops.scalarLike(a!, 1)), x!, ops.neg(x!)),
  },
  ...(["greater", "greaterOrEqual", "equal"] as const).map((name) => ({
    name: `where ${name}`,
    op: name === "greaterOrEqual" ? "greater_or_equal" : name,
    inputs: [
      f(2, 3),
      f(3),
      { shape: [2, 3], dtype: "int32" as const, values: [1, 2, 1, 2, 2, 1] },
      { shape: [3], dtype: "int32" as const, values: [1, 2, 2] },
    ],
    build: ([a, b, c, d]: Value[]) => ops.where(ops[name](c!, d!), a!, b!),
  })),
  {
    name: "where broadcasting the condition",
    op: "where",
    inputs: [f(4, 3), f(1), { shape: [4, 1], dtype: "int32", values: [1, 0, 1, 0] }],
    build: ([a, b, c]) => ops.where(ops.greater(c!, ops.scalarLike(c!, 0)), a!, b!),
  },
  {
    name: "casts",
    op: "to_float32",
    inputs: [ids(9, 2, 3), f(2, 3)],
    build: ([i, x]) => ops.mul(ops.toFloat32(i!), x!),
  },
  {
    name: "cast of a truth value to int32",
    op: "to_int32",
    inputs: [f(5)],
    build: ([x]) => ops.mul(x!, ops.toFloat32(ops.toInt32(ops.greater(x!, ops.scalarLike(x!, 0))))),
  },
  {
    name: "widen",
    op: "widen",
    // The last is the smallest subnormal.
    inputs: [{ shape: [2, 3], dtype: "float16", values: [1, -0.5, 65504, 2 ** -14, 0, 2 ** -24] }, f(2, 3)],
    build: ([h, x]) => ops.mul(ops.widen(h!), x!),
  },
  {
    name: "product with a widened matrix",
    op: "widen",
    inputs: [f(4, 3), { shape: [2, 3], dtype: "float16", values: [1, -0.5, 0.25, 2, -1.5, 0.125] }],
    build: ([x, h]) => ops.matmul(x!, ops.widen(h!), { transposeB: true }),
  },
  {
    name: "masked_scale",
    op: "masked_scale",
    inputs: [f(3, 4), { shape: [3, 4], dtype: "uint8", range: [0, 1] }],
    build: ([x, m]) => ops.maskedScale(x!, m!, 1.25),
  },
];

const movement: OpCase[] = [
  { name: "reshape", op: "reshape", inputs: [f(2, 3, 4)], build: ([x]) => ops.reshape(x!, [6, 1, 4]) },
  { name: "reshape of nothing", op: "reshape", inputs: [f(0, 3)], build: ([x]) => ops.reshape(x!, [3, 0]) },
  { name: "reshape to a scalar", op: "reshape", inputs: [f(1, 1)], build: ([x]) => ops.reshape(x!, []) },
  { name: "transpose", op: "transpose", inputs: [f(2, 3, 4)], build: ([x]) => ops.transpose(x!, [2, 0, 1]) },
  {
    name: "transpose with an empty axis",
    op: "transpose",
    inputs: [f(2, 0, 4)],
    build: ([x]) => ops.transpose(x!, [1, 2, 0]),
  },
  { name: "expand", op: "expand", inputs: [f(2, 1)], build: ([x]) => ops.expand(x!, [3, 2, 4]) },
  { name: "expand a scalar", op: "expand", inputs: [f()], build: ([x]) => ops.expand(x!, [2, 2]) },
  { name: "slice", op: "slice", inputs: [f(3, 5)], build: ([x]) => ops.slice(x!, -1, 1, 4) },
  { name: "empty slice", op: "slice", inputs: [f(3, 5)], build: ([x]) => ops.slice(x!, 0, 2, 2) },
  { name: "pad", op: "pad", inputs: [f(2, 3)], build: ([x]) => ops.pad(x!, 1, 2, 1) },
  {
    name: "split, every part read",
    op: "split",
    inputs: [f(2, 6, 2)],
    build: ([x]) => {
      const [a, b, c] = ops.split(x!, 1, [2, 2, 2]);
      return ops.add(ops.mul(a!, b!), ops.tanh(c!));
    },
  },
  {
    name: "split, first part unread",
    op: "split",
    inputs: [f(3, 5)],
    build: ([x]) => ops.exp(ops.split(x!, -1, [1, 3, 1])[1]!),
  },
  { name: "concat", op: "concat", inputs: [f(2, 3), f(2, 1), f(2, 0)], build: (xs) => ops.concat(xs, 1) },
  {
    name: "concat of one tensor used twice",
    op: "concat",
    inputs: [f(2, 3)],
    build: ([x]) => ops.concat([x!, x!], 0),
  },
];

const reduction: OpCase[] = (["reduceSum", "reduceMean", "reduceMax"] as const).flatMap((name) =>
  (
    [
      [[4], [0]],
      [[2, 3, 4], [1]],
      [
        [2, 3, 4],
        [0, 2],
      ],
      [
        [1, 1],
        [0, 1],
      ],
      [[2, 3], []],
    ] as const
  ).map(([shape, axes]) => ({
    name: `${name} [${shape}] over [${axes}]`,
    op: name.replace("reduceS", "reduce_s").replace("reduceM", "reduce_m"),
    inputs: [f(...shape)],
    build: ([x]: Value[]) => ops[name](x!, [...axes]),
  })),
);

const products: OpCase[] = [
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({
      name: `matmul 2-D transposeA=${transposeA} transposeB=${transposeB}`,
      op: "matmul",
      inputs: [transposeA ? f(3, 2) : f(2, 3), transposeB ? f(4, 3) : f(3, 4)],
      build: ([a, b]: Value[]) => ops.matmul(a!, b!, { transposeA, transposeB, alpha: 0.7 }),
    })),
  ),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({
      name: `matmul 4-D transposeA=${transposeA} transposeB=${transposeB}`,
      op: "matmul",
      inputs: [transposeA ? f(2, 3, 5, 4) : f(2, 3, 4, 5), transposeB ? f(2, 3, 1, 5) : f(2, 3, 5, 1)],
      build: ([a, b]: Value[]) => ops.matmul(a!, b!, { transposeA, transposeB, alpha: -1.5 }),
    })),
  ),
  {
    name: "matmul with a shared matrix",
    op: "matmul",
    inputs: [f(2, 3, 4), f(4, 5)],
    build: ([a, b]) => ops.matmul(a!, b!),
  },
  {
    name: "matmul with a shared transposed matrix",
    op: "matmul",
    inputs: [f(2, 3, 4), f(5, 4)],
    build: ([a, b]) => ops.matmul(a!, b!, { transposeB: true, alpha: 2 }),
  },
  {
    name: "matmul of size 1",
    op: "matmul",
    inputs: [f(1, 1), f(1, 1)],
    build: ([a, b]) => ops.matmul(a!, b!),
  },
  {
    name: "matmul with no rows",
    op: "matmul",
    inputs: [f(0, 3), f(3, 2)],
    build: ([a, b]) => ops.matmul(a!, b!),
  },
];

const rows: OpCase[] = [
  { name: "softmax", op: "softmax", inputs: [f(2, 3, 4)], build: ([x]) => ops.softmax(x!) },
  { name: "softmax of one class", op: "softmax", inputs: [f(3, 1)], build: ([x]) => ops.softmax(x!) },
  {
    name: "softmax of large values",
    op: "softmax",
    inputs: [{ shape: [1, 3], values: [80, 79, -90] }],
    build: ([x]) => ops.softmax(x!),
  },
  { name: "log_softmax", op: "log_softmax", inputs: [f(3, 5)], build: ([x]) => ops.logSoftmax(x!) },
  {
    name: "log_softmax without rows",
    op: "log_softmax",
    inputs: [f(0, 5)],
    build: ([x]) => ops.logSoftmax(x!),
  },
  {
    name: "layer_norm",
    op: "layer_norm",
    inputs: [f(2, 3, 6), f(6), f(6)],
    build: ([x, w, b]) => ops.layerNorm(x!, w!, b!, 1e-5),
  },
  {
    name: "layer_norm of one row",
    op: "layer_norm",
    inputs: [f(1, 4), f(4), f(4)],
    build: ([x, w, b]) => ops.layerNorm(x!, w!, b!, 1e-12),
  },
  {
    name: "rms_norm",
    op: "rms_norm",
    inputs: [f(2, 3, 6), f(6)],
    build: ([x, w]) => ops.rmsNorm(x!, w!, 1e-5),
  },
  {
    name: "rms_norm of size 1",
    op: "rms_norm",
    inputs: [f(2, 1), f(1)],
    build: ([x, w]) => ops.rmsNorm(x!, w!, 1e-2),
  },
];

const indexing: OpCase[] = [
  {
    name: "gather_rows",
    op: "gather_rows",
    inputs: [f(5, 3), ids(5, 2, 4)],
    build: ([t, i]) => ops.gatherRows(t!, i!),
  },
  {
    name: "gather_tokens with repeats",
    op: "gather_tokens",
    inputs: [f(2, 3, 4), ids(6, 5)],
    build: ([x, rows]) => ops.gatherTokens(x!, rows!),
  },
  {
    name: "gather_rows of nothing",
    op: "gather_rows",
    inputs: [f(5, 3), ids(5, 0)],
    build: ([t, i]) => ops.gatherRows(t!, i!),
  },
  {
    name: "scatter_add_rows with repeats",
    op: "scatter_add_rows",
    inputs: [{ shape: [5], dtype: "int32", values: [1, 1, 3, 1, 0] }, f(5, 2)],
    build: ([i, u]) => ops.scatterAddRows(i!, u!, 4),
  },
  {
    name: "pick_last",
    op: "pick_last",
    inputs: [f(2, 3, 4), ids(4, 2, 3)],
    build: ([x, i]) => ops.pickLast(x!, i!),
  },
  {
    name: "place_last",
    op: "place_last",
    inputs: [f(3, 1), ids(4, 3)],
    build: ([x, i]) => ops.placeLast(x!, i!, 4),
  },
];

const columns: OpCase[] = [
  ...[[5], [2, 3], [2, 2, 4], [3, 0]].map((shape) => ({
    name: `cumulative_sum [${shape}]`,
    op: "cumulative_sum",
    inputs: [f(...shape)],
    build: ([x]: Value[]) => ops.cumulativeSum(x!),
  })),
  {
    name: "cumulative_sum of integers",
    op: "cumulative_sum",
    inputs: [ids(3, 2, 4), f(2, 4)],
    build: ([i, x]) => ops.mul(ops.toFloat32(ops.cumulativeSum(i!)), x!),
  },
  ...[
    [4, 2],
    [3, 3],
    [5, 1],
  ].map(([wide, narrow]) => ({
    name: `last_columns ${narrow} of ${wide}`,
    op: "last_columns",
    inputs: [ids(9, 2, wide!), f(2, narrow!)],
    build: ([i, x]: Value[]) => ops.mul(ops.toFloat32(ops.lastColumns(i!, x!)), x!),
  })),
  {
    name: "reduce_max of integers",
    op: "reduce_max",
    inputs: [ids(9, 2, 4), f(2, 4)],
    build: ([i, x]) => ops.where(ops.equal(i!, ops.reduceMax(i!, [-1])), x!, ops.neg(x!)),
  },
];

const rotationTable = (graph: Graph, f: (x: number) => number): Value =>
  graph.constant(
    "float32",
    [8, 3],
    Float32Array.from({ length: 24 }, (_, index) => f(Math.floor(index / 3) / 10 ** (index % 3))),
  );
const rotary: OpCase[] = [
  {
    name: "rotary_embedding at arbitrary positions",
    op: "rotary_embedding",
    inputs: [f(2, 3, 4, 6), { shape: [2, 4], dtype: "int32", values: [0, 1, 2, 3, 7, 7, 2, 0] }],
    build: ([x, positions], graph) =>
      ops.rotaryEmbedding(x!, positions!, rotationTable(graph, Math.cos), rotationTable(graph, Math.sin)),
  },
];

const lossCase = (
  rows: number,
  width: number,
  classes: number,
  chunk: number,
  labels: number[],
  softcap?: number,
): OpCase => ({
  name: `linear_cross_entropy rows=${rows} chunk=${chunk} labels=${labels} softcap=${softcap}`,
  op: "linear_cross_entropy",
  inputs: [f(rows, width), f(classes, width), f(classes), { shape: [rows], dtype: "int32", values: labels }],
  build: ([hidden, weight, bias, labelIds], graph) =>
    ops.linearCrossEntropy(
      { hidden: hidden!, weight: weight!, bias: bias!, labels: labelIds!, scale: graph.scalar(0.3) },
      chunk,
      softcap,
    ),
});
const logProbabilitiesCase = (
  [rows, width, classes]: readonly [number, number, number],
  chunk: number,
  labels: number[],
  softcap?: number,
): OpCase => ({
  name: `linear_log_probabilities rows=${rows} chunk=${chunk} labels=${labels} softcap=${softcap}`,
  op: "linear_log_probabilities",
  inputs: [f(rows, width), f(classes, width), f(classes), { shape: [rows], dtype: "int32", values: labels }],
  build: ([hidden, weight, bias, labelIds]) =>
    ops.linearLogProbabilities(
      { hidden: hidden!, weight: weight!, bias: bias!, labels: labelIds! },
      chunk,
      softcap,
    ),
});
const losses: OpCase[] = [
  logProbabilitiesCase([5, 3, 7], 2, [2, -100, 0, 6, -100]),
  logProbabilitiesCase([3, 4, 5], 8, [1, 1, 4]),
  logProbabilitiesCase([5, 3, 7], 2, [2, 3, 0, 6, -100], 2.5),
  {
    name: "linear_cross_entropy with a scale for every row",
    op: "linear_cross_entropy",
    inputs: [f(5, 3), f(7, 3), f(7), { shape: [5], dtype: "int32", values: [2, -100, 0, 6, 1] }],
    build: ([hidden, weight, bias, labels], graph) =>
      ops.linearCrossEntropy(
        {
          hidden: hidden!,
          weight: weight!,
          bias: bias!,
          labels: labels!,
          scale: graph.constant("float32", [5], Float32Array.of(0.5, 2, -1, 0, 0.25)),
        },
        2,
      ),
  },
  lossCase(5, 3, 7, 2, [2, -100, 0, 6, -100]),
  lossCase(1, 4, 3, 8, [1]),
  lossCase(3, 2, 4, 3, [-100, -100, -100]),
  lossCase(5, 3, 7, 2, [2, -100, 0, 6, -100], 2.5),
  lossCase(2, 4, 3, 8, [1, 0], 30),
];

const constant = (...shape: number[]): InputSpec => ({ shape, isConstant: true });

const cachedAttentionCase = (
  [batch, heads, keyHeads]: readonly [number, number, number],
  [tokens, older, width]: readonly [number, number, number],
  softcap?: number,
  biasHeads = 1,
): OpCase => ({
  name: `cached_attention batch=${batch} heads=${heads}/${keyHeads}/${biasHeads} tokens=${tokens} older=${older} softcap=${softcap}`,
  op: "cached_attention",
  inputs: [
    constant(batch, heads, tokens, width),
    constant(batch, keyHeads, tokens, width),
    constant(batch, keyHeads, tokens, width),
    constant(batch, keyHeads, older, width),
    constant(batch, keyHeads, older, width),
    constant(batch, biasHeads, tokens, older + tokens),
  ],
  build: ([q, k, v, keys, values, bias]) =>
    ops.cachedAttention(q!, { k: k!, v: v! }, { keys: keys!, values: values! }, bias!, {
      scale: 0.6,
      softcap,
    }),
});
const cachedAttention: OpCase[] = [
  cachedAttentionCase([1, 4, 2], [5, 1, 4]),
  cachedAttentionCase([3, 4, 2], [1, 7, 4]),
  cachedAttentionCase([2, 2, 2], [3, 4, 6], 1.5),
  cachedAttentionCase([1, 3, 1], [1, 1, 2], 2),
  cachedAttentionCase([2, 4, 2], [3, 5, 4], undefined, 4),
];

const multiHeadAttentionCase = (
  heads: number,
  [batch, tokens, width]: readonly [number, number, number],
  keys = tokens,
): OpCase => ({
  name: `multi_head_attention heads=${heads} [${[batch, tokens, width]}] keys=${keys}`,
  op: "multi_head_attention",
  inputs: [constant(batch, tokens, width), constant(batch, keys, width), constant(batch, keys, width)],
  build: ([q, k, v]) => ops.multiHeadAttention(q!, { k: k!, v: v! }, { heads, scale: 0.6 }),
});
const multiHeadAttention: OpCase[] = [
  multiHeadAttentionCase(2, [1, 5, 8]),
  multiHeadAttentionCase(3, [4, 6, 12], 3),
  multiHeadAttentionCase(1, [2, 1, 4]),
];

const bytes = (...shape: number[]): InputSpec => ({ shape, dtype: "uint8", range: [0, 255] });

const quantizedCase = (
  bits: 4 | 8,
  block: number,
  [rows, blocks, outputs]: readonly [number, number, number],
): OpCase => ({
  name: `quantized_matmul bits=${bits} block=${block} rows=${rows} blocks=${blocks} outputs=${outputs}`,
  op: "quantized_matmul",
  inputs: [
    // Activations that int8 holds exactly, one largest value a block: their rounding is not what is tested here.
    {
      shape: [rows, blocks * block],
      isConstant: true,
      values: Array.from({ length: rows * blocks * block }, (_, i) =>
        i % block ? ((i * 37) % 255) - 127 : 127,
      ),
    },
    bytes(outputs, blocks, (block * bits) / 8),
    { shape: [outputs * blocks], range: [0.3, 2], isConstant: true },
    bytes(outputs * Math.ceil((blocks * bits) / 8)),
  ],
  build: ([x, packed, scales, zeros]) =>
    ops.mul(ops.quantizedMatmul(x!, packed!, scales!, zeros!, { bits, block }), x!.graph.scalar(1e-4)),
});
const quantized: OpCase[] = [
  quantizedCase(4, 32, [1, 2, 3]),
  quantizedCase(4, 32, [5, 3, 4]),
  quantizedCase(8, 32, [1, 2, 3]),
  quantizedCase(8, 32, [5, 3, 4]),
  {
    name: "quantized_gather_rows with repeats",
    op: "quantized_gather_rows",
    inputs: [ids(4, 2, 3), bytes(4, 2, 32), { shape: [8], range: [0.3, 2], isConstant: true }, bytes(8)],
    build: ([rows, packed, scales, zeros]) =>
      ops.mul(ops.quantizedGatherRows(rows!, packed!, scales!, zeros!, 32), scales!.graph.scalar(1e-2)),
  },
];

export const OP_CASES: readonly OpCase[] = [
  ...unary,
  ...binary,
  ...selection,
  ...movement,
  ...reduction,
  ...products,
  ...rows,
  ...indexing,
  ...columns,
  ...rotary,
  ...losses,
  ...cachedAttention,
  ...multiHeadAttention,
  ...quantized,
];

/** The values of a case's inputs: a function of its name. */
export function caseFeeds(opCase: OpCase): Float64Array[] {
  const stream = new RandomStream({ seed: 1, stream: streamOf(opCase.name) });
  return opCase.inputs.map((input) => {
    if (input.values) return Float64Array.from(input.values);
    const [low, high] = input.range ?? [-2, 2];
    const size = input.shape.reduce((product, dimension) => product * dimension, 1);
    const isInteger = input.dtype !== undefined && input.dtype !== "float32";
    return Float64Array.from({ length: size }, () =>
      // float32-representable, so that both backends start from the same numbers
      isInteger
        ? low + stream.nextInteger(high - low + 1)
        : Math.fround(low + (high - low) * stream.nextUniform()),
    );
  });
}

/** Builds the case with the scalar loss sum(y * w), w fixed and uneven, and float inputs as parameters. */
export function buildCase(opCase: OpCase): { graph: Graph; output: Value; loss: Value; parameters: Value[] } {
  const graph = new Graph();
  const inputs = opCase.inputs.map((input, index) =>
    graph.input(
      `x${index}`,
      input.dtype ?? "float32",
      input.shape,
      input.dtype || input.isConstant ? "data" : "parameter",
    ),
  );
  const output = opCase.build(inputs, graph);
  const size = output.shape.reduce<number>((product, dimension) => product * Number(dimension), 1);
  const weights = Float32Array.from({ length: size }, (_, index) => Math.sin(index + 1));
  const loss = ops.sumAll(ops.mul(output, graph.constant("float32", output.shape, weights)));
  return { graph, output, loss, parameters: inputs.filter((input) => inputKind(input) === "parameter") };
}
