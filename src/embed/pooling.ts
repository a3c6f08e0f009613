/**
 * Pooling of hidden states [T, H] to a vector, in the modes of sentence-transformers. All but "max" are weighted sums
 * over the tokens, so that one product computes any number of them.
 */

export const POOLING_MODES = [
  "cls",
  "max",
  "mean",
  "mean_sqrt_len_tokens",
  "weightedmean",
  "lasttoken",
] as const;

/**
 * Over the pooled tokens t = s .. T - 1, where s > 0 only if a prompt is left out: "cls" h_s, "lasttoken" h_{T-1},
 * "mean" sum h_t / n with n = T - s, "mean_sqrt_len_tokens" sum h_t / sqrt(n), "weightedmean" sum (t + 1) h_t over the
 * sum of the t + 1 (SGPT, arXiv 2202.08904, section 3.1.1), "max" the largest value of each column.
 */
export type PoolingMode = (typeof POOLING_MODES)[number];

/** The modes that are weighted sums. */
export const weightedModes = (modes: readonly PoolingMode[]): readonly PoolingMode[] =>
  modes.filter((mode) => mode !== "max");

/**
 * Weights of the tokens, one row of `tokens` a weighted mode.
 *
 * @param modes see {@link weightedModes}
 * @param from first pooled token; all are pooled where none would be left
 */
export function poolingWeights(modes: readonly PoolingMode[], tokens: number, from: number): Float32Array {
  const start = from < tokens ? from : 0;
  const count = tokens - start;
  const weights = new Float32Array(modes.length * tokens);
  const positions = (tokens * (tokens + 1) - start * (start + 1)) / 2;
  for (const [row, mode] of modes.entries()) {
    const of = weights.subarray(row * tokens, (row + 1) * tokens);
    switch (mode) {
      case "cls":
        of[start] = 1;
        break;
      case "lasttoken":
        of[tokens - 1] = 1;
        break;
      case "mean":
        of.fill(1 / count, start);
        break;
      case "mean_sqrt_len_tokens":
        of.fill(1 / Math.sqrt(count), start);
        break;
      case "weightedmean":
        for (let token = start; token < tokens; token++) of[token] = (token + 1) / positions;
        break;
      case "max":
        throw new Error("internal: max is no weighted sum");
    }
  }
  return weights;
}
