/** Lowers a graph to ONNX: one walk over the live nodes, each emitted by its row of the op table. */

import { type Graph, inputName, reachableNodes, type Value } from "../graph/ir.ts";
import type { OnnxEmitter } from "../graph/op.ts";
import { opDefinition } from "../graph/op-table.ts";
import { validateGraph } from "../graph/validate.ts";
import { TuttiError } from "../support/errors.ts";
import { version } from "../support/version.ts";
import { staticShape } from "../tensor/shape.ts";
import {
  ONNX_DTYPE,
  type OnnxGraph,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxValueInfo,
  writeOnnxModel,
} from "./model.ts";

/** Named outputs of a graph, in order. */
export type NamedOutputs = Readonly<Record<string, Value>>;

export interface LoweringOptions {
  /**
   * "native": whatever ONNX Runtime computes fastest unoptimised. "standard": operators of the ONNX standard, but for
   * ops that it has nothing for. @default "native"
   */
  readonly operators?: "native" | "standard";
  /** Whether int32 inputs are declared as int64, which other tools feed, and cast. @default false */
  readonly hasInt64Inputs?: boolean;
  /** Values of graph inputs that become part of the file, by name; float32 inputs may be stored as float16. */
  readonly stored?: ReadonlyMap<string, Omit<OnnxInitializer, "name">>;
}

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

class Emitter implements OnnxEmitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  private nextName = 0;
  private readonly shared = new Map<string, string>();

  node(
    opType: string,
    inputs: readonly string[],
    options: Parameters<OnnxEmitter["node"]>[2] = {},
  ): string[] {
    const [first, ...others] = options.outputs ?? [""];
    // A first output is never optional, read or not.
    const outputs = [first || `t${this.nextName++}`, ...others];
    // Trailing outputs that nobody reads are left out; ONNX marks skipped ones in between by an empty name.
    const lastUsed = outputs.findLastIndex((name) => name !== "");
    this.nodes.push({
      opType,
      domain: options.domain ?? "",
      inputs,
      outputs: outputs.slice(0, lastUsed + 1),
      attributes: options.attributes ?? {},
    });
    return outputs;
  }

  cast(value: string, dtype: "float32" | "int32"): string {
    return this.node("Cast", [value], { attributes: { to: { int: ONNX_DTYPE[dtype] } } })[0]!;
  }

  int64(values: readonly number[]): string {
    return this.constant("int64", [values.length], BigInt64Array.from(values.map(BigInt)));
  }

  int64Scalar(value: number): string {
    return this.constant("int64", [], BigInt64Array.of(BigInt(value)));
  }

  int32Scalar(value: number): string {
    return this.constant("int32", [], Int32Array.of(value));
  }

  float(value: number): string {
    return this.constant("float32", [], Float32Array.of(value));
  }

  zeros(shape: readonly number[]): string {
    return this.node("ConstantOfShape", [this.int64(shape)])[0]!;
  }

  /** An initialiser; small equal ones are shared. */
  constant(dtype: OnnxInitializer["dtype"], shape: readonly number[], array: ArrayBufferView): string {
    const bytes = bytesOf(array);
    const key = bytes.byteLength <= 64 ? `${dtype}|${shape}|${bytes}` : undefined;
    const known = key === undefined ? undefined : this.shared.get(key);
    if (known !== undefined) return known;
    const name = `c${this.initializers.length}`;
    this.initializers.push({ name, dtype, shape, bytes });
    if (key !== undefined) this.shared.set(key, name);
    return name;
  }
}

/**
 * ONNX Runtime runs nodes depth first from the graph's leaves, the last leaf in file order first. The tape of a
 * training step ends at the first layer, so in tape order its gradients would be asked for first and every
 * other layer's output gradient would stay alive until the end. Leaves therefore go last and in reverse.
 */
function orderLeavesLast(nodes: readonly OnnxNode[]): OnnxNode[] {
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const isLeaf = (node: OnnxNode): boolean => !node.outputs.some((output) => read.has(output));
  return [...nodes.filter((node) => !isLeaf(node)), ...nodes.filter(isLeaf).reverse()];
}

/** What the outputs of a graph are called inside the ONNX file. */
function nameOutputs(outputs: NamedOutputs, names: Map<Value, string>, emitter: Emitter): void {
  for (const [name, value] of Object.entries(outputs)) {
    const known = names.get(value);
    if (known === undefined) throw new TuttiError("GRAPH_INVALID", `output "${name}" is not in the graph`);
    if (known !== name) emitter.node("Identity", [known], { outputs: [name] });
  }
}

/** Declares the inputs that are used, or stores their values; returns the declared ones. */
function declareInputs(
  inputs: readonly Value[],
  names: Map<Value, string>,
  emitter: Emitter,
  { hasInt64Inputs = false, stored = new Map() }: LoweringOptions,
): OnnxValueInfo[] {
  const declared: OnnxValueInfo[] = [];
  for (const value of inputs) {
    const name = inputName(value);
    const tensor = stored.get(name);
    if (tensor) {
      emitter.initializers.push({ name, ...tensor });
      names.set(value, tensor.dtype === "float16" ? emitter.cast(name, "float32") : name);
    } else {
      const isWidened = hasInt64Inputs && value.dtype === "int32";
      declared.push({ name, dtype: isWidened ? "int64" : value.dtype, shape: value.shape });
      names.set(value, isWidened ? emitter.cast(name, "int32") : name);
    }
  }
  return declared;
}

/**
 * The ONNX graph of `outputs`. Inputs that no output depends on are left out.
 *
 * @throws {TuttiError} GRAPH_INVALID when an output bears the name of an input, or the graph is not legal
 */
export function lowerToOnnx(graph: Graph, outputs: NamedOutputs, options: LoweringOptions = {}): OnnxGraph {
  validateGraph(graph, Object.values(outputs));
  const nodes = reachableNodes(graph, Object.values(outputs));
  const used = new Set<Value>([...Object.values(outputs), ...nodes.flatMap((node) => node.inputs)]);
  const usedInputs = graph.inputs.filter((value) => used.has(value));
  const clash = usedInputs.map(inputName).find((name) => name in outputs);
  if (clash !== undefined) throw new TuttiError("GRAPH_INVALID", `"${clash}" names an input and an output`);
  const emitter = new Emitter();
  const names = new Map<Value, string>();
  const inputs = declareInputs(usedInputs, names, emitter, options);
  for (const value of graph.constants) {
    if (used.has(value) && value.source.origin === "constant") {
      names.set(value, emitter.constant(value.dtype, staticShape(value.shape), value.source.data));
    }
  }
  const outputNames = new Map(Object.entries(outputs).map(([name, value]) => [value, name]));
  for (const node of nodes) {
    for (const output of node.outputs) {
      names.set(output, used.has(output) ? (outputNames.get(output) ?? `v${output.id}`) : "");
    }
    const { lower, lowerStandard } = opDefinition(node.op);
    const write = options.operators === "standard" ? (lowerStandard ?? lower) : lower;
    write(emitter, {
      inputs: node.inputs.map((input) => names.get(input)!),
      inputTypes: node.inputs,
      outputs: node.outputs.map((output) => names.get(output)!),
      outputTypes: node.outputs,
      attributes: node.attributes,
    });
  }
  nameOutputs(outputs, names, emitter);
  return {
    name: "tutti",
    nodes: orderLeavesLast(emitter.nodes),
    inputs,
    outputs: Object.entries(outputs).map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    initializers: emitter.initializers,
  };
}

/** The bytes of an ONNX model that computes `outputs`. */
export function toOnnx(graph: Graph, outputs: NamedOutputs): Uint8Array {
  return writeOnnxModel(lowerToOnnx(graph, outputs), version);
}
