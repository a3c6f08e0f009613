/** Elementwise functions of one tensor. */
import type { Value } from "../ir.ts";
import { defineOp, type OnnxEmitter, type OpDefinition, type OpFunctions } from "../op.ts";
import { inputAt } from "./check.ts";
import { mapBroadcast } from "./reference.ts";

interface UnaryRow {
  readonly name: string;
  readonly onnx: string;
  readonly domain?: "com.microsoft";
  readonly attributes?: Readonly<Record<string, { readonly float: number }>>;
  readonly f: (x: number) => number;
  readonly isRecomputed?: boolean;
  /** Whether ONNX Runtime's kernel takes no tensor of rank 0. */
  readonly isScalarRefused?: boolean;
  /** The two factors of f(x) in standard operators, in the form that ONNX Runtime's optimiser fuses again. */
  readonly standardFactors?: (emitter: OnnxEmitter, x: string) => readonly [string, string];
  /** dL/dx from x, y = f(x) and dL/dy. */
  readonly gradient: (ops: OpFunctions, x: Value, y: Value, gradient: Value) => Value;
}

/** Error function, by its Maclaurin series below 3 and the continued fraction above; about 1e-15. */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude > 6) return Math.sign(x);
  if (magnitude < 3) {
    let term = magnitude;
    let sum = magnitude;
    for (let n = 1; n < 80; n++) {
      term *= (-magnitude * magnitude) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (magnitude + fraction);
  return (
    Math.sign(x) * (1 - Math.exp(-magnitude * magnitude) / (Math.sqrt(Math.PI) * (magnitude + fraction)))
  );
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const GELU_SLOPE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

const ROWS: readonly UnaryRow[] = [
  { name: "neg", onnx: "Neg", f: (x) => -x, gradient: (ops, _x, _y, g) => ops.neg(g) },
  { name: "exp", onnx: "Exp", f: Math.exp, gradient: (ops, _x, y, g) => ops.mul(g, y) },
  { name: "log", onnx: "Log", f: Math.log, gradient: (ops, x, _y, g) => ops.div(g, x) },
  {
    name: "sqrt",
    onnx: "Sqrt",
    f: Math.sqrt,
    gradient: (ops, _x, y, g) => ops.div(ops.mul(g, ops.scalarLike(y, 0.5)), y),
  },
  {
    name: "reciprocal",
    onnx: "Reciprocal",
    f: (x) => 1 / x,
    gradient: (ops, _x, y, g) => ops.neg(ops.mul(g, ops.mul(y, y))),
  },
  {
    name: "tanh",
    onnx: "Tanh",
    f: Math.tanh,
    gradient: (ops, _x, y, g) => ops.mul(g, ops.sub(ops.scalarLike(y, 1), ops.mul(y, y))),
  },
  {
    name: "sigmoid",
    onnx: "Sigmoid",
    f: sigmoid,
    gradient: (ops, _x, y, g) => ops.mul(g, ops.mul(y, ops.sub(ops.scalarLike(y, 1), y))),
  },
  {
    name: "erf",
    onnx: "Erf",
    f: erf,
    gradient: (ops, x, _y, g) =>
      ops.mul(g, ops.mul(ops.exp(ops.neg(ops.mul(x, x))), ops.scalarLike(x, 2 / Math.sqrt(Math.PI)))),
  },
  {
    name: "relu",
    isRecomputed: true,
    onnx: "Relu",
    f: (x) => Math.max(x, 0),
    gradient: (ops, x, _y, g) => ops.where(ops.greater(x, ops.scalarLike(x, 0)), g, ops.scalarLike(g, 0)),
  },
  {
    // log(1 + exp(x)), stable for large |x| in every backend
    name: "softplus",
    isRecomputed: true,
    onnx: "Softplus",
    f: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    gradient: (ops, x, _y, g) => ops.mul(g, ops.sigmoid(x)),
  },
  {
    // x sigmoid(x); QuickGelu with alpha 1 is the one kernel that computes it in a single pass
    name: "silu",
    isRecomputed: true,
    onnx: "QuickGelu",
    domain: "com.microsoft",
    attributes: { alpha: { float: 1 } },
    f: (x) => x * sigmoid(x),
    standardFactors: (emitter, x) => [x, emitter.node("Sigmoid", [x])[0]!],
    // s + y (1 - s), with s recomputed so that only x is kept for the backward pass
    gradient: (ops, x, y, g) => {
      const s = ops.sigmoid(x);
      return ops.mul(g, ops.add(s, ops.mul(y, ops.sub(ops.scalarLike(s, 1), s))));
    },
  },
  {
    // exact GELU: x Phi(x) = x/2 (1 + erf(x / sqrt 2)); Hendrycks and Gimpel, arXiv 1606.08415
    name: "gelu",
    isRecomputed: true,
    onnx: "Gelu",
    domain: "com.microsoft",
    f: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    standardFactors: (emitter, x) => {
      const [inner] = emitter.node("Div", [x, emitter.float(Math.SQRT2)]);
      const [bent] = emitter.node("Erf", [inner!]);
      const [shifted] = emitter.node("Add", [bent!, emitter.float(1)]);
      return [emitter.node("Mul", [x, shifted!])[0]!, emitter.float(0.5)];
    },
    // Phi(x) + x phi(x)
    gradient: (ops, x, _y, g) => {
      const cdf = ops.add(
        ops.mul(ops.erf(ops.mul(x, ops.scalarLike(x, Math.SQRT1_2))), ops.scalarLike(x, 0.5)),
        ops.scalarLike(x, 0.5),
      );
      const density = ops.exp(ops.mul(ops.mul(x, ops.scalarLike(x, -0.5)), x));
      const slope = ops.mul(ops.mul(density, x), ops.scalarLike(x, 1 / Math.sqrt(2 * Math.PI)));
      return ops.mul(g, ops.add(cdf, slope));
    },
  },
  {
    // tanh approximation of GELU: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); arXiv 1606.08415, section 2
    name: "gelu_tanh",
    isScalarRefused: true,
    isRecomputed: true,
    onnx: "FastGelu",
    domain: "com.microsoft",
    f: (x) => 0.5 * x * (1 + Math.tanh(GELU_SLOPE * (x + GELU_CUBIC * x ** 3))),
    standardFactors: (emitter, x) => {
      const [half] = emitter.node("Mul", [x, emitter.float(0.5)]);
      const [cube] = emitter.node("Pow", [x, emitter.float(3)]);
      const [scaled] = emitter.node("Mul", [cube!, emitter.float(GELU_CUBIC)]);
      const [sum] = emitter.node("Add", [x, scaled!]);
      const [inner] = emitter.node("Mul", [sum!, emitter.float(GELU_SLOPE)]);
      const [bent] = emitter.node("Tanh", [inner!]);
      return [half!, emitter.node("Add", [bent!, emitter.float(1)])[0]!];
    },
    // (1 + t)/2 + x/2 (1 - t^2) sqrt(2/pi) (1 + 3 0.044715 x^2)
    gradient: (ops, x, _y, g) => {
      const number = (value: number): Value => ops.scalarLike(x, value);
      const square = ops.mul(x, x);
      const inner = ops.add(ops.mul(square, number(GELU_SLOPE * GELU_CUBIC)), number(GELU_SLOPE));
      const t = ops.tanh(ops.mul(inner, x));
      const innerSlope = ops.add(ops.mul(square, number(3 * GELU_SLOPE * GELU_CUBIC)), number(GELU_SLOPE));
      const rest = ops.mul(ops.mul(ops.sub(number(1), ops.mul(t, t)), innerSlope), x);
      return ops.mul(g, ops.mul(ops.add(ops.add(t, number(1)), rest), number(0.5)));
    },
  },
];

/** y = x, through which no gradient flows: a value that the derivative treats as a constant. */
const stopGradient = defineOp({
  name: "stop_gradient",
  arity: 1,
  inferTypes: (inputs) => [inputAt("stop_gradient", inputs, 0, "float32")],
  gradient: () => [undefined],
  lower: (emitter, { inputs, outputs }) => {
    emitter.node("Identity", inputs, { outputs });
  },
  evaluate: (inputs, _attributes, types) => [mapBroadcast(inputs, types[0], (x) => x)],
  traits: { isElementwise: true, isRecomputed: false },
});

const elementwise: readonly OpDefinition[] = ROWS.map((row) =>
  defineOp({
    name: row.name,
    arity: 1,
    inferTypes: (inputs) => [inputAt(row.name, inputs, 0, "float32")],
    gradient: (ops, { inputs, outputs, outputGradients }) => [
      row.gradient(ops, inputs[0]!, outputs[0]!, outputGradients[0]!),
    ],
    lower: (emitter, { inputs, inputTypes, outputs }) => {
      const options = {
        ...(row.domain && { domain: row.domain }),
        ...(row.attributes && { attributes: row.attributes }),
      };
      if (!row.isScalarRefused || inputTypes[0]!.shape.length > 0) {
        emitter.node(row.onnx, inputs, { outputs, ...options });
        return;
      }
      const vector = emitter.node("Reshape", [inputs[0]!, emitter.int64([1])]);
      const [y] = emitter.node(row.onnx, vector, options);
      emitter.node("Reshape", [y!, emitter.int64([])], { outputs });
    },
    ...(row.standardFactors && {
      lowerStandard: (emitter, { inputs, outputs }) => {
        emitter.node("Mul", row.standardFactors!(emitter, inputs[0]!), { outputs });
      },
    }),
    evaluate: (inputs, _attributes, types) => [mapBroadcast(inputs, types[0], row.f)],
    traits: { isElementwise: true, isRecomputed: row.isRecomputed ?? false },
  }),
);

export const UNARY_OPS: readonly OpDefinition[] = [...elementwise, stopGradient];
