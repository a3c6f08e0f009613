/**
 * Attention of new tokens over a key/value cache that lives outside of the graph: grouped heads, a causal mask and
 * optionally a sliding window. Queries that share a key/value head read it where it lies; nothing is repeated.
 *
 * Shapes: D is a multiple of 8; q f32 [B, T, N*D], k and v f32 [B, T, K*D], caches f32 [B, K, S, D], last i32 [B], length i32 [].
 * Row b has `last[b] + 1` tokens after this step, its new ones last; rows with T > 1 new tokens behind older ones are
 * given alone (B = 1). `length` is the largest `last[b] + 1`. Outputs: y [B, T, N*D] and both caches with the new
 * keys and values written behind the old ones; a runner that is given the same memory for a cache's input and output
 * writes in place and copies nothing. What the caches hold behind a row's last token is undefined.
 */
import type { Attributes, TensorType } from "../ir.ts";
import { defineOp, type OpDefinition, type ReferenceTensor } from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { outputLike } from "./reference.ts";

interface CachedAttentionAttributes {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly scale: number;
  /** 0 caps nothing. */
  readonly softcap: number;
  /** Positions a query sees, itself included; 0 sees all. */
  readonly window: number;
}

function read(attributes: Attributes): CachedAttentionAttributes {
  const number = (name: string): number => numberAttribute("cached_attention", attributes, name);
  return {
    heads: number("heads"),
    keyValueHeads: number("keyValueHeads"),
    scale: number("scale"),
    softcap: number("softcap"),
    window: number("window"),
  };
}

function inferTypes(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[] {
  const float = (index: number): TensorType => inputAt("cached_attention", inputs, index, "float32");
  const [q, k, v, keys, values] = [float(0), float(1), float(2), float(3), float(4)];
  const last = inputAt("cached_attention", inputs, 5, "int32");
  const length = inputAt("cached_attention", inputs, 6, "int32");
  const { heads, keyValueHeads } = read(attributes);
  const [batch, , , headWidth] = keys.shape;
  const [, tokens] = q.shape;
  const isLegal =
    keys.shape.length === 4 &&
    keys.shape[1] === keyValueHeads &&
    heads % keyValueHeads === 0 &&
    Number(headWidth) % 8 === 0 &&
    q.shape.join() === [batch, tokens, heads * Number(headWidth)].join() &&
    k.shape.join() === [batch, tokens, keyValueHeads * Number(headWidth)].join() &&
    v.shape.join() === k.shape.join() &&
    values.shape.join() === keys.shape.join() &&
    last.shape.join() === `${batch}` &&
    length.shape.length === 0;
  if (!isLegal) {
    throw shapeMismatch(
      "cached_attention",
      "q[B, T, N*D], k and v[B, T, K*D], caches[B, K, S, D], last[B], length[], D a multiple of 8",
      inputs,
    );
  }
  return [q, keys, values];
}

const capped = (score: number, cap: number): number => (cap === 0 ? score : cap * Math.tanh(score / cap));

function evaluate(
  inputs: readonly ReferenceTensor[],
  attributes: Attributes,
  types: readonly TensorType[],
): ReferenceTensor[] {
  const { heads, keyValueHeads, scale, softcap, window } = read(attributes);
  const [q, k, v, oldKeys, oldValues, last] = inputs as readonly [
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
  ];
  const [batch, tokens] = q.shape as [number, number];
  const [, , capacity, width] = oldKeys.shape as [number, number, number, number];
  const y = outputLike(types[0]);
  const caches = [oldKeys, oldValues].map((cache) => ({ ...cache, data: Float64Array.from(cache.data) }));
  const [keys, values] = caches as [ReferenceTensor, ReferenceTensor];
  for (let row = 0; row < batch; row++) {
    const first = last.data[row]! + 1 - tokens;
    for (let token = 0; token < tokens; token++) {
      for (let head = 0; head < keyValueHeads; head++) {
        const from = ((row * tokens + token) * keyValueHeads + head) * width;
        const to = ((row * keyValueHeads + head) * capacity + first + token) * width;
        keys.data.set(k.data.subarray(from, from + width), to);
        values.data.set(v.data.subarray(from, from + width), to);
      }
    }
    for (let token = 0; token < tokens; token++) {
      const position = first + token;
      const oldest = window === 0 ? 0 : Math.max(0, position - window + 1);
      for (let head = 0; head < heads; head++) {
        const query = ((row * tokens + token) * heads + head) * width;
        const group = Math.floor((head * keyValueHeads) / heads);
        const cached = (row * keyValueHeads + group) * capacity * width;
        const weights: number[] = [];
        for (let key = oldest; key <= position; key++) {
          let score = 0;
          for (let i = 0; i < width; i++) score += q.data[query + i]! * keys.data[cached + key * width + i]!;
          weights.push(capped(scale * score, softcap));
        }
        const highest = Math.max(...weights);
        const exponentials = weights.map((weight) => Math.exp(weight - highest));
        const total = exponentials.reduce((sum, value) => sum + value, 0);
        for (const [index, value] of exponentials.entries()) {
          const source = cached + (oldest + index) * width;
          for (let i = 0; i < width; i++) y.data[query + i]! += (value / total) * values.data[source + i]!;
        }
      }
    }
  }
  return [y, keys, values];
}

const cachedAttention = defineOp({
  name: "cached_attention",
  arity: 7,
  inferTypes,
  gradient: { none: "the cache is overwritten in place; training attends to whole sequences instead" },
  lower: (emitter, { inputs, outputs, attributes }) => {
    const { heads, keyValueHeads, scale, softcap, window } = read(attributes);
    emitter.node("GroupQueryAttention", inputs, {
      outputs,
      domain: "com.microsoft",
      attributes: {
        num_heads: { int: heads },
        kv_num_heads: { int: keyValueHeads },
        scale: { float: scale },
        ...(softcap !== 0 && { softcap: { float: softcap } }),
        ...(window !== 0 && { local_window_size: { int: window } }),
      },
    });
  },
  evaluate,
  traits: { isElementwise: false, isRecomputed: false },
});

export const CACHED_ATTENTION_OPS: readonly OpDefinition[] = [cachedAttention];
