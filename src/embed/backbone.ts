/** The models that embeddings are made with, encoders and decoders behind one interface. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import {
  CAUSAL_MODEL_TYPES,
  causalParameterName,
  createCausalModel,
  createEncoderModel,
  encoderParameterName,
  type HuggingFaceConfig,
} from "../models/index.ts";
import {
  adaptAttention,
  MASKED_BIAS,
  mergeHeads,
  type ParameterSpecs,
  type ParameterValues,
  splitHeads,
} from "../nn/index.ts";

export interface BackboneInputs {
  /** i32 [B, T] */
  readonly inputIds: Value;
  /** i32 [B, T] */
  readonly positionIds: Value;
  /** f32, broadcasts to [B, heads, T, T]: 0 for tokens, nn's MASKED_BIAS for padding; the causal mask is added here. */
  readonly paddingBias: Value;
  /** No position id is as large as this. */
  readonly positions: number;
}

export interface Backbone {
  readonly kind: "encoder" | "decoder";
  readonly modelType: string;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly maxPositions: number;
  readonly specs: ParameterSpecs;
  /** The model's name for a stored tensor; undefined for heads, which embeddings do not use. */
  parameterName(stored: string): string | undefined;
  /** Final hidden states f32 [B, T, H]. */
  hidden(parameters: ParameterValues, inputs: BackboneInputs): Value;
}

/**
 * The model that a config.json describes, without its heads.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED
 */
export function createBackbone(config: HuggingFaceConfig): Backbone {
  return CAUSAL_MODEL_TYPES.includes(config.model_type as string) ? decoder(config) : encoder(config);
}

function encoder(config: HuggingFaceConfig): Backbone {
  const model = createEncoderModel(config);
  const { hiddenSize, vocabularySize, maxPositions } = model.config;
  return {
    kind: "encoder",
    modelType: model.modelType,
    hiddenSize,
    vocabularySize,
    maxPositions,
    specs: model.specs,
    parameterName: (stored) => encoderParameterName(model, model.specs, stored),
    hidden: (parameters, { inputIds, positionIds, paddingBias, positions }) =>
      model.encode(parameters, { inputIds, positionIds, attentionBias: paddingBias, positions }),
  };
}

function decoder(config: HuggingFaceConfig): Backbone {
  const model = createCausalModel(config);
  const { "lm_head.weight": _head, ...specs } = model.specs;
  const { hiddenSize, vocabularySize, maxPositions } = model.config;
  return {
    kind: "decoder",
    modelType: model.modelType,
    hiddenSize,
    vocabularySize,
    maxPositions,
    specs,
    parameterName: (stored) => {
      const name = causalParameterName(model, stored);
      return name !== undefined && name in specs ? name : undefined;
    },
    hidden: (parameters, { inputIds, positionIds, paddingBias, positions }) =>
      model.decoder(parameters, {
        inputIds,
        positionIds,
        positions,
        attentionBias: ops.add(paddingBias, laterMasked(positionIds)),
      }),
  };
}

/** Bias f32 [B, 1, T, T] that masks the keys behind each query. */
function laterMasked(positionIds: Value): Value {
  const [batch, tokens] = positionIds.shape;
  const queries = ops.reshape(positionIds, [batch!, 1, tokens!, 1]);
  const keys = ops.reshape(positionIds, [batch!, 1, 1, tokens!]);
  const graph = positionIds.graph;
  return ops.where(ops.greaterOrEqual(queries, keys), graph.scalar(0), graph.scalar(MASKED_BIAS));
}

/** The padding bias of rows without padding, under which attention to all tokens is one kernel. */
export function noPadding(anchor: Value): Value {
  const bias = anchor.graph.constant("float32", [1, 1, 1, 1], new Float32Array(1));
  adaptAttention(bias, (q, k, v, { scale, softcap }) => {
    const [, heads, , headWidth] = q.shape.map(Number) as [number, number, number, number];
    if (k.shape[1] !== heads || softcap !== undefined) return undefined;
    const options = { heads, scale: scale ?? 1 / Math.sqrt(headWidth) };
    // Models split and merge heads around attention; both undo what is done here, and no node is left of it.
    const mixed = ops.multiHeadAttention(mergeHeads(q), { k: mergeHeads(k), v: mergeHeads(v) }, options);
    return splitHeads(mixed, heads);
  });
  return bias;
}
