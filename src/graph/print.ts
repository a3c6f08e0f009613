/** The stable text form of a graph: what golden tests compare and people read. */

import { type Graph, reachableNodes, type Value } from "./ir.ts";
import { formatType } from "./ops/check.ts";

/**
 * One line a value, numbered in order of appearance, dead nodes left out:
 *
 *   %0 = input "x" float32[2, 3]
 *   %1 = exp(%0) float32[2, 3]
 *   return %1
 */
export function toText(graph: Graph, outputs: readonly Value[]): string {
  const nodes = reachableNodes(graph, outputs);
  const used = new Set<Value>([...outputs, ...nodes.flatMap((node) => node.inputs)]);
  const numbers = new Map<Value, number>();
  const lines: string[] = [];
  const define = (value: Value): string => {
    numbers.set(value, numbers.size);
    return `%${numbers.size - 1}`;
  };
  for (const value of graph.inputs.filter((input) => used.has(input))) {
    if (value.source.origin !== "input") continue;
    const { name, kind, dropProbability } = value.source;
    const note = kind === "data" ? "" : kind === "keep-mask" ? ` keep-mask(${dropProbability})` : ` ${kind}`;
    lines.push(`${define(value)} = input "${name}"${note} ${formatType(value)}`);
  }
  for (const value of graph.constants.filter((constant) => used.has(constant))) {
    if (value.source.origin !== "constant") continue;
    const { data } = value.source;
    const shown = [...data.slice(0, 4)].join(", ") + (data.length > 4 ? ", ..." : "");
    lines.push(`${define(value)} = constant {${shown}} ${formatType(value)}`);
  }
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => `%${numbers.get(input)}`).join(", ");
    const attributes = Object.entries(node.attributes)
      .map(([name, value]) => `; ${name}=${JSON.stringify(value)}`)
      .join("");
    const names = node.outputs.map(define).join(", ");
    lines.push(`${names} = ${node.op}(${inputs}${attributes}) ${node.outputs.map(formatType).join(", ")}`);
  }
  lines.push(`return ${outputs.map((output) => `%${numbers.get(output)}`).join(", ")}`);
  return `${lines.join("\n")}\n`;
}
