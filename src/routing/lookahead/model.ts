/**
 * The Lookahead model as graph: backbone, routing head, response-modelling loss.
 *
 * B prompts, R rows (B, or B T under separate prediction), L row tokens, T candidates, H hidden size, N response
 * targets.
 */
import * as ops from "../../graph/functions.ts";
import type { Graph, Value } from "../../graph/ir.ts";
import {
  causalCrossEntropy,
  createCausalModel,
  createEncoderModel,
  maskedCrossEntropy,
  maskedLanguageSpecs,
} from "../../models/index.ts";
import { dropout, layerNormSpecs, linearSpecs, namedLayerNorm, namedLinear } from "../../nn/layers.ts";
import type { ParameterSpecs, ParameterValues } from "../../nn/parameters.ts";
import { pooledTokens } from "../../nn/token-pooling.ts";
import { type Dimension, scaleDimension, splitDimension } from "../../tensor/shape.ts";
import { rowTokens } from "./layout.ts";
import { routingLoss } from "./routing-loss.ts";
import { isSeparate, rowsPerPrompt } from "./rows.ts";
import type { LookaheadSettings } from "./settings.ts";

const HEAD_STD = 0.02;

/** Parameters of backbone and heads. The response head exists only where responses are modelled. */
export function lookaheadSpecs(settings: LookaheadSettings): ParameterSpecs {
  if (settings.variant === "clm") {
    const { config, specs } = createCausalModel(settings.backbone);
    // One scorer for all: candidates differ only through their identifier token.
    return { ...specs, ...linearSpecs("routing.output", config.hiddenSize, 1, HEAD_STD) };
  }
  const model = createEncoderModel(settings.backbone);
  const { config } = model;
  if (isSeparate(settings)) {
    return {
      ...maskedLanguageSpecs(model),
      ...linearSpecs("routing.output", config.hiddenSize, 1, HEAD_STD),
    };
  }
  return {
    ...(settings.variant === "mlm" ? maskedLanguageSpecs(model) : model.specs),
    ...linearSpecs("routing.dense", config.hiddenSize, config.hiddenSize, HEAD_STD),
    ...layerNormSpecs("routing.norm", config.hiddenSize),
    ...linearSpecs("routing.output", config.hiddenSize, settings.candidates.length, HEAD_STD),
  };
}

/** Positions of the longest row: prompt, response and the tokens that frame them; of all blocks if they run on. */
export function positionsOf(
  settings: Pick<
    LookaheadSettings,
    "maxPromptTokens" | "maxSequenceTokens" | "responseTokens" | "positions" | "candidates"
  >,
): number {
  const block = settings.responseTokens + 2;
  if (settings.positions === "running") {
    return settings.maxPromptTokens + settings.candidates.length * block;
  }
  return Math.min(settings.maxPromptTokens + block, settings.maxSequenceTokens ?? Number.POSITIVE_INFINITY);
}

export interface RowInputs {
  readonly inputIds: Value;
  readonly positionIds: Value;
  readonly attentionBias: Value;
  /** f32 [R, 1, L]; undefined for a decoder */
  readonly poolingWeights: Value | undefined;
}

/** Declares the inputs of `batch` prompts, in rows of `tokens` tokens. */
export function declareRowInputs(
  graph: Graph,
  settings: LookaheadSettings,
  batch: Dimension,
  tokens: Dimension,
): RowInputs {
  const rows = scaleDimension(batch, rowsPerPrompt(settings));
  return {
    inputIds: graph.input("input_ids", "int32", [rows, tokens]),
    positionIds: graph.input("position_ids", "int32", [rows, tokens]),
    attentionBias: graph.input(
      "attention_bias",
      "float32",
      settings.variant === "clm" ? [rows, 1, tokens, tokens] : [rows, 1, 1, tokens],
    ),
    poolingWeights:
      settings.variant === "clm" ? undefined : graph.input("pooling_weights", "float32", [rows, 1, tokens]),
  };
}

/** Hidden states [R, L, H] and routing logits [B, T]. */
export function routingForward(
  settings: LookaheadSettings,
  parameters: ParameterValues,
  inputs: RowInputs,
  isTraining: boolean,
): { hidden: Value; logits: Value } {
  const headDropout = isTraining ? settings.headDropout : 0;
  const rows = inputs.inputIds.shape[0]!;
  const candidates = settings.candidates.length;
  if (inputs.poolingWeights === undefined) {
    const model = createCausalModel(settings.backbone);
    const positions = Math.max(positionsOf(settings), candidates + settings.maxPromptTokens);
    const hidden = model.decoder(parameters, { ...inputs, positions }, { isTraining });
    const identifiers = dropout(ops.slice(hidden, 1, 0, candidates), headDropout);
    const logits = namedLinear(parameters, "routing.output", identifiers);
    return { hidden, logits: ops.reshape(logits, [rows, candidates]) };
  }
  const model = createEncoderModel(settings.backbone);
  const { config } = model;
  // Rotary tables need a row per token, also where positions restart with every block.
  const positions = Math.max(positionsOf(settings), rowTokens(settings, settings.maxPromptTokens, true));
  const hidden = model.encode(parameters, { ...inputs, positions }, { isTraining });
  const pooled = pooledTokens(hidden, inputs.poolingWeights);
  if (isSeparate(settings)) {
    const logits = namedLinear(parameters, "routing.output", dropout(pooled, headDropout));
    return { hidden, logits: ops.reshape(logits, [promptsOf(rows, candidates), candidates]) };
  }
  const dense = ops.gelu(namedLinear(parameters, "routing.dense", pooled));
  const normal = namedLayerNorm(parameters, "routing.norm", dense, config.layerNormEpsilon);
  return { hidden, logits: namedLinear(parameters, "routing.output", dropout(normal, headDropout)) };
}

/** B of B T rows. */
function promptsOf(rows: Dimension, candidates: number): Dimension {
  const { factor, symbol } = splitDimension(rows);
  return symbol === undefined ? factor / candidates : scaleDimension(symbol, factor / candidates);
}

export interface TrainingSizes {
  /** Prompts. */
  readonly batch: number;
  readonly tokens: number;
  /** Padded number of response targets; 0 where responses are not modelled. */
  readonly targets: number;
}

/** L = L_route + lambda L_resp; lambda is part of the fed target scale. Also returns both terms. */
export function lookaheadLoss(
  graph: Graph,
  settings: LookaheadSettings,
  parameters: ParameterValues,
  sizes: TrainingSizes,
) {
  const inputs = declareRowInputs(graph, settings, sizes.batch, sizes.tokens);
  const candidates = settings.candidates.length;
  const labels = graph.input("labels", "float32", [sizes.batch, candidates]);
  const labelWeights = graph.input("label_weights", "float32", [sizes.batch, candidates]);
  const { hidden, logits } = routingForward(settings, parameters, inputs, true);
  const routeLoss = routingLoss(settings.routingLoss, logits, labels, labelWeights);
  if (settings.variant === "mlc") return { loss: routeLoss, routeLoss };
  const positions = graph.input("target_positions", "int32", [sizes.targets]);
  const targets = graph.input("target_tokens", "int32", [sizes.targets]);
  const scale = graph.input("target_scale", "float32", []);
  const responseLoss = responseCrossEntropy(settings, parameters, hidden, { positions, targets, scale });
  return { loss: ops.add(routeLoss, responseLoss), routeLoss, responseLoss };
}

function responseCrossEntropy(
  settings: LookaheadSettings,
  parameters: ParameterValues,
  hidden: Value,
  { positions, targets, scale }: { positions: Value; targets: Value; scale: Value },
): Value {
  if (settings.variant === "clm") {
    const model = createCausalModel(settings.backbone);
    return causalCrossEntropy(model, parameters, hidden, { positions, labels: targets, scale });
  }
  const model = createEncoderModel(settings.backbone);
  return maskedCrossEntropy(model, parameters, hidden, { positions, labels: targets, scale });
}
