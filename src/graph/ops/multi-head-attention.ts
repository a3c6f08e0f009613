/**
 * Attention of whole sequences to themselves or to others, all heads side by side in one tensor:
 * softmax(scale q k^T) v for every head; nothing is masked.
 *
 * Shapes: q f32 [B, T, H], k and v f32 [B, S, H] -> f32 [B, T, H]. Head n owns columns n D .. (n + 1) D with
 * D = H / heads. Without a mask ONNX Runtime's kernel never holds the scores of all keys (arXiv 2205.14135).
 */
import type { Attributes, TensorType } from "../ir.ts";
import { defineOp, type OpDefinition, type ReferenceTensor } from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { outputLike } from "./reference.ts";

const NAME = "multi_head_attention";

const read = (attributes: Attributes): { readonly heads: number; readonly scale: number } => ({
  heads: numberAttribute(NAME, attributes, "heads"),
  scale: numberAttribute(NAME, attributes, "scale"),
});

function inferTypes(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[] {
  const [q, k, v] = [0, 1, 2].map((index) => inputAt(NAME, inputs, index, "float32")) as [
    TensorType,
    TensorType,
    TensorType,
  ];
  const [batch, , width] = q.shape;
  const isLegal =
    q.shape.length === 3 &&
    k.shape.length === 3 &&
    k.shape[0] === batch &&
    k.shape[2] === width &&
    v.shape.join() === k.shape.join() &&
    Number(width) % read(attributes).heads === 0;
  if (!isLegal) throw shapeMismatch(NAME, "q[B, T, H], k and v[B, S, H] with H in whole heads", inputs);
  return [q];
}

function evaluate(
  inputs: readonly ReferenceTensor[],
  attributes: Attributes,
  types: readonly TensorType[],
): ReferenceTensor[] {
  const { heads, scale } = read(attributes);
  const [q, k, v] = inputs as [ReferenceTensor, ReferenceTensor, ReferenceTensor];
  const [batch, tokens, width] = q.shape as [number, number, number];
  const keys = k.shape[1]!;
  const headWidth = width / heads;
  const y = outputLike(types[0]);
  for (let row = 0; row < batch * tokens * heads; row++) {
    const sequence = Math.floor(row / heads / tokens);
    const column = (row % heads) * headWidth;
    const query = Math.floor(row / heads) * width + column;
    const key = (index: number): number => (sequence * keys + index) * width + column;
    const scores = Array.from({ length: keys }, (_, index) => {
      let score = 0;
      for (let i = 0; i < headWidth; i++) score += scale * q.data[query + i]! * k.data[key(index) + i]!;
      return score;
    });
    const highest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - highest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, weight] of weights.entries()) {
      for (let i = 0; i < headWidth; i++) y.data[query + i]! += (weight / total) * v.data[key(index) + i]!;
    }
  }
  return [y];
}

const multiHeadAttention = defineOp({
  name: NAME,
  arity: 3,
  inferTypes,
  gradient: { none: "for inference; training builds attention from products whose parts can be made again" },
  lower: (emitter, { inputs, outputs, attributes }) => {
    const { heads, scale } = read(attributes);
    emitter.node("MultiHeadAttention", inputs, {
      outputs,
      domain: "com.microsoft",
      attributes: { num_heads: { int: heads }, scale: { float: scale } },
    });
  },
  evaluate,
  traits: { isElementwise: false, isRecomputed: false },
});

export const MULTI_HEAD_ATTENTION_OPS: readonly OpDefinition[] = [multiHeadAttention];
