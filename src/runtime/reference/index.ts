/**
 * The reference backend: evaluates a graph node by node in float64, for checking the others and for gradient
 * checks by finite differences. Slow on purpose; never used in training.
 */
import { type Graph, inputName, reachableNodes, type Value } from "../../graph/ir.ts";
import type { ReferenceTensor } from "../../graph/op.ts";
import { opDefinition } from "../../graph/op-table.ts";
import { validateGraph } from "../../graph/validate.ts";
import { allocate } from "../../tensor/dtype.ts";
import { decodeFloat16 } from "../../tensor/float16.ts";
import type { HostTensor } from "../../tensor/host-tensor.ts";
import { staticShape } from "../../tensor/shape.ts";
import type { Backend, Executable, Feeds, Results } from "../backend.ts";
import { checkFeeds } from "../check-feeds.ts";

/** Evaluates `outputs` in float64 from float64 inputs: what gradient checks need, where float32 would be too coarse. */
export function evaluateReference(
  graph: Graph,
  outputs: readonly Value[],
  feeds: Readonly<Record<string, Float64Array>>,
): ReferenceTensor[] {
  const tensors = new Map<Value, ReferenceTensor>();
  for (const input of graph.inputs) {
    const data = feeds[inputName(input)];
    if (data) tensors.set(input, { dtype: input.dtype, shape: staticShape(input.shape), data });
  }
  for (const constant of graph.constants) {
    if (constant.source.origin !== "constant") continue;
    const data = Float64Array.from(constant.source.data);
    tensors.set(constant, { dtype: constant.dtype, shape: staticShape(constant.shape), data });
  }
  for (const node of reachableNodes(graph, outputs)) {
    const inputs = node.inputs.map((input) => tensors.get(input)!);
    const results = opDefinition(node.op).evaluate(inputs, node.attributes, node.outputs);
    for (const [index, output] of node.outputs.entries()) tensors.set(output, results[index]!);
  }
  return outputs.map((output) => tensors.get(output)!);
}

function doublesOf({ dtype, data }: HostTensor): Float64Array {
  return Float64Array.from(dtype === "float16" ? decodeFloat16(data as Uint16Array) : data);
}

function toHost(tensor: ReferenceTensor, into: HostTensor | undefined): HostTensor {
  const host = into ?? { ...tensor, data: allocate(tensor.dtype, tensor.data.length) };
  host.data.set(tensor.data);
  return host;
}

export function createReferenceBackend(): Backend {
  return {
    name: "reference",
    compile: async (graph, outputs): Promise<Executable> => {
      const names = Object.keys(outputs);
      const values = Object.values(outputs);
      validateGraph(graph, values);
      const used = new Set(
        reachableNodes(graph, values)
          .flatMap((node) => node.inputs)
          .concat(values),
      );
      const inputs = graph.inputs.filter((input) => used.has(input));
      return {
        run: async (feeds: Feeds, into: Results = {}): Promise<Results> => {
          checkFeeds(inputs, feeds);
          const doubles = Object.fromEntries(
            Object.entries(feeds).map(([name, feed]) => [name, doublesOf(feed)]),
          );
          const results = evaluateReference(graph, values, doubles);
          return Object.fromEntries(names.map((name, index) => [name, toHost(results[index]!, into[name])]));
        },
        dispose: async () => {},
      };
    },
  };
}
