/** ONNX messages (ModelProto and below) written and summarised. Field numbers: onnx.proto3 of ONNX 1.16. */
import type { OnnxAttribute } from "../graph/op.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Shape } from "../tensor/shape.ts";
import { intsOf, messagesOf, readFields, stringsOf } from "./protobuf-reader.ts";
import {
  bytesField,
  type Chunks,
  concatenate,
  type DeferredBytes,
  floatField,
  intField,
  messageField,
  stringField,
} from "./protobuf-writer.ts";

/** TensorProto.DataType */
export const ONNX_DTYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
} as const satisfies Record<DType | "int8" | "int64", number>;

export type OnnxDType = keyof typeof ONNX_DTYPE;

/** Opset 17 is the first with LayerNormalization; IR version 8 is what it was released with. */
export const OPSET_VERSION = 17;
const IR_VERSION = 8;

export interface OnnxNode {
  /** Needed only to speak of the node. */
  readonly name?: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: Shape;
}

/** Where the bytes of an initialiser lie when they are not in the model file. */
export interface ExternalPlace {
  /** Name of a file in the folder of the model file. */
  readonly file: string;
  readonly offset: number;
}

export interface OnnxInitializer {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  /** Little-endian raw data. */
  readonly bytes: Uint8Array | DeferredBytes;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxInitializer[];
}

function attributeMessage(name: string, value: OnnxAttribute): Chunks {
  const named = stringField(1, name);
  if ("float" in value) return [...named, ...floatField(2, value.float), ...intField(20, 1)];
  if ("int" in value) return [...named, ...intField(3, value.int), ...intField(20, 2)];
  if ("string" in value) return [...named, ...stringField(4, value.string), ...intField(20, 3)];
  return [...named, ...value.ints.flatMap((int) => intField(8, int)), ...intField(20, 7)];
}

function nodeMessage(node: OnnxNode): Chunks {
  return [
    ...node.inputs.flatMap((name) => stringField(1, name)),
    ...node.outputs.flatMap((name) => stringField(2, name)),
    ...(node.name === undefined ? [] : stringField(3, node.name)),
    ...stringField(4, node.opType),
    ...Object.entries(node.attributes).flatMap(([name, value]) =>
      messageField(5, attributeMessage(name, value)),
    ),
    ...(node.domain === "" ? [] : stringField(7, node.domain)),
  ];
}

function valueInfoMessage({ name, dtype, shape }: OnnxValueInfo): Chunks {
  const dimensions = shape.flatMap((dimension) =>
    messageField(1, typeof dimension === "number" ? intField(1, dimension) : stringField(2, dimension)),
  );
  const tensorType = [...intField(1, ONNX_DTYPE[dtype]), ...messageField(2, dimensions)];
  return [...stringField(1, name), ...messageField(2, messageField(1, tensorType))];
}

function externalFields({ file, offset }: ExternalPlace, byteLength: number): Chunks {
  const entry = (key: string, value: string): Chunks =>
    messageField(13, [...stringField(1, key), ...stringField(2, value)]);
  return [
    ...entry("location", file),
    ...entry("offset", String(offset)),
    ...entry("length", String(byteLength)),
    // TensorProto.DataLocation.EXTERNAL
    ...intField(14, 1),
  ];
}

function initializerMessage(
  { name, dtype, shape, bytes }: OnnxInitializer,
  place: ExternalPlace | undefined,
): Chunks {
  return [
    ...shape.flatMap((dimension) => intField(1, dimension)),
    ...intField(2, ONNX_DTYPE[dtype]),
    ...stringField(8, name),
    ...(place ? externalFields(place, bytes.byteLength) : bytesField(9, bytes)),
  ];
}

/** Versions of the operator sets that a graph needs, by domain; "" is the standard. */
export function operatorSets({ nodes }: OnnxGraph): Readonly<Record<string, number>> {
  const isUsed = (domain: string): boolean => nodes.some((node) => node.domain === domain);
  return { "": OPSET_VERSION, ...(isUsed("com.microsoft") && { "com.microsoft": 1 }) };
}

/**
 * The bytes of a model file in pieces, those of deferred initialisers still to be made.
 *
 * @param external initialisers whose bytes the caller writes to other files
 */
export function onnxModelChunks(
  graph: OnnxGraph,
  producerVersion: string,
  external: ReadonlyMap<OnnxInitializer, ExternalPlace> = new Map(),
): Chunks {
  const graphMessage = [
    ...graph.nodes.flatMap((node) => messageField(1, nodeMessage(node))),
    ...stringField(2, graph.name),
    ...graph.initializers.flatMap((initializer) =>
      messageField(5, initializerMessage(initializer, external.get(initializer))),
    ),
    ...graph.inputs.flatMap((input) => messageField(11, valueInfoMessage(input))),
    ...graph.outputs.flatMap((output) => messageField(12, valueInfoMessage(output))),
  ];
  return [
    ...intField(1, IR_VERSION),
    ...stringField(2, "tutti"),
    ...stringField(3, producerVersion),
    ...messageField(7, graphMessage),
    ...Object.entries(operatorSets(graph)).flatMap(([domain, version]) =>
      messageField(8, [...stringField(1, domain), ...intField(2, version)]),
    ),
  ];
}

/** A complete model file. */
export const writeOnnxModel = (graph: OnnxGraph, producerVersion: string): Uint8Array =>
  concatenate(onnxModelChunks(graph, producerVersion));

export interface OnnxModelSummary {
  readonly irVersion: number;
  readonly producer: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly initializers: readonly string[];
  readonly nodes: readonly {
    readonly opType: string;
    readonly inputs: string[];
    readonly outputs: string[];
  }[];
}

/** Reads back the structure of a model file, without its tensors. @throws {TuttiError} FILE_CORRUPT */
export function readOnnxModel(bytes: Uint8Array): OnnxModelSummary {
  const model = readFields(bytes);
  const graph = readFields(messagesOf(model, 7)[0] ?? new Uint8Array());
  const nameOf = (message: Uint8Array, field: number): string =>
    stringsOf(readFields(message), field)[0] ?? "";
  return {
    irVersion: intsOf(model, 1)[0] ?? 0,
    producer: stringsOf(model, 2)[0] ?? "",
    inputs: messagesOf(graph, 11).map((message) => nameOf(message, 1)),
    outputs: messagesOf(graph, 12).map((message) => nameOf(message, 1)),
    initializers: messagesOf(graph, 5).map((message) => nameOf(message, 8)),
    nodes: messagesOf(graph, 1).map((message) => {
      const fields = readFields(message);
      return {
        opType: stringsOf(fields, 4)[0] ?? "",
        inputs: stringsOf(fields, 1),
        outputs: stringsOf(fields, 2),
      };
    }),
  };
}
