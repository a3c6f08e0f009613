/** What a train-step benchmark needs to state GFLOP/s: operations from the graph, and products to measure the peak with. */
import type { RegionKind } from "../../src/graph/ir.ts";
import { stepFlops } from "../../src/train/index.ts";
import type { Benchmark, Product } from "../subject.ts";
import { trainStepTask } from "./train-step-shapes.ts";

/** Large enough that nothing but arithmetic counts. */
const LARGE_PRODUCT: Product = [2048, 2048, 2048];

/** @param own products of the model's layers */
export function trainStepThroughput(
  shape: string,
  own: readonly Product[],
): NonNullable<Benchmark["throughput"]> {
  return { flopsPerUnit: stepFlops(trainStepTask(shape, []), {}).model, products: [LARGE_PRODUCT, ...own] };
}

/** Operations of a step that computes regions twice. */
export const executedStepFlops = (shape: string, recompute: readonly RegionKind[]): number =>
  stepFlops(trainStepTask(shape, recompute), {}).executed;
