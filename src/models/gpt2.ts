/**
 * GPT-2 decoders ("Language Models are Unsupervised Multitask Learners", 2019): learned positions, layer norm before
 * each half of a layer, one fused projection to queries, keys and values. Weights lie as in the checkpoints, whose
 * projections are stored [inputs, outputs] ("Conv1D").
 *
 * B batch, T tokens, H hidden size.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { mergeHeads, splitFusedHeads } from "../nn/attention.ts";
import { dropout, layerNormSpecs, lookUp, namedLayerNorm } from "../nn/layers.ts";
import { adaptationOf } from "../nn/linear-adaptation.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/parameters.ts";
import {
  attendTo,
  type CausalConfig,
  type CausalFamily,
  type DecoderInputs,
  type DecoderOptions,
  HEAD,
} from "./causal-model.ts";
import {
  type HuggingFaceConfig,
  readBoolean,
  readCount,
  readNotNegative,
  readProbability,
  requireOneOf,
  unsupported,
} from "./config.ts";
import { refuseForeignParts } from "./decoder-config.ts";

/** `gelu_new` and `gelu_pytorch_tanh` are two names of one approximation. */
const ACTIVATIONS = {
  gelu_new: ops.geluTanh,
  gelu_pytorch_tanh: ops.geluTanh,
  gelu: ops.gelu,
  relu: ops.relu,
  silu: ops.silu,
} as const;

export interface Gpt2Config extends CausalConfig {
  readonly intermediateSize: number;
  readonly activation: keyof typeof ACTIVATIONS;
  readonly layerNormEpsilon: number;
  readonly embeddingDropout: number;
  readonly attentionDropout: number;
  readonly residualDropout: number;
  /** Factor on q k^T, one a layer. */
  readonly scoreScales: readonly number[];
  readonly initializerRange: number;
}

const EMBEDDING = "transformer.wte.weight";

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseGpt2Config(config: HuggingFaceConfig): Gpt2Config {
  requireOneOf("gpt2", config, "model_type", ["gpt2"]);
  requireOneOf("gpt2", config, "activation_function", [...Object.keys(ACTIVATIONS), undefined]);
  refuseForeignParts("gpt2", config);
  const count = (key: string, fallback?: number): number => readCount("gpt2", config, key, fallback);
  const probability = (key: string): number => readProbability("gpt2", config, key, 0.1);
  const isTrue = (key: string, fallback: boolean): boolean => readBoolean("gpt2", config, key, fallback);
  const hiddenSize = count("n_embd");
  const numHeads = count("n_head");
  const numLayers = count("n_layer");
  if (hiddenSize % numHeads !== 0) {
    throw unsupported("gpt2", "n_embd", hiddenSize, `a multiple of ${numHeads} heads`);
  }
  const headWidth = hiddenSize / numHeads;
  const scale = isTrue("scale_attn_weights", true) ? 1 / Math.sqrt(headWidth) : 1;
  const isScaledByLayer = isTrue("scale_attn_by_inverse_layer_idx", false);
  return {
    vocabularySize: count("vocab_size"),
    hiddenSize,
    numLayers,
    numHeads,
    numKeyValueHeads: numHeads,
    headWidth,
    intermediateSize: count("n_inner", 4 * hiddenSize),
    maxPositions: count("n_positions", 1024),
    activation: (config.activation_function ?? "gelu_new") as keyof typeof ACTIVATIONS,
    layerNormEpsilon: readNotNegative("gpt2", config, "layer_norm_epsilon", 1e-5),
    embeddingDropout: probability("embd_pdrop"),
    attentionDropout: probability("attn_pdrop"),
    residualDropout: probability("resid_pdrop"),
    scoreScales: Array.from({ length: numLayers }, (_, layer) =>
      isScaledByLayer ? scale / (layer + 1) : scale,
    ),
    hasTiedEmbeddings: isTrue("tie_word_embeddings", true),
    initializerRange: readNotNegative("gpt2", config, "initializer_range", 0.02),
    layerWindows: Array.from({ length: numLayers }, () => undefined),
    finalSoftcap: undefined,
  };
}

function conv1dSpecs(name: string, inputs: number, outputs: number, std: number): ParameterSpecs {
  const weight = { ...matrix(inputs, outputs, std), isInputsFirst: true };
  return { [`${name}.weight`]: weight, [`${name}.bias`]: vector(outputs, 0) };
}

/** x W + b with W [inputs, outputs]; an adaptation of W changes the product before the bias is added. */
function conv1d(parameters: ParameterValues, name: string, x: Value): Value {
  const weight = parameters(`${name}.weight`);
  const plain = ops.matmul(x, weight);
  return ops.add(adaptationOf(weight)?.(x, weight, plain) ?? plain, parameters(`${name}.bias`));
}

export function gpt2Specs(config: Gpt2Config): ParameterSpecs {
  const { hiddenSize, intermediateSize, initializerRange: std } = config;
  // Projections onto the residual stream start smaller, by the number of them.
  const residualStd = std / Math.sqrt(2 * config.numLayers);
  const specs: Record<string, ParameterSpecs[string]> = {
    [EMBEDDING]: matrix(config.vocabularySize, hiddenSize, std),
    "transformer.wpe.weight": matrix(config.maxPositions, hiddenSize, std),
  };
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `transformer.h.${layer}`;
    Object.assign(
      specs,
      layerNormSpecs(`${name}.ln_1`, hiddenSize),
      conv1dSpecs(`${name}.attn.c_attn`, hiddenSize, 3 * hiddenSize, std),
      conv1dSpecs(`${name}.attn.c_proj`, hiddenSize, hiddenSize, residualStd),
      layerNormSpecs(`${name}.ln_2`, hiddenSize),
      conv1dSpecs(`${name}.mlp.c_fc`, hiddenSize, intermediateSize, std),
      conv1dSpecs(`${name}.mlp.c_proj`, intermediateSize, hiddenSize, residualStd),
    );
  }
  Object.assign(specs, layerNormSpecs("transformer.ln_f", hiddenSize));
  if (!config.hasTiedEmbeddings) specs[HEAD] = matrix(config.vocabularySize, hiddenSize, std);
  return specs;
}

/** The decoder's final-norm hidden states f32 [B, T, H]. */
export function gpt2Decoder(
  config: Gpt2Config,
  parameters: ParameterValues,
  inputs: DecoderInputs,
  { isTraining = false }: DecoderOptions = {},
): Value {
  const { numHeads, layerNormEpsilon } = config;
  const attend = attendTo(inputs);
  const drop = (x: Value, probability: number): Value => dropout(x, isTraining ? probability : 0);
  const project = (name: string, x: Value): Value => conv1d(parameters, name, x);
  const norm = (name: string, x: Value): Value => namedLayerNorm(parameters, name, x, layerNormEpsilon);
  const words = lookUp(parameters(EMBEDDING), inputs.inputIds);
  const places = ops.gatherRows(parameters("transformer.wpe.weight"), inputs.positionIds);
  const block = (x: Value, index: number, scale: number): Value => {
    const name = `transformer.h.${index}`;
    const fused = project(`${name}.attn.c_attn`, norm(`${name}.ln_1`, x));
    const [q, k, v] = splitFusedHeads(fused, numHeads);
    const layer = {
      index,
      window: undefined,
      scale,
      softcap: undefined,
      dropout: isTraining ? config.attentionDropout : 0,
    };
    const mixed = mergeHeads(attend(layer, q, k, v));
    const attended = ops.add(x, drop(project(`${name}.attn.c_proj`, mixed), config.residualDropout));
    const inner = ACTIVATIONS[config.activation](project(`${name}.mlp.c_fc`, norm(`${name}.ln_2`, attended)));
    return ops.add(attended, drop(project(`${name}.mlp.c_proj`, inner), config.residualDropout));
  };
  const last = config.scoreScales.reduce(
    (x, scale, index) => x.graph.region("layer", () => block(x, index, scale)),
    drop(ops.add(words, places), config.embeddingDropout),
  );
  return norm("transformer.ln_f", last);
}

export const GPT2: CausalFamily<Gpt2Config> = {
  parseConfig: parseGpt2Config,
  specs: gpt2Specs,
  decoder: gpt2Decoder,
  prefix: "transformer.",
  embedding: EMBEDDING,
};
