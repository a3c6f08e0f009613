/**
 * Attention of new tokens over older ones, whose keys and values are kept outside of the graph, and over one another:
 * softmax(scale q [keys, k]^T + bias) [values, v], scores soft-capped before the bias where a cap is given. Queries that
 * share a key/value head read it where it lies: nothing is repeated, and the cache is never copied.
 *
 * Shapes: q f32 [B, N, T, D], k and v f32 [B, K, T, D], keys and values f32 [B, K, S, D] with S at least 1, bias f32
 * [B, 1 or N, T, S + T], y f32 [B, N, T, D]; N is a multiple of K.
 */
import { sizeOf, staticShape } from "../../tensor/shape.ts";
import type { Attributes, TensorType } from "../ir.ts";
import { defineOp, type OnnxEmitter, type OpDefinition, type ReferenceTensor } from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { outputLike } from "./reference.ts";

interface CachedAttentionAttributes {
  /** Factor on q k^T. */
  readonly scale: number;
  /** Cap on the scores; 0 caps nothing. */
  readonly softcap: number;
}

function read(attributes: Attributes): CachedAttentionAttributes {
  return {
    scale: numberAttribute("cached_attention", attributes, "scale"),
    softcap: numberAttribute("cached_attention", attributes, "softcap"),
  };
}

function inferTypes(inputs: readonly TensorType[]): readonly TensorType[] {
  const [q, k, v, keys, values, bias] = [0, 1, 2, 3, 4, 5].map((index) =>
    inputAt("cached_attention", inputs, index, "float32"),
  ) as [TensorType, TensorType, TensorType, TensorType, TensorType, TensorType];
  const [batch, heads, tokens, headWidth] = q.shape;
  const [, keyHeads] = k.shape;
  const isLegal =
    q.shape.length === 4 &&
    Number(heads) % Number(keyHeads) === 0 &&
    k.shape.join() === [batch, keyHeads, tokens, headWidth].join() &&
    v.shape.join() === k.shape.join() &&
    keys.shape.join() === [batch, keyHeads, keys.shape[2], headWidth].join() &&
    values.shape.join() === keys.shape.join() &&
    [1, heads].includes(bias.shape[1]) &&
    bias.shape.join() === [batch, bias.shape[1], tokens, bias.shape[3]].join();
  if (!isLegal) {
    throw shapeMismatch(
      "cached_attention",
      "q[B, N, T, D], k and v[B, K, T, D], keys and values[B, K, S, D], bias[B, 1 or N, T, S + T]",
      inputs,
    );
  }
  return [q];
}

function emitSoftcap(emitter: OnnxEmitter, scores: string, cap: number): string {
  if (cap === 0) return scores;
  const [small] = emitter.node("Mul", [scores, emitter.float(1 / cap)]);
  const [bent] = emitter.node("Tanh", [small!]);
  return emitter.node("Mul", [bent!, emitter.float(cap)])[0]!;
}

function evaluate(
  inputs: readonly ReferenceTensor[],
  attributes: Attributes,
  types: readonly TensorType[],
): ReferenceTensor[] {
  const { scale, softcap } = read(attributes);
  const [q, k, v, keys, values, bias] = inputs.map(({ data }) => data) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [batch, heads, tokens, width] = inputs[0]!.shape as [number, number, number, number];
  const [, keyHeads, older] = inputs[3]!.shape as [number, number, number, number];
  const biasHeads = inputs[5]!.shape[1]!;
  const y = outputLike(types[0]);
  for (let row = 0; row < batch * heads * tokens; row++) {
    const token = row % tokens;
    const sequence = Math.floor(row / tokens / heads);
    const head = Math.floor((Math.floor(row / tokens) % heads) / (heads / keyHeads));
    const group = sequence * keyHeads + head;
    const biasHead = sequence * biasHeads + (Math.floor(row / tokens) % biasHeads);
    const place = (key: number, past: Float64Array, now: Float64Array): Float64Array => {
      const start = key < older ? (group * older + key) * width : (group * tokens + key - older) * width;
      return (key < older ? past : now).subarray(start, start + width);
    };
    const scores = Array.from({ length: older + tokens }, (_, key) => {
      const cached = place(key, keys, k);
      let score = 0;
      for (let i = 0; i < width; i++) score += scale * q[row * width + i]! * cached[i]!;
      const capped = softcap === 0 ? score : softcap * Math.tanh(score / softcap);
      return capped + bias[(biasHead * tokens + token) * (older + tokens) + key]!;
    });
    const highest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - highest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [key, weight] of weights.entries()) {
      const cached = place(key, values, v);
      for (let i = 0; i < width; i++) y.data[row * width + i]! += (weight / total) * cached[i]!;
    }
  }
  return [y];
}

const cachedAttention = defineOp({
  name: "cached_attention",
  arity: 6,
  inferTypes,
  gradient: { none: "keys and values of older tokens are constants; training attends to whole sequences" },
  lower: (emitter, { inputs, inputTypes, outputs, attributes }) => {
    const { scale, softcap } = read(attributes);
    const [q, k, v, keys, values, bias] = inputs as [string, string, string, string, string, string];
    const [, heads, , headWidth] = inputTypes[0]!.shape.map(Number) as [number, number, number, number];
    const keyHeads = Number(inputTypes[1]!.shape[1]);
    const reshape = (x: string, target: readonly number[]): string =>
      emitter.node("Reshape", [x, emitter.int64(target)])[0]!;
    const product = (a: string, b: string, transB: number, alpha: number): string =>
      emitter.node("FusedMatMul", [a, b], {
        domain: "com.microsoft",
        attributes: { transA: { int: 0 }, transB: { int: transB }, alpha: { float: alpha } },
      })[0]!;
    const slice = (x: string, from: string, to: string): string =>
      emitter.node("Slice", [x, from, to, emitter.int64([3])])[0]!;
    const axis = { axis: { int: 3 } };
    // Queries of a key/value head lie next to one another: one taller product.
    const grouped = reshape(q, [0, keyHeads, -1, headWidth]);
    const parts = [product(grouped, keys, 1, scale), product(grouped, k, 1, scale)];
    const [scores] = emitter.node("Concat", parts, { attributes: axis });
    const perHead = emitSoftcap(emitter, reshape(scores!, [0, heads, -1, 0]), softcap);
    const [biased] = emitter.node("Add", [perHead, bias]);
    const [weights] = emitter.node("Softmax", [biased!], { attributes: { axis: { int: -1 } } });
    const groupedWeights = reshape(weights!, [0, keyHeads, -1, 0]);
    const [older] = emitter.node("Shape", [keys], { attributes: { start: { int: 2 }, end: { int: 3 } } });
    const past = product(slice(groupedWeights, emitter.int64([0]), older!), values, 0, 1);
    const now = product(slice(groupedWeights, older!, emitter.int64([2 ** 31])), v, 0, 1);
    const [mixed] = emitter.node("Add", [past, now]);
    emitter.node("Reshape", [mixed!, emitter.int64([0, heads, -1, headWidth])], { outputs });
  },
  evaluate,
  // q k^T and weights v, each over S + T keys
  productFlops: ({ inputTypes }) => 4 * sizeOf(inputTypes[0]!.shape) * staticShape(inputTypes[5]!.shape)[3]!,
  traits: { isElementwise: false, isRecomputed: false },
});

export const CACHED_ATTENTION_OPS: readonly OpDefinition[] = [cachedAttention];
