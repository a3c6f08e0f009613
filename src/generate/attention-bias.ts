/** Which older and new tokens each new token sees, as a bias on attention scores. */
import { MASKED_BIAS } from "../nn/index.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";

/**
 * Bias f32 [B, 1, T, places + T]: 0 for the sequence's own tokens up to the new one itself, {@link MASKED_BIAS} for
 * empty places, for later tokens and for those `window` or more positions back.
 *
 * @param starts tokens that each sequence holds already, at the first places
 * @param tokens new tokens of each sequence
 */
export function cachedAttentionBias(
  starts: ArrayLike<number>,
  tokens: number,
  places: number,
  window: number | undefined,
): Float32Tensor {
  const seen = places + tokens;
  const bias = new Float32Array(starts.length * tokens * seen).fill(MASKED_BIAS);
  for (let row = 0; row < starts.length; row++) {
    const start = starts[row]!;
    for (let token = 0; token < tokens; token++) {
      const from = (row * tokens + token) * seen;
      const oldest = window === undefined ? 0 : Math.max(0, start + token - window + 1);
      bias.fill(0, from + Math.min(oldest, start), from + start);
      bias.fill(0, from + places + Math.max(0, oldest - start), from + places + token + 1);
    }
  }
  return float32([starts.length, 1, tokens, seen], bias);
}
