/** Finding out what went wrong first when a loss or gradient is NaN or infinite. */
import { type Graph, inputName, reachableNodes, type Value } from "../graph/ir.ts";
import type { Backend, Feeds } from "../runtime/backend.ts";
import type { HostTensor } from "../tensor/host-tensor.ts";

export function isFiniteTensor(tensor: HostTensor): boolean {
  const { dtype, data } = tensor;
  // All bits of the exponent are set in an infinity and in a NaN.
  if (dtype === "float16") return data.every((bits: number) => (bits & 0x7c00) !== 0x7c00);
  if (dtype !== "float32") return true;
  for (let index = 0; index < data.length; index++) if (!Number.isFinite(data[index]!)) return false;
  return true;
}

/**
 * The first tensor in order of computation that holds a NaN or an infinity: a fed one by its name, a computed
 * one by its op and the parameters that op reads. Runs the forward graph once more with everything visible.
 *
 * @returns undefined when the forward pass is finite: the fault is in the gradients
 */
export async function firstNonFinite(
  backend: Backend,
  graph: Graph,
  loss: Value,
  feeds: Feeds,
): Promise<string | undefined> {
  for (const input of graph.inputs) {
    const tensor = feeds[inputName(input)];
    if (tensor && !isFiniteTensor(tensor)) return `input "${inputName(input)}"`;
  }
  const nodes = reachableNodes(graph, [loss]);
  const visible = nodes.map((node) => node.outputs[0]!).filter((value) => value.dtype === "float32");
  const executable = await backend.compile(
    graph,
    Object.fromEntries(visible.map((value) => [`value.${value.id}`, value])),
  );
  try {
    const results = await executable.run(feeds);
    for (const node of nodes) {
      const tensor = results[`value.${node.outputs[0]!.id}`];
      if (!tensor || isFiniteTensor(tensor)) continue;
      const reads = node.inputs.filter((input) => input.source.origin === "input").map(inputName);
      return `output of ${node.op}${reads.length > 0 ? ` over ${reads.map((name) => `"${name}"`).join(", ")}` : ""}`;
    }
    return undefined;
  } finally {
    await executable.dispose();
  }
}
