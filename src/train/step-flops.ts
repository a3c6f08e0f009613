/** Floating-point operations of a training step: what throughput in GFLOP/s is reckoned with. */
import type { RegionKind } from "../graph/ir.ts";
import { productFlops } from "../graph/product-flops.ts";
import { buildStep } from "./compiled-steps.ts";
import type { Bucket, TrainingTask } from "./task.ts";

export interface StepFlops {
  /** Of forward and backward pass, each value made once: what the mathematics asks for. */
  readonly model: number;
  /** With what is made again in the backward pass: what the machine does. */
  readonly executed: number;
}

/**
 * Counts the matrix products of one micro-batch, see {@link productFlops}. The two counts are the model and hardware FLOPs
 * of Chowdhery et al., "PaLM" (arXiv 2204.02311), appendix B; for a decoder with all parameters trained the first is
 * at most 6 N T + 12 L H Q T S for N matrix parameters, T tokens, L layers of H heads of width Q, and S tokens a sequence.
 *
 * @throws what the task's `build` throws
 */
export function stepFlops(task: TrainingTask, bucket: Bucket): StepFlops {
  const count = (recompute: readonly RegionKind[]): number => {
    const { graph, named } = buildStep({ ...task, recompute }, bucket);
    return productFlops(graph, Object.values(named));
  };
  return { model: count([]), executed: count(task.recompute ?? []) };
}
