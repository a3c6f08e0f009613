/** How many floating-point operations a graph's matrix products take, counted from the op table and the shapes. */
import { type Graph, reachableNodes, type Value } from "./ir.ts";
import { opDefinition } from "./op-table.ts";

/**
 * Operations of all matrix products that `outputs` depend on; a multiply-add counts as two. Everything else is left out,
 * as is usual: it is limited by memory, not by arithmetic. Masked parts of attention are counted as far as they are
 * computed.
 *
 * @throws {TuttiError} SHAPE_MISMATCH when a product has a symbolic dimension
 */
export function productFlops(graph: Graph, outputs: readonly Value[]): number {
  const nodes = reachableNodes(graph, outputs);
  const read = new Set<Value>([...outputs, ...nodes.flatMap(({ inputs }) => inputs)]);
  return nodes.reduce((sum, { op, inputs, outputs: made, attributes }) => {
    const isRead = made.map((value) => read.has(value));
    const context = { inputTypes: inputs, outputTypes: made, attributes, isRead };
    return sum + (opDefinition(op).productFlops?.(context) ?? 0);
  }, 0);
}
