/**
 * One float32 matrix product in ONNX Runtime, over and over: what the machine can do at most.
 *
 *   matrix-product.ts ROWS INNER COLUMNS [--threads N]
 */
import { parseArgs } from "node:util";
import { ops } from "../../src/graph/index.ts";
import { Graph } from "../../src/graph/ir.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { zeros } from "../../src/tensor/host-tensor.ts";
import { RandomStream, streamOf } from "../../src/tensor/random.ts";
import { answerRounds } from "./answer-rounds.ts";

/** Enough of them to last some tenths of a second. */
const FLOPS_PER_ROUND = 4e10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: "string", default: "2" } },
});
const [rows, inner, columns] = positionals.map(Number) as [number, number, number];
const repeats = Math.max(1, Math.round(FLOPS_PER_ROUND / (2 * rows * inner * columns)));

const graph = new Graph();
const product = ops.matmul(
  graph.input("a", "float32", [rows, inner]),
  graph.input("b", "float32", [inner, columns]),
);
const executable = await createOrtBackend({ threads: Number(values.threads) }).compile(graph, { product });
const random = new RandomStream({ seed: 0, stream: streamOf("matrix product") });
const feeds = { a: zeros("float32", [rows, inner]), b: zeros("float32", [inner, columns]) };
for (const { data } of Object.values(feeds))
  for (let i = 0; i < data.length; i++) data[i] = random.nextUniform();
const into = { product: zeros("float32", [rows, columns]) };

const multiply = async (): Promise<void> => {
  for (let repeat = 0; repeat < repeats; repeat++) await executable.run(feeds, into);
};
await multiply();
await answerRounds({}, async () => {
  const startedAt = performance.now();
  await multiply();
  return (performance.now() - startedAt) / 1000 / repeats;
});
