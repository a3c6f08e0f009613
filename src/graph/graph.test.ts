import { expect, test } from "vitest";
import { toOnnx } from "../onnx/index.ts";
import { readOnnxModel } from "../onnx/model.ts";
import { evaluateReference } from "../runtime/reference/index.ts";
import { TuttiError } from "../support/errors.ts";
import { gradients } from "./autodiff.ts";
import * as ops from "./functions.ts";
import { Graph, type Value } from "./ir.ts";
import { toText } from "./print.ts";
import { validateGraph } from "./validate.ts";

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "no error";
  } catch (error) {
    return TuttiError.is(error) ? error.code : String(error);
  }
};

function linearLoss() {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2, 3]);
  const weight = graph.parameter("weight", [4, 3]);
  const y = ops.tanh(ops.matmul(x, weight, { transposeB: true }));
  const loss = ops.sumAll(y);
  return { graph, x, weight, loss };
}

test("the printed form of a graph and its gradient is stable", () => {
  const { graph, weight, loss } = linearLoss();
  expect(toText(graph, [loss, gradients(loss, [weight])[0]!])).toMatchInlineSnapshot(`
    "%0 = input "x" float32[2, 3]
    %1 = input "weight" parameter float32[4, 3]
    %2 = constant {1} float32[]
    %3 = matmul(%0, %1; transposeA=false; transposeB=true; alpha=1) float32[2, 4]
    %4 = tanh(%3) float32[2, 4]
    %5 = reduce_sum(%4; axes=[0,1]) float32[1, 1]
    %6 = reshape(%5; shape=[]) float32[]
    %7 = reshape(%2; shape=[1,1]) float32[1, 1]
    %8 = expand(%7; shape=[2,4]) float32[2, 4]
    %9 = mul(%4, %4) float32[2, 4]
    %10 = sub(%2, %9) float32[2, 4]
    %11 = mul(%8, %10) float32[2, 4]
    %12 = matmul(%0, %11; transposeA=true; transposeB=false; alpha=1) float32[3, 4]
    %13 = transpose(%12; permutation=[1,0]) float32[4, 3]
    return %6, %13
    "
  `);
});

test("equal graphs give equal ONNX bytes", () => {
  const build = (): Uint8Array => {
    const { graph, weight, loss } = linearLoss();
    return toOnnx(graph, { loss, gradient: gradients(loss, [weight])[0]! });
  };
  expect(build()).toEqual(build());
});

test("a written model reads back: names, nodes, initialisers", () => {
  const { graph, weight, loss } = linearLoss();
  const bytes = toOnnx(graph, { loss, gradient: gradients(loss, [weight])[0]! });
  const model = readOnnxModel(bytes);
  expect(model.producer).toBe("tutti");
  expect(model.inputs).toEqual(["x", "weight"]);
  expect(model.outputs).toEqual(["loss", "gradient"]);
  expect(model.nodes.map(({ opType }) => opType)).toContain("Gemm");
  expect(codeOf(() => readOnnxModel(bytes.subarray(0, bytes.length - 3)))).toBe("FILE_CORRUPT");
});

test("values made again for the backward pass are not kept from the forward pass", () => {
  const graph = new Graph();
  const x = graph.parameter("x", [2, 3]);
  const weight = graph.parameter("weight", [3, 3]);
  const loss = ops.sumAll(ops.matmul(ops.silu(x), weight));
  const text = toText(graph, gradients(loss, [weight]));
  // only the copy of silu that the gradient reads is alive here, and it is a node of the gradient's part
  expect(text.match(/silu/g)).toHaveLength(1);
  expect(toText(graph, [loss, ...gradients(loss, [weight])]).match(/silu/g)).toHaveLength(2);
});

test.each<[string, () => unknown, string]>([
  [
    "shapes that do not broadcast",
    () => new Graph().constant("float32", [2], new Float32Array(3)),
    "SHAPE_MISMATCH",
  ],
  [
    "a name taken twice",
    () => {
      const graph = new Graph();
      graph.input("x", "float32", []);
      graph.input("x", "float32", []);
    },
    "GRAPH_INVALID",
  ],
  ["values of two graphs", () => ops.add(new Graph().scalar(1), new Graph().scalar(1)), "GRAPH_INVALID"],
  [
    "mixed dtypes",
    () => {
      const graph = new Graph();
      ops.add(graph.scalar(1), graph.scalar(1, "int32"));
    },
    "DTYPE_MISMATCH",
  ],
  [
    "inner sizes that differ",
    () => {
      const graph = new Graph();
      ops.matmul(graph.parameter("a", [2, 3]), graph.parameter("b", [2, 3]));
    },
    "SHAPE_MISMATCH",
  ],
  ["an unknown op", () => ops.applyOp("matmull", [new Graph().scalar(1)]), "UNSUPPORTED_OP"],
  ["too few inputs", () => ops.applyOp("add", [new Graph().scalar(1)]), "GRAPH_INVALID"],
  ["an axis outside", () => ops.reduceSum(new Graph().parameter("x", [2]), [1]), "SHAPE_MISMATCH"],
  ["a loss that is no scalar", () => gradients(new Graph().parameter("x", [2]), []), "SHAPE_MISMATCH"],
  [
    "a gradient through a comparison, which is zero",
    () => {
      const x = new Graph().parameter("x", [2]);
      gradients(ops.sumAll(ops.toFloat32(ops.greater(x, ops.scalarLike(x, 0)))), [x]);
    },
    "no error",
  ],
])("%s", (_name, run, code) => {
  expect(codeOf(run)).toBe(code);
});

test("nothing flows through stop_gradient", () => {
  const graph = new Graph();
  const x = graph.parameter("x", [2]);
  const [gradient] = gradients(ops.sumAll(ops.mul(x, ops.stopGradient(ops.mul(x, x)))), [x]);
  const [result] = evaluateReference(graph, [gradient!], { x: Float64Array.of(2, 3) });
  expect([...result!.data]).toEqual([4, 9]);
});

test("a tampered graph is refused", () => {
  const { graph, loss } = linearLoss();
  validateGraph(graph, [loss]);
  const [node] = graph.nodes;
  (node!.outputs[0] as { shape: readonly number[] }).shape = [9, 9];
  expect(codeOf(() => validateGraph(graph, [loss]))).not.toBe("no error");
  const foreign = linearLoss();
  expect(codeOf(() => validateGraph(foreign.graph, [loss as Value]))).toBe("GRAPH_INVALID");
});

test("a region made again keeps only what comes into it", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2, 3]);
  const weight = graph.parameter("weight", [3, 3]);
  const layer = (value: Value): Value =>
    graph.region("layer", () => ops.add(value, ops.tanh(ops.matmul(value, weight))));
  const loss = ops.sumAll(layer(layer(x)));
  const count = (recompute: readonly ("layer" | "attention")[]): number =>
    toText(graph, [loss, ...gradients(loss, [weight], recompute)]).match(/= tanh/g)!.length;
  expect(count([])).toBe(2);
  expect(count(["attention"])).toBe(2);
  expect(count(["layer"])).toBe(4);
  const feeds = { x: Float64Array.from([1, 2, 3, 4, 5, 6]), weight: new Float64Array(9).fill(0.1) };
  const values = ([] as Value[]).concat(gradients(loss, [weight]), gradients(loss, [weight], ["layer"]));
  const [kept, again] = evaluateReference(graph, values, feeds);
  expect(again!.data).toEqual(kept!.data);
});
