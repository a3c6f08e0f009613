/** Clipping of gradients by their global norm (Pascanu et al., arXiv 1211.5063, algorithm 1). */
import { createBreather, inPieces } from "../support/event-loop.ts";
import { sumOfSquares } from "./simd/vector-kernel.ts";

/** Euclidean norm over all arrays together. */
export async function globalNorm(gradients: Iterable<Float32Array>): Promise<number> {
  const breathe = createBreather();
  let total = 0;
  for (const gradient of gradients) {
    await inPieces(breathe, gradient.length, (start, end) => {
      total += sumOfSquares(gradient.subarray(start, end));
    });
  }
  return Math.sqrt(total);
}

/** min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_; 1 when clipping is off (maxNorm 0). */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
}
