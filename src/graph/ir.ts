/**
 * The graph: single-assignment values made by nodes, in creation order, which is always a legal execution
 * order. Building a graph computes nothing; backends do.
 */
import { TuttiError } from "../support/errors.ts";
import type { DType, TensorData } from "../tensor/dtype.ts";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Attribute values are plain data so that graphs print, compare and hash. */
export type AttributeValue = number | boolean | string | readonly number[] | Shape;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Where the value of a graph input comes from. */
export type InputKind =
  /** given with each run: token ids, masks, labels */
  | "data"
  /** trained: read in place from host memory, differentiated */
  | "parameter"
  /** a 0/1 mask that the runner fills from the counter-based generator: dropout */
  | "keep-mask";

export interface InputSource {
  readonly origin: "input";
  readonly name: string;
  readonly kind: InputKind;
  /** Only for keep-mask: probability that an element is 0. */
  readonly dropProbability: number;
}

export interface ConstantSource {
  readonly origin: "constant";
  readonly data: TensorData;
}

export interface NodeSource {
  readonly origin: "node";
  readonly node: Node;
  readonly outputIndex: number;
}

/** One tensor of the graph. */
export interface Value extends TensorType {
  readonly graph: Graph;
  readonly id: number;
  readonly source: InputSource | ConstantSource | NodeSource;
}

/** Parts of a model whose inner values a backward pass can make again instead of keeping. */
export type RegionKind =
  /** from queries, keys and values to their mixture: cheap to make again, and quadratic in the length */
  | "attention"
  /** a whole layer: only the values between layers are kept */
  | "layer";

export interface Region {
  readonly kind: RegionKind;
}

export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  /** The regions that the node was built in, outermost first. */
  readonly regions: readonly Region[];
}

/** A graph under construction. Values and nodes are only ever added. */
export class Graph {
  readonly inputs: Value[] = [];
  readonly constants: Value[] = [];
  readonly nodes: Node[] = [];
  private nextId = 0;
  private readonly names = new Set<string>();
  private readonly scalars = new Map<string, Value>();
  private regions: readonly Region[] = [];

  /** Declares a graph input. @throws {TuttiError} GRAPH_INVALID when the name is taken */
  input(name: string, dtype: DType, shape: Shape, kind: InputKind = "data", dropProbability = 0): Value {
    if (this.names.has(name)) {
      throw new TuttiError("GRAPH_INVALID", `graph input "${name}" is declared twice`, { details: { name } });
    }
    this.names.add(name);
    const value = this.value(dtype, shape, { origin: "input", name, kind, dropProbability });
    this.inputs.push(value);
    return value;
  }

  /** A trained float32 input. */
  parameter(name: string, shape: Shape): Value {
    return this.input(name, "float32", shape, "parameter");
  }

  /** A uint8 mask of ones and zeros, drawn anew for every run. */
  keepMask(shape: Shape, dropProbability: number): Value {
    const name = `keep_mask.${this.inputs.filter((value) => inputKind(value) === "keep-mask").length}`;
    return this.input(name, "uint8", shape, "keep-mask", dropProbability);
  }

  constant(dtype: DType, shape: Shape, data: TensorData): Value {
    if (sizeOf(shape) !== data.length) {
      throw new TuttiError(
        "SHAPE_MISMATCH",
        `constant of shape ${formatShape(shape)} takes ${sizeOf(shape)} elements, received ${data.length}`,
      );
    }
    const value = this.value(dtype, shape, { origin: "constant", data });
    this.constants.push(value);
    return value;
  }

  /** Marks all nodes that `build` appends as one region. */
  region<T>(kind: RegionKind, build: () => T): T {
    const outer = this.regions;
    this.regions = [...outer, { kind }];
    try {
      return build();
    } finally {
      this.regions = outer;
    }
  }

  /** A shared scalar constant. */
  scalar(number: number, dtype: "float32" | "int32" = "float32"): Value {
    const key = `${dtype}:${Object.is(number, -0) ? "-0" : number}`;
    let value = this.scalars.get(key);
    if (!value) {
      value = this.constant(dtype, [], dtype === "float32" ? Float32Array.of(number) : Int32Array.of(number));
      this.scalars.set(key, value);
    }
    return value;
  }

  /** Appends a node whose output types are already known; op functions call it after inference. */
  append(
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    outputTypes: readonly TensorType[],
  ): Node {
    for (const input of inputs) {
      if (input.graph !== this) {
        throw new TuttiError("GRAPH_INVALID", `${op}: an input belongs to another graph`, {
          details: { op },
        });
      }
    }
    const outputs: Value[] = [];
    const node: Node = { op, inputs, attributes, outputs, regions: this.regions };
    outputTypes.forEach((type, outputIndex) => {
      outputs.push(this.value(type.dtype, type.shape, { origin: "node", node, outputIndex }));
    });
    this.nodes.push(node);
    return node;
  }

  private value(dtype: DType, shape: Shape, source: Value["source"]): Value {
    return { graph: this, id: this.nextId++, dtype, shape, source };
  }
}

/** The kind of a graph input, undefined for other values. */
export function inputKind(value: Value): InputKind | undefined {
  return value.source.origin === "input" ? value.source.kind : undefined;
}

/** The name of a graph input. */
export function inputName(value: Value): string {
  if (value.source.origin !== "input") throw new Error("internal: value is not a graph input");
  return value.source.name;
}

/** True when the value is a constant whose every element equals `number`. */
export function isConstant(value: Value, number: number): boolean {
  return value.source.origin === "constant" && value.shape.length === 0 && value.source.data[0] === number;
}

/** The nodes that `outputs` depend on, in creation order: everything else is dead. */
export function reachableNodes(graph: Graph, outputs: readonly Value[]): Node[] {
  const live = new Set<Node>();
  const pending = outputs.map((value) => value.source);
  for (let source = pending.pop(); source; source = pending.pop()) {
    if (source.origin !== "node" || live.has(source.node)) continue;
    live.add(source.node);
    for (const input of source.node.inputs) pending.push(input.source);
  }
  return graph.nodes.filter((node) => live.has(node));
}
