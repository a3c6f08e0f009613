/** The forms that exported routers are written in: layer normalisation spelled out, products of integers. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { toDynamicInt8 } from "../../src/export/dynamic-int8.ts";
import * as ops from "../../src/graph/functions.ts";
import { Graph, type Value } from "../../src/graph/ir.ts";
import { lowerToOnnx, readOnnxModel } from "../../src/onnx/index.ts";
import { type OnnxGraph, writeOnnxModel } from "../../src/onnx/model.ts";
import { splitLayerNorm } from "../../src/routing/export/split-layer-norm.ts";
import { RandomStream } from "../../src/tensor/index.ts";
import { hasInstructions } from "../support/processor.ts";

const WIDTH = 160;
const random = new RandomStream({ seed: 5, stream: 0 });
const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.nextNormal());

const operators = (onnx: OnnxGraph): string[] => [
  ...new Set(readOnnxModel(writeOnnxModel(onnx, "test")).nodes.map(({ opType }) => opType)),
];

async function run(onnx: OnnxGraph, x: Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(writeOnnxModel(onnx, "test"), { intraOpNumThreads: 1 });
  const { y } = await session.run({ x });
  await session.release();
  return y!.data as Float32Array;
}

function lowered(build: (graph: Graph) => Value): OnnxGraph {
  const graph = new Graph();
  return lowerToOnnx(graph, { y: build(graph) }, { operators: "standard", hasInt64Inputs: true });
}

test("layer normalisation spelled out is the same function, on rows far from zero too", async () => {
  const [weight, bias] = [normals(WIDTH), normals(WIDTH)];
  const whole = lowered((graph) =>
    ops.layerNorm(
      graph.input("x", "float32", ["rows", WIDTH]),
      graph.constant("float32", [WIDTH], weight),
      graph.constant("float32", [WIDTH], bias),
      1e-12,
    ),
  );
  const split = splitLayerNorm(whole);
  expect(operators(whole)).toEqual(["LayerNormalization"]);
  expect(operators(split)).not.toContain("LayerNormalization");
  const rows = normals(4 * WIDTH).map((value, index) => value + 50 * Math.floor(index / WIDTH));
  const x = new Tensor("float32", rows, [4, WIDTH]);
  const [expected, received] = [await run(whole, x), await run(split, x)];
  for (const [index, value] of expected.entries()) {
    expect(Math.abs(received[index]! - value)).toBeLessThan(2e-4);
  }
});

describe("8 bits", () => {
  const matrix = normals(WIDTH * WIDTH);
  const relativeError = (received: Float32Array, expected: Float32Array): number =>
    Math.hypot(...received.map((value, index) => value - expected[index]!)) / Math.hypot(...expected);

  test("products are of integers, within a few per cent, and share what they round", async () => {
    const exact = lowered((graph) => {
      const x = graph.input("x", "float32", ["rows", WIDTH]);
      const w = graph.constant("float32", [WIDTH, WIDTH], matrix);
      const v = graph.constant("float32", [WIDTH, WIDTH], normals(WIDTH * WIDTH));
      return ops.add(ops.matmul(x, w), ops.matmul(x, v));
    });
    const { graph: narrow, quantizationError } = toDynamicInt8(exact);
    expect(narrow.nodes.filter(({ opType }) => opType === "DynamicQuantizeLinear")).toHaveLength(1);
    expect(narrow.nodes.filter(({ opType }) => opType === "MatMulInteger")).toHaveLength(2);
    expect(operators(narrow)).not.toContain("MatMul");
    const x = new Tensor("float32", normals(8 * WIDTH), [8, WIDTH]);
    // Without VNNI, sums of two products of 8 bits saturate.
    const isWide = hasInstructions("avx512_vnni") || hasInstructions("avx_vnni");
    expect(relativeError(await run(narrow, x), await run(exact, x))).toBeLessThan(isWide ? 0.02 : 0.03);
    expect(quantizationError()).toBeGreaterThan(1e-3);
    expect(quantizationError()).toBeLessThan(0.01);
  });

  test("tables have a scale a row: rows of any size keep their digits", async () => {
    const table = matrix.map((value, index) => value * 10 ** (Math.floor(index / WIDTH) % 5));
    const exact = lowered((graph) =>
      ops.gatherRows(
        graph.constant("float32", [WIDTH, WIDTH], table),
        graph.input("x", "int32", ["rows", "columns"]),
      ),
    );
    const narrow = toDynamicInt8(exact).graph;
    for (const id of [0, 1, 4, 159]) {
      const x = new Tensor("int64", BigInt64Array.of(BigInt(id)), [1, 1]);
      expect(relativeError(await run(narrow, x), await run(exact, x))).toBeLessThan(0.01);
    }
  });

  test("small matrices and matrices with other uses stay as they are", () => {
    const small = lowered((graph) =>
      ops.matmul(graph.input("x", "float32", ["rows", 8]), graph.constant("float32", [8, 8], normals(64))),
    );
    expect(operators(toDynamicInt8(small).graph)).toEqual(["MatMul"]);
    const shared = lowered((graph) => {
      const w = graph.constant("float32", [WIDTH, WIDTH], matrix);
      return ops.matmul(ops.add(graph.input("x", "float32", [WIDTH, WIDTH]), w), w);
    });
    expect(operators(toDynamicInt8(shared).graph)).toEqual(["Add", "MatMul"]);
  });
});
