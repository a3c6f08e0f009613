/**
 * Reverse-mode differentiation on the graph: the gradient is more graph, written with the same ops.
 *
 * Source: Griewank and Walther, "Evaluating Derivatives", 2nd edition, chapter 3 (reverse mode).
 */
import { TuttiError } from "../support/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import * as ops from "./functions.ts";
import { type Node, reachableNodes, type Value } from "./ir.ts";
import { opDefinition } from "./op-table.ts";

/** Values that depend on any of `sources`, including the sources. */
function dependents(nodes: readonly Node[], sources: readonly Value[]): Set<Value> {
  const active = new Set(sources);
  for (const node of nodes) {
    if (node.inputs.some((input) => active.has(input))) for (const output of node.outputs) active.add(output);
  }
  return active;
}

/**
 * Appends to the graph the gradients of a scalar float32 `loss` with respect to each of `sources`.
 *
 * @returns one value per source, of the source's shape; zeros where the loss does not depend on it
 * @throws {TuttiError} SHAPE_MISMATCH when the loss is not a scalar; UNSUPPORTED_OP when an op on the way has
 *   no gradient (the message says why)
 */
export function gradients(loss: Value, sources: readonly Value[]): Value[] {
  if (loss.shape.length !== 0 || loss.dtype !== "float32") {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `a loss must be a float32 scalar, received ${loss.dtype}${formatShape(loss.shape)}`,
      { hint: "reduce it with sumAll or a mean first" },
    );
  }
  const { graph } = loss;
  const nodes = reachableNodes(graph, [loss]);
  const active = dependents(nodes, sources);
  const recompute = createRecomputer();
  const gradientOf = new Map<Value, Value>([[loss, graph.scalar(1)]]);
  for (const node of [...nodes].reverse()) {
    const outputGradients = node.outputs.map((output) => gradientOf.get(output));
    if (outputGradients.every((gradient) => gradient === undefined)) continue;
    const isWanted = node.inputs.map((input) => active.has(input) && input.dtype === "float32");
    if (!isWanted.includes(true)) continue;
    const inputGradients = applyRule(node, outputGradients, isWanted, recompute);
    for (const [index, input] of node.inputs.entries()) {
      const gradient = inputGradients[index];
      if (!gradient || !isWanted[index]) continue;
      const previous = gradientOf.get(input);
      gradientOf.set(input, previous ? ops.add(previous, gradient) : gradient);
    }
  }
  return sources.map((source) => gradientOf.get(source) ?? ops.expand(graph.scalar(0), source.shape));
}

/**
 * The values that gradient rules read: outputs of cheap ops are made again instead of being kept from the
 * forward pass (Chen et al., "Training deep nets with sublinear memory cost", arXiv 1604.06174, section 3, for
 * cheap ops only). Nodes nobody ends up reading are dead and never emitted.
 */
function createRecomputer(): (value: Value) => Value {
  const copies = new Map<Value, Value>();
  const recompute = (value: Value): Value => {
    const known = copies.get(value);
    if (known) return known;
    const { source } = value;
    if (source.origin !== "node" || !opDefinition(source.node.op).traits.isRecomputed) return value;
    const inputs = source.node.inputs.map(recompute);
    const copy = ops.applyOp(source.node.op, inputs, source.node.attributes).outputs[source.outputIndex]!;
    copies.set(value, copy);
    return copy;
  };
  return recompute;
}

function applyRule(
  node: Node,
  outputGradients: readonly (Value | undefined)[],
  isWanted: readonly boolean[],
  recompute: (value: Value) => Value,
): readonly (Value | undefined)[] {
  const { gradient } = opDefinition(node.op);
  if (typeof gradient !== "function") {
    throw new TuttiError("UNSUPPORTED_OP", `${node.op} has no gradient: ${gradient.none}`, {
      details: { op: node.op },
    });
  }
  if (outputGradients[0] === undefined) {
    throw new TuttiError("UNSUPPORTED_OP", `${node.op}: only its first output can be differentiated`, {
      details: { op: node.op },
    });
  }
  const { outputs, attributes } = node;
  const inputs = node.inputs.map(recompute);
  return gradient(ops, { inputs, outputs, outputGradients, attributes, isWanted });
}
