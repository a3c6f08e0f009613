/**
 * Reverse-mode differentiation on the graph: the gradient is more graph, written with the same ops.
 *
 * Source: Griewank and Walther, "Evaluating Derivatives", 2nd edition, chapter 3 (reverse mode).
 */
import { TuttiError } from "../support/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import * as ops from "./functions.ts";
import { type Node, type Region, type RegionKind, reachableNodes, type Value } from "./ir.ts";
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
 * @param recompute regions whose inner values are made again for the backward pass instead of being kept
 * @returns one value per source, of the source's shape; zeros where the loss does not depend on it
 * @throws {TuttiError} SHAPE_MISMATCH when the loss is not a scalar; UNSUPPORTED_OP when an op on the way has
 *   no gradient (the message says why)
 */
export function gradients(
  loss: Value,
  sources: readonly Value[],
  recompute: readonly RegionKind[] = [],
): Value[] {
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
  const again = createRecomputer(recompute);
  const gradientOf = new Map<Value, Value>([[loss, graph.scalar(1)]]);
  for (const node of [...nodes].reverse()) {
    const outputGradients = node.outputs.map((output) => gradientOf.get(output));
    if (outputGradients.every((gradient) => gradient === undefined)) continue;
    const isWanted = node.inputs.map((input) => active.has(input) && input.dtype === "float32");
    if (!isWanted.includes(true)) continue;
    const inputGradients = applyRule(node, outputGradients, isWanted, again);
    for (const [index, input] of node.inputs.entries()) {
      const gradient = inputGradients[index];
      if (!gradient || !isWanted[index]) continue;
      const previous = gradientOf.get(input);
      gradientOf.set(input, previous ? ops.add(previous, gradient) : gradient);
    }
  }
  return sources.map((source) => gradientOf.get(source) ?? ops.expand(graph.scalar(0), source.shape));
}

/** The value to use in the backward pass where the rule of `reader` reads `value`. */
type Recomputer = (value: Value, reader: Node) => Value;

/**
 * The values that gradient rules read are kept from the forward pass, or made again from what is kept (Chen et al.,
 * "Training deep nets with sublinear memory cost", arXiv 1604.06174, section 3): outputs of cheap ops always, and
 * everything inside a region of the chosen kinds, of which only the inputs are kept. Nodes nobody ends up reading
 * are dead and never emitted.
 */
function createRecomputer(kinds: readonly RegionKind[]): Recomputer {
  const copies = new Map<Value, Value>();
  const regionOf = (node: Node): Region | undefined => node.regions.find(({ kind }) => kinds.includes(kind));
  const again: Recomputer = (value, reader) => {
    if (value.source.origin !== "node") return value;
    const { node, outputIndex } = value.source;
    const region = regionOf(node);
    const isInside = region !== undefined && reader.regions.includes(region);
    if (!isInside && !opDefinition(node.op).traits.isRecomputed) return value;
    const known = copies.get(value);
    if (known) return known;
    const inputs = node.inputs.map((input) => again(input, node));
    const copy = ops.applyOp(node.op, inputs, node.attributes);
    for (const [index, output] of node.outputs.entries()) copies.set(output, copy.outputs[index]!);
    return copy.outputs[outputIndex]!;
  };
  return again;
}

function applyRule(
  node: Node,
  outputGradients: readonly (Value | undefined)[],
  isWanted: readonly boolean[],
  again: Recomputer,
): readonly (Value | undefined)[] {
  const { gradient, traits } = opDefinition(node.op);
  if (typeof gradient !== "function") {
    throw new TuttiError("UNSUPPORTED_OP", `${node.op} has no gradient: ${gradient.none}`, {
      details: { op: node.op },
    });
  }
  if (outputGradients[0] === undefined && !traits.hasEqualOutputs) {
    throw new TuttiError("UNSUPPORTED_OP", `${node.op}: only its first output can be differentiated`, {
      details: { op: node.op },
    });
  }
  const inputs = node.inputs.map((input) => again(input, node));
  const outputs = node.regions.length > 0 ? node.outputs.map((output) => again(output, node)) : node.outputs;
  return gradient(ops, { inputs, outputs, outputGradients, attributes: node.attributes, isWanted });
}
