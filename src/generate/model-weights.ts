/** Reading a model's weights for generation: one tensor at a time, quantised at once where few bits are asked for. */
import { type Graph, inputName, type Value } from "../graph/ir.ts";
import {
  type CausalModel,
  causalParameterName,
  createCausalModel,
  type HuggingFaceConfig,
  isSeq2SeqConfig,
  openSeq2SeqModel,
  type Seq2SeqModel,
} from "../models/index.ts";
import { checkParameters, declareParameters, type ParameterValues } from "../nn/index.ts";
import { canQuantize, type QuantizedMatrix, quantizeMatrix, type WeightBits } from "../nn/quantize.ts";
import { type WeightUses, weightUses } from "../nn/weight-uses.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import type { WeightSource } from "../weights/index.ts";
import { buildDecoderGraph } from "./decoder-graph.ts";
import { buildEncoderGraph, buildSeq2SeqDecoderGraph } from "./seq2seq-graph.ts";
import type { GenerationWeights } from "./weight-values.ts";

/** A model and how a checkpoint holds its weights. */
export interface StoredModel {
  readonly model: CausalModel | Seq2SeqModel;
  /** The model's name for a stored tensor; undefined for what it does not need. */
  parameterName(stored: string): string | undefined;
  /** The graphs that generation runs. */
  buildGraphs(weights: (graph: Graph) => ParameterValues): readonly Graph[];
}

/**
 * The model that a config.json and the tensors beside it describe.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH
 */
export function openStoredModel(config: HuggingFaceConfig, source: WeightSource): StoredModel {
  if (isSeq2SeqConfig(config)) {
    const { model, parameterNames } = openSeq2SeqModel(config, source);
    return {
      model,
      parameterName: (stored) => parameterNames.get(stored),
      buildGraphs: (weights) =>
        [buildEncoderGraph, buildSeq2SeqDecoderGraph].map((build) => build(model, weights).graph),
    };
  }
  const model = createCausalModel(config);
  return {
    model,
    parameterName: (stored) => causalParameterName(model, stored),
    buildGraphs: (weights) => [buildDecoderGraph(model, weights, 1).graph],
  };
}

/** GGUF types of more than four bits: storing them in four would lose what the file holds. */
const FINER_TYPE = /^Q[568]/;

/** Of finer types, of tables, and of the output projection, whose errors reach the logits undamped. */
const FINER_BITS = 8;

interface ModelWeightUses extends WeightUses {
  /** The output projection, which may be the embedding. */
  readonly head: string;
}

function usesOf({ model, buildGraphs }: StoredModel): ModelWeightUses {
  let head: Value | undefined;
  const graphs = buildGraphs((empty) => {
    const values = declareParameters(empty, model.specs);
    head = model.head(values);
    return values;
  });
  const nodes = graphs.flatMap((graph) => graph.nodes);
  return { ...weightUses(nodes, model.config.vocabularySize), head: inputName(head!) };
}

/** The bits that a weight is stored in. */
function bitsOf(
  tensor: Float32Tensor,
  name: string,
  type: unknown,
  uses: ModelWeightUses,
  bits: WeightBits,
): WeightBits | 32 {
  if (!canQuantize(tensor) || uses.others.has(name)) return 32;
  if (name === uses.head || uses.tables.has(name)) return FINER_BITS;
  if (!uses.products.has(name)) return 32;
  return FINER_TYPE.test(String(type)) ? FINER_BITS : bits;
}

export interface ReadWeightsOptions {
  /** Bits of matrices; 32 keeps float32. */
  readonly bits: WeightBits | 32;
  readonly onTensor?: (done: number, total: number) => void;
}

/**
 * The weights of a model. With few bits, matrices that stand in products x W^T and embedding tables become blocks of
 * integers; tables, the output projection and what a GGUF file holds in more than 4 bits always of 8.
 *
 * @throws {TuttiError} WEIGHTS_MISMATCH, and what the reader of the format throws
 */
export function readGenerationWeights(
  stored: StoredModel,
  source: WeightSource,
  { bits, onTensor }: ReadWeightsOptions,
): GenerationWeights {
  const uses = bits === 32 ? undefined : usesOf(stored);
  const plain = new Map<string, Float32Tensor>();
  const quantized = new Map<string, QuantizedMatrix>();
  const shapes: Record<string, Float32Tensor> = {};
  let done = 0;
  for (const [storedName, entry] of source.entries) {
    onTensor?.(done++, source.entries.size);
    const name = stored.parameterName(storedName);
    if (name === undefined) continue;
    const { shape, data } = source.read(storedName);
    if (!(data instanceof Float32Array)) continue;
    const tensor = float32(shape, data);
    // Only its shape is looked at below; the array itself is not kept twice.
    shapes[name] = tensor;
    const type = "type" in entry ? entry.type : undefined;
    const stays = uses && bits !== 32 ? bitsOf(tensor, name, type, uses, bits) : 32;
    if (stays === 32) {
      plain.set(name, tensor);
    } else {
      quantized.set(name, quantizeMatrix(tensor, stays));
      shapes[name] = { dtype: "float32", shape, data: new Float32Array(0) };
    }
  }
  onTensor?.(source.entries.size, source.entries.size);
  checkParameters(stored.model.specs, shapes, source.path);
  return { plain, quantized };
}

/** Error of all quantised matrices together: square root of squared errors over squared weights; 0 without any. */
export function quantizationError({ quantized }: GenerationWeights): number {
  let [errors, energies] = [0, 0];
  for (const { squaredError, squaredNorm } of quantized.values()) {
    errors += squaredError;
    energies += squaredNorm;
  }
  return energies === 0 ? 0 : Math.sqrt(errors / energies);
}

/** Bytes that the weights take. */
export function weightBytes({ plain, quantized }: GenerationWeights): number {
  let bytes = 0;
  for (const { data } of plain.values()) bytes += data.byteLength;
  for (const { packed, scales, zeros, offsets } of quantized.values())
    bytes += packed.byteLength + scales.byteLength + zeros.byteLength + (offsets?.byteLength ?? 0);
  return bytes;
}
