/** Nodes that the WebGPU provider takes but cannot do right, put in other words or given to the CPU. */
import type { OnnxGraph, OnnxInitializer, OnnxNode } from "../../onnx/model.ts";
import { assert } from "../../support/errors.ts";

export interface WebGpuGraph {
  readonly graph: OnnxGraph;
  /** Names of the nodes that must run on the CPU. */
  readonly cpuNodeNames: readonly string[];
}

/**
 * What ONNX Runtime 1.30 needs:
 *
 * - SimplifiedLayerNormalization leaves its second output, the inverse root mean square that the gradient reads,
 *   unwritten. It becomes 1 / sqrt(mean(x^2) + epsilon) in nodes of its own.
 * - A Cast from float16 is taken also where the GPU has no 16-bit floats, and fails when it runs. It goes to the CPU.
 */
export function rewriteForWebGpu(graph: OnnxGraph): WebGpuGraph {
  const initializers: OnnxInitializer[] = [...graph.initializers];
  const halves = new Set(graph.inputs.filter(({ dtype }) => dtype === "float16").map(({ name }) => name));
  const cpuNodeNames: string[] = [];
  const nodes = graph.nodes.flatMap((node) => {
    if (node.opType === "SimplifiedLayerNormalization" && node.outputs.length > 1) {
      const { nodes: separate, epsilon } = separateInverse(node);
      initializers.push(epsilon);
      return separate;
    }
    if (node.opType !== "Cast" || !halves.has(node.inputs[0]!)) return [node];
    const name = `widen.${node.outputs[0]}`;
    cpuNodeNames.push(name);
    return [{ ...node, name }];
  });
  return { graph: { ...graph, nodes, initializers }, cpuNodeNames };
}

function separateInverse(node: OnnxNode): { nodes: OnnxNode[]; epsilon: OnnxInitializer } {
  const [x, inverse] = [node.inputs[0]!, node.outputs[1]!];
  const { epsilon } = node.attributes;
  assert(epsilon && "float" in epsilon, "SimplifiedLayerNormalization states its epsilon");
  const name = (part: string): string => `${inverse}.${part}`;
  const nodes = [
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
  const bytes = new Uint8Array(Float32Array.of(epsilon.float).buffer);
  return { nodes, epsilon: { name: name("epsilon"), dtype: "float32", shape: [], bytes } };
}

function plainNode(opType: string, inputs: readonly string[], output: string): OnnxNode {
  return { opType, domain: "", inputs, outputs: [output], attributes: {} };
}
