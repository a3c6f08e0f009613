/** What a legal graph is, stated as checks. Run after building in tests and before every compilation. */
import { TuttiError } from "../support/errors.ts";
import { sameShape } from "../tensor/shape.ts";
import { type Graph, inputName, reachableNodes, type Value } from "./ir.ts";
import { opDefinition } from "./op-table.ts";
import { formatType } from "./ops/check.ts";

function fail(message: string): never {
  throw new TuttiError("GRAPH_INVALID", message, {
    hint: "build graphs with the op functions; they infer types and keep the order legal",
  });
}

/**
 * Checks that every node's op exists and has the right number of inputs, every input is defined before it is
 * used and belongs to this graph, recorded types equal inferred ones, input names are unique, and outputs exist.
 *
 * @throws {TuttiError} GRAPH_INVALID naming the node
 */
export function validateGraph(graph: Graph, outputs: readonly Value[]): void {
  const names = graph.inputs.map(inputName);
  if (new Set(names).size !== names.length) fail("two graph inputs share a name");
  const defined = new Set<Value>([...graph.inputs, ...graph.constants]);
  const live = new Set(reachableNodes(graph, outputs));
  for (const node of graph.nodes) {
    if (live.has(node)) {
      for (const input of node.inputs) {
        if (!defined.has(input)) fail(`${node.op}: input %${input.id} is used before it is defined`);
      }
      const inferred = opDefinition(node.op).inferTypes(node.inputs, node.attributes);
      if (inferred.length !== node.outputs.length) fail(`${node.op}: records ${node.outputs.length} outputs`);
      for (const [index, output] of node.outputs.entries()) {
        const type = inferred[index]!;
        if (type.dtype !== output.dtype || !sameShape(type.shape, output.shape)) {
          fail(
            `${node.op}: output ${index} is recorded as ${formatType(output)}, inferred ${formatType(type)}`,
          );
        }
      }
    }
    for (const output of node.outputs) defined.add(output);
  }
  for (const output of outputs) {
    if (!defined.has(output)) fail(`output %${output.id} is not defined in this graph`);
  }
}
