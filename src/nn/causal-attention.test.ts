/** Causal attention by blocks against attention over all scores: values and gradients. */
import { expect, test } from "vitest";
import { gradients } from "../graph/autodiff.ts";
import * as ops from "../graph/functions.ts";
import { Graph, type Value } from "../graph/ir.ts";
import { createOrtBackend } from "../runtime/index.ts";
import { float32, type HostTensor } from "../tensor/host-tensor.ts";
import { RandomStream } from "../tensor/random.ts";
import { attention, MASKED_BIAS } from "./attention.ts";
import { biasBlocks, blockEnds, causalAttention } from "./causal-attention.ts";

const [BATCH, HEADS, KEY_HEADS, TOKENS, WIDTH] = [2, 4, 2, 256, 3];

test.each([
  [1, [1]],
  [255, [255]],
  [256, [128, 256]],
  [400, [134, 267, 400]],
  [4096, [512, 1024, 1536, 2048, 2560, 3072, 3584, 4096]],
])("%i tokens end their blocks at %j", (tokens, ends) => expect(blockEnds(tokens)).toEqual(ends));

function randomTensor(shape: readonly number[], stream: number): HostTensor {
  const random = new RandomStream({ seed: 1, stream });
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return float32(
    shape,
    Float32Array.from({ length: size }, () => random.nextNormal()),
  );
}

/** Two packed texts in the first row, padding on the left of the second. */
function packedBias(): Float32Array {
  const isSeen = (row: number, query: number, key: number): boolean =>
    key <= query && (row === 0 ? key >= 100 === query >= 100 : key >= 20);
  return Float32Array.from({ length: BATCH * TOKENS * TOKENS }, (_, flat) => {
    const [row, inRow] = [Math.floor(flat / TOKENS ** 2), flat % TOKENS ** 2];
    return isSeen(row, Math.floor(inRow / TOKENS), inRow % TOKENS) ? 0 : MASKED_BIAS;
  });
}

type Mix = (q: Value, k: Value, v: Value, bias: Value) => Value;

async function run(mix: Mix, biasTensor: HostTensor) {
  const graph = new Graph();
  const heads = (name: string, count: number): Value => graph.parameter(name, [BATCH, count, TOKENS, WIDTH]);
  const [q, k, v] = [heads("q", HEADS), heads("k", KEY_HEADS), heads("v", KEY_HEADS)];
  const bias = graph.input("bias", "float32", biasTensor.shape);
  const output = mix(q, k, v, bias);
  // Padding queries see nothing: their even weights differ, and nothing reads them.
  const read = ops.mul(output, graph.input("read", "float32", [BATCH, HEADS, TOKENS, WIDTH]));
  const [dq, dk, dv] = gradients(ops.sumAll(ops.mul(read, read)), [q, k, v]);
  const executable = await createOrtBackend({ threads: 1 }).compile(graph, {
    mixed: read,
    dq: dq!,
    dk: dk!,
    dv: dv!,
  });
  const isRead = Float32Array.from({ length: BATCH * HEADS * TOKENS * WIDTH }, (_, flat) =>
    flat < HEADS * TOKENS * WIDTH || Math.floor(flat / WIDTH) % TOKENS >= 20 ? 1 : 0,
  );
  return executable.run({
    q: randomTensor([BATCH, HEADS, TOKENS, WIDTH], 1),
    k: randomTensor([BATCH, KEY_HEADS, TOKENS, WIDTH], 2),
    v: randomTensor([BATCH, KEY_HEADS, TOKENS, WIDTH], 3),
    bias: biasTensor,
    read: float32([BATCH, HEADS, TOKENS, WIDTH], isRead),
  });
}

const causal = Float32Array.from({ length: TOKENS * TOKENS }, (_, flat) =>
  flat % TOKENS > Math.floor(flat / TOKENS) ? MASKED_BIAS : 0,
);

test.each([
  ["plain", float32([1, 1, TOKENS, TOKENS], causal)],
  ["packed and padded", float32([BATCH, 1, TOKENS, TOKENS], packedBias())],
])("%s rows", async (_name, bias) => {
  for (const settings of [{}, { scale: 0.7, softcap: 2 }]) {
    const whole = await run((q, k, v, b) => attention(q, k, v, b, 0, settings), bias);
    const blocks = await run((q, k, v, b) => causalAttention(q, k, v, biasBlocks(b), 0, settings), bias);
    for (const name of ["mixed", "dq", "dk", "dv"]) {
      const [expected, received] = [whole[name]!.data as Float32Array, blocks[name]!.data as Float32Array];
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const error = expected.reduce(
        (most, value, index) => Math.max(most, Math.abs(value - received[index]!)),
        0,
      );
      expect(largest).toBeGreaterThan(0.1);
      expect(error / largest).toBeLessThan(1e-5);
    }
  }
});
