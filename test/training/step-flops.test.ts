/** Counted floating-point operations against the formulas that the field uses, and against what is lowered. */
import { expect, test } from "vitest";
import { trainStepTask } from "../../bench/subjects/train-step-shapes.ts";
import { gradients } from "../../src/graph/autodiff.ts";
import * as ops from "../../src/graph/functions.ts";
import { Graph } from "../../src/graph/ir.ts";
import { opDefinition } from "../../src/graph/op-table.ts";
import { productFlops } from "../../src/graph/product-flops.ts";
import { lowerToOnnx } from "../../src/onnx/lower.ts";
import { stepFlops } from "../../src/train/index.ts";
import { buildCase, OP_CASES } from "../conformance/op-cases.ts";

const PRODUCTS = ["Gemm", "MatMul", "FusedMatMul", "MatMulNBits"];

test("an op that lowers to a matrix product counts it, and no other op counts any", () => {
  for (const opCase of OP_CASES) {
    const { graph, output } = buildCase(opCase);
    const isProduct = lowerToOnnx(graph, { output }).nodes.some(({ opType }) => PRODUCTS.includes(opType));
    const isCounted = graph.nodes.some(({ op }) => opDefinition(op).productFlops !== undefined);
    expect([opCase.name, isCounted || isEmpty(graph)]).toEqual([opCase.name, isProduct || isEmpty(graph)]);
  }
});

/** Losses over no rows lower to nothing. */
const isEmpty = (graph: Graph): boolean =>
  graph.inputs.some(({ shape }) => shape.includes(0)) || graph.nodes.length === 0;

test("a product counts two operations a multiply-add, its gradient twice as many, dead nodes none", () => {
  const graph = new Graph();
  const [x, w] = [graph.parameter("x", [7, 2, 5]), graph.parameter("w", [3, 5])];
  const y = ops.matmul(x, w, { transposeB: true });
  ops.matmul(y, w);
  expect(productFlops(graph, [y])).toBe(2 * 7 * 2 * 3 * 5);
  const backward = gradients(ops.sumAll(y), [x, w]);
  expect(productFlops(graph, backward)).toBe(2 * (2 * 7 * 2 * 3 * 5));
  expect(productFlops(graph, [y, ...backward])).toBe(3 * (2 * 7 * 2 * 3 * 5));
  expect(productFlops(graph, [y, backward[0]!])).toBe(2 * (2 * 7 * 2 * 3 * 5));
});

/** SmolLM2-135M, 4 x 256 tokens: 6 operations a matrix parameter and token, at most 12 L H Q S a token for attention. */
const [TOKENS, SEQUENCE, LAYERS, WIDTH, HEAD] = [4 * 256, 256, 30, 576, 49_152 * 576];
const LAYER = 2 * WIDTH * WIDTH + 2 * WIDTH * 192 + 3 * WIDTH * 1536;
const PLAIN = stepFlops(trainStepTask("smollm2", []), {});
/** Blocks right of the diagonal may be skipped. */
const ATTENTION = PLAIN.model - 6 * (LAYERS * LAYER + HEAD) * TOKENS;

test("a decoder's step is 6 N T + 12 L H Q T S", () => {
  const all = 12 * LAYERS * WIDTH * SEQUENCE * TOKENS;
  expect(ATTENTION).toBeGreaterThan(all / 2);
  expect(ATTENTION).toBeLessThanOrEqual(all);
  expect(PLAIN.executed).toBe(PLAIN.model);
});

test("recomputation adds to what is executed, not to the model", () => {
  const attention = stepFlops(trainStepTask("smollm2", ["attention"]), {});
  const layer = stepFlops(trainStepTask("smollm2", ["layer"]), {});
  expect([attention.model, layer.model]).toEqual([PLAIN.model, PLAIN.model]);
  // Only what a gradient reads is made again: the scores of attention; all but the last product of a layer.
  expect(attention.executed - PLAIN.model).toBe(ATTENTION / 6);
  expect(layer.executed - PLAIN.model).toBe(2 * LAYERS * (LAYER - WIDTH * 1536) * TOKENS + ATTENTION / 3);
});

test("frozen weights need no gradient: 4 N T, and 6 a parameter of the adapter", () => {
  const { model } = stepFlops(trainStepTask("smollm2-lora", []), {});
  const rank = 16;
  const inputsAndOutputs = [WIDTH, WIDTH, WIDTH, 192, WIDTH, 192, WIDTH, WIDTH];
  const adapter = rank * (inputsAndOutputs.reduce((a, b) => a + b) + 3 * (WIDTH + 1536));
  // The first layer's inputs are frozen embeddings: no gradient of q, k, v and their adapters goes back to them.
  const first = 2 * TOKENS * (WIDTH * (WIDTH + 2 * 192) + 3 * rank * WIDTH);
  const expected = (4 * (LAYERS * LAYER + HEAD) + 6 * LAYERS * adapter) * TOKENS + ATTENTION - first;
  expect(model).toBe(expected);
});

test("MiniLM projects the labelled positions only", () => {
  const { model } = stepFlops(trainStepTask("minilm", []), {});
  const [tokens, sequence, layers, width, labelled] = [32 * 128, 128, 6, 384, Math.round(0.15 * 32 * 128)];
  const layer = 4 * width * width + 2 * width * 1536;
  const head = labelled * (width * width + 30_522 * width);
  const biasGradient = 2 * labelled * 30_522;
  const attention = 12 * layers * width * sequence * tokens;
  expect(model).toBe(6 * (layers * layer * tokens + head) + attention + biasGradient);
});
