/** Nodes that the WebGPU provider takes but computes wrongly, put in other words. */
import type { OnnxGraph, OnnxInitializer, OnnxNode } from "../../onnx/model.ts";
import { assert } from "../../support/errors.ts";

/**
 * ONNX Runtime 1.30's WebGPU kernel of SimplifiedLayerNormalization leaves its second output, the inverse root mean
 * square that the gradient reads, unwritten. It becomes 1 / sqrt(mean(x^2) + epsilon) in nodes of its own.
 */
export function rewriteForWebGpu(graph: OnnxGraph): OnnxGraph {
  const initializers: OnnxInitializer[] = [...graph.initializers];
  const nodes = graph.nodes.flatMap((node) => {
    if (node.opType !== "SimplifiedLayerNormalization" || node.outputs.length < 2) return [node];
    const [x, inverse] = [node.inputs[0]!, node.outputs[1]!];
    const { epsilon } = node.attributes;
    assert(epsilon && "float" in epsilon, "SimplifiedLayerNormalization states its epsilon");
    const name = (part: string): string => `${inverse}.${part}`;
    initializers.push({
      name: name("epsilon"),
      dtype: "float32",
      shape: [],
      bytes: new Uint8Array(Float32Array.of(epsilon.float).buffer),
    });
    return [
      { ...node, outputs: [node.outputs[0]!] },
      plainNode("Mul", [x, x], name("square")),
      {
        ...plainNode("ReduceMean", [name("square")], name("mean")),
        attributes: { axes: { ints: [-1] }, keepdims: { int: 1 } },
      },
      plainNode("Add", [name("mean"), name("epsilon")], name("sum")),
      plainNode("Sqrt", [name("sum")], name("root")),
      plainNode("Reciprocal", [name("root")], inverse),
    ];
  });
  return { ...graph, nodes, initializers };
}

function plainNode(opType: string, inputs: readonly string[], output: string): OnnxNode {
  return { opType, domain: "", inputs, outputs: [output], attributes: {} };
}
