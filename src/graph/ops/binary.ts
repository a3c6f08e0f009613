/** Elementwise functions of several tensors, with broadcasting. */
import { broadcastShapes } from "../../tensor/shape.ts";
import type { TensorType, Value } from "../ir.ts";
import { defineOp, type OpDefinition, type OpFunctions } from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { mapBroadcast } from "./reference.ts";

interface ArithmeticRow {
  readonly name: string;
  readonly onnx: string;
  readonly f: (a: number, b: number) => number;
  /** Whether the gradient reads a or b. */
  readonly readsInputs: boolean;
  /** Unreduced gradients; summing over broadcast axes is shared. */
  readonly gradient: (
    ops: OpFunctions,
    a: Value,
    b: Value,
    y: Value,
    gradient: Value,
  ) => readonly [() => Value, () => Value];
}

const ARITHMETIC: readonly ArithmeticRow[] = [
  {
    name: "add",
    onnx: "Add",
    f: (a, b) => a + b,
    readsInputs: false,
    gradient: (_ops, _a, _b, _y, g) => [() => g, () => g],
  },
  {
    name: "sub",
    onnx: "Sub",
    f: (a, b) => a - b,
    readsInputs: false,
    gradient: (ops, _a, _b, _y, g) => [() => g, () => ops.neg(g)],
  },
  {
    name: "mul",
    onnx: "Mul",
    f: (a, b) => a * b,
    readsInputs: true,
    gradient: (ops, a, b, _y, g) => [() => ops.mul(g, b), () => ops.mul(g, a)],
  },
  {
    name: "div",
    onnx: "Div",
    f: (a, b) => a / b,
    readsInputs: true,
    gradient: (ops, _a, b, y, g) => [() => ops.div(g, b), () => ops.neg(ops.div(ops.mul(g, y), b))],
  },
];

function broadcastType(op: string, inputs: readonly TensorType[]): TensorType {
  const a = inputAt(op, inputs, 0, "float32", "int32");
  const b = inputAt(op, inputs, 1, a.dtype);
  return { dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape, op) };
}

const ARITHMETIC_OPS = ARITHMETIC.map((row) =>
  defineOp({
    name: row.name,
    arity: 2,
    inferTypes: (inputs) => [broadcastType(row.name, inputs)],
    gradient: (ops, { inputs, outputs, outputGradients, isWanted }) => {
      const [a, b] = inputs as [Value, Value];
      const [forA, forB] = row.gradient(ops, a, b, outputs[0]!, outputGradients[0]!);
      return [
        isWanted[0] ? ops.sumTo(forA(), a.shape) : undefined,
        isWanted[1] ? ops.sumTo(forB(), b.shape) : undefined,
      ];
    },
    lower: (emitter, { inputs, outputs }) => {
      emitter.node(row.onnx, inputs, { outputs });
    },
    evaluate: (inputs, _attributes, types) => [
      mapBroadcast(inputs, types[0], types[0]?.dtype === "int32" ? (a, b) => row.f(a, b) | 0 : row.f),
    ],
    traits: { isElementwise: true, isRecomputed: row.readsInputs },
  }),
);

const COMPARISON_OPS = (
  [
    ["equal", "Equal", (a, b) => Number(a === b)],
    ["greater", "Greater", (a, b) => Number(a > b)],
    ["greater_or_equal", "GreaterOrEqual", (a, b) => Number(a >= b)],
  ] as const satisfies readonly (readonly [string, string, (a: number, b: number) => number])[]
).map(([name, onnx, f]) =>
  defineOp({
    name,
    arity: 2,
    inferTypes: (inputs) => [{ dtype: "bool", shape: broadcastType(name, inputs).shape }],
    gradient: { none: "a comparison is piecewise constant" },
    lower: (emitter, { inputs, outputs }) => {
      emitter.node(onnx, inputs, { outputs });
    },
    evaluate: (inputs, _attributes, types) => [mapBroadcast(inputs, types[0], f)],
    traits: { isElementwise: true, isRecomputed: false },
  }),
);

const where = defineOp({
  name: "where",
  arity: 3,
  inferTypes: (inputs) => {
    const condition = inputAt("where", inputs, 0, "bool");
    const a = inputAt("where", inputs, 1, "float32", "int32");
    const b = inputAt("where", inputs, 2, a.dtype);
    const shape = broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape, "where"), "where");
    return [{ dtype: a.dtype, shape }];
  },
  gradient: (ops, { inputs, outputGradients, isWanted }) => {
    const [condition, a, b] = inputs as [Value, Value, Value];
    const gradient = outputGradients[0]!;
    const zero = ops.scalarLike(gradient, 0);
    return [
      undefined,
      isWanted[1] ? ops.sumTo(ops.where(condition, gradient, zero), a.shape) : undefined,
      isWanted[2] ? ops.sumTo(ops.where(condition, zero, gradient), b.shape) : undefined,
    ];
  },
  lower: (emitter, { inputs, outputs }) => {
    emitter.node("Where", inputs, { outputs });
  },
  evaluate: (inputs, _attributes, types) => [
    mapBroadcast(inputs, types[0], (condition, a, b) => (condition ? a! : b!)),
  ],
  traits: { isElementwise: true, isRecomputed: false },
});

const CAST_NUMBERS = { float32: 1, uint8: 2, int32: 6, bool: 9 } as const;

const castRow = (name: string, dtype: "float32" | "int32"): OpDefinition =>
  defineOp({
    name,
    arity: 1,
    inferTypes: (inputs) => [{ dtype, shape: inputAt(name, inputs, 0).shape }],
    gradient: { none: "only integers and booleans are cast, which carry no gradient" },
    lower: (emitter, { inputs, outputs }) => {
      emitter.node("Cast", inputs, { outputs, attributes: { to: { int: CAST_NUMBERS[dtype] } } });
    },
    evaluate: (inputs, _attributes, types) => [
      mapBroadcast(inputs, types[0], dtype === "int32" ? Math.trunc : (x) => x),
    ],
    traits: { isElementwise: true, isRecomputed: false },
  });

/** Half-precision storage as float32, exactly. The backward pass widens again, so that no widened copy is kept. */
const widen = defineOp({
  name: "widen",
  arity: 1,
  inferTypes: (inputs) => [{ dtype: "float32", shape: inputAt("widen", inputs, 0, "float16").shape }],
  gradient: { none: "float16 only stores what is not trained" },
  lower: (emitter, { inputs, outputs }) => {
    emitter.node("Cast", inputs, { outputs, attributes: { to: { int: CAST_NUMBERS.float32 } } });
  },
  evaluate: (inputs, _attributes, types) => [mapBroadcast(inputs, types[0], (x) => x)],
  traits: { isElementwise: true, isRecomputed: true },
});

/** y = x * mask * scale with a uint8 mask: dropout, keeping one byte per element for the backward pass. */
const maskedScale = defineOp({
  name: "masked_scale",
  arity: 2,
  inferTypes: (inputs) => {
    const x = inputAt("masked_scale", inputs, 0, "float32");
    const mask = inputAt("masked_scale", inputs, 1, "uint8");
    if (x.shape.join() !== mask.shape.join()) {
      throw shapeMismatch("masked_scale", "a mask of the same shape", inputs);
    }
    return [x];
  },
  gradient: (ops, { inputs, outputGradients, attributes }) => [
    ops.maskedScale(outputGradients[0]!, inputs[1]!, numberAttribute("masked_scale", attributes, "scale")),
    undefined,
  ],
  lower: (emitter, { inputs, outputs, attributes }) => {
    const [mask] = emitter.node("Cast", [inputs[1]!], { attributes: { to: { int: CAST_NUMBERS.float32 } } });
    const [kept] = emitter.node("Mul", [inputs[0]!, mask!]);
    const scale = emitter.float(numberAttribute("masked_scale", attributes, "scale"));
    emitter.node("Mul", [kept!, scale], { outputs });
  },
  evaluate: (inputs, attributes, types) => {
    const scale = numberAttribute("masked_scale", attributes, "scale");
    return [mapBroadcast(inputs, types[0], (x, mask) => x! * mask! * scale)];
  },
  traits: { isElementwise: true, isRecomputed: false },
});

export const BINARY_OPS: readonly OpDefinition[] = [
  ...ARITHMETIC_OPS,
  ...COMPARISON_OPS,
  where,
  castRow("to_float32", "float32"),
  castRow("to_int32", "int32"),
  widen,
  maskedScale,
];
