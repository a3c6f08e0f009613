/**
 * Llama-style decoders (arXiv 2302.13971): Llama, SmolLM2. RMS norm, rotary positions, grouped-query attention,
 * SwiGLU; driven by the Hugging Face config.json, parameter names as in the checkpoints.
 * B batch, T tokens, H hidden size, D head width.
 */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { attention, mergeHeads, splitHeads } from "../nn/attention.ts";
import { linear } from "../nn/layers.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/parameters.ts";
import { type HuggingFaceConfig, readCount, readNumber, requireOneOf } from "./config.ts";

export interface LlamaConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headWidth: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  readonly ropeTheta: number;
  readonly rmsNormEpsilon: number;
  readonly hasTiedEmbeddings: boolean;
  readonly initializerRange: number;
}

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseLlamaConfig(config: HuggingFaceConfig): LlamaConfig {
  requireOneOf("llama", config, "model_type", ["llama"]);
  requireOneOf("llama", config, "hidden_act", ["silu", undefined]);
  requireOneOf("llama", config, "attention_bias", [false, undefined]);
  requireOneOf("llama", config, "mlp_bias", [false, undefined]);
  requireOneOf("llama", config, "rope_scaling", [undefined]);
  const count = (key: string, fallback?: number): number => readCount("llama", config, key, fallback);
  const number = (key: string, fallback: number): number => readNumber("llama", config, key, fallback);
  const hiddenSize = count("hidden_size");
  const numHeads = count("num_attention_heads");
  return {
    vocabularySize: count("vocab_size"),
    hiddenSize,
    numLayers: count("num_hidden_layers"),
    numHeads,
    numKeyValueHeads: count("num_key_value_heads", numHeads),
    headWidth: count("head_dim", hiddenSize / numHeads),
    intermediateSize: count("intermediate_size"),
    maxPositions: count("max_position_embeddings", 2048),
    ropeTheta: ropeTheta(config),
    rmsNormEpsilon: number("rms_norm_eps", 1e-6),
    hasTiedEmbeddings: config.tie_word_embeddings === true,
    initializerRange: number("initializer_range", 0.02),
  };
}

/** transformers 5 moved rope_theta into rope_parameters. */
function ropeTheta(config: HuggingFaceConfig): number {
  const parameters = config.rope_parameters as HuggingFaceConfig | undefined;
  if (parameters) requireOneOf("llama", parameters, "rope_type", ["default", undefined]);
  return readNumber("llama", parameters ?? config, "rope_theta", 10_000);
}

export function llamaSpecs(config: LlamaConfig): ParameterSpecs {
  const { hiddenSize, intermediateSize, headWidth, initializerRange: std } = config;
  const queryWidth = config.numHeads * headWidth;
  const keyWidth = config.numKeyValueHeads * headWidth;
  const specs: Record<string, ParameterSpecs[string]> = {
    "model.embed_tokens.weight": matrix(config.vocabularySize, hiddenSize, std),
  };
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `model.layers.${layer}`;
    Object.assign(specs, {
      [`${name}.self_attn.q_proj.weight`]: matrix(queryWidth, hiddenSize, std),
      [`${name}.self_attn.k_proj.weight`]: matrix(keyWidth, hiddenSize, std),
      [`${name}.self_attn.v_proj.weight`]: matrix(keyWidth, hiddenSize, std),
      [`${name}.self_attn.o_proj.weight`]: matrix(hiddenSize, queryWidth, std),
      [`${name}.mlp.gate_proj.weight`]: matrix(intermediateSize, hiddenSize, std),
      [`${name}.mlp.up_proj.weight`]: matrix(intermediateSize, hiddenSize, std),
      [`${name}.mlp.down_proj.weight`]: matrix(hiddenSize, intermediateSize, std),
      [`${name}.input_layernorm.weight`]: vector(hiddenSize, 1),
      [`${name}.post_attention_layernorm.weight`]: vector(hiddenSize, 1),
    });
  }
  specs["model.norm.weight"] = vector(hiddenSize, 1);
  if (!config.hasTiedEmbeddings) specs["lm_head.weight"] = matrix(config.vocabularySize, hiddenSize, std);
  return specs;
}

/** Cosine and sine tables f32 [maxPositions, D/2]: angle(p, i) = p / theta^(2i/D). */
function rotaryTables(graph: Graph, config: LlamaConfig): { cosine: Value; sine: Value } {
  const half = config.headWidth / 2;
  const fill = (f: (angle: number) => number): Float32Array =>
    Float32Array.from({ length: config.maxPositions * half }, (_, flat) => {
      const inverseFrequency = Math.fround(1 / config.ropeTheta ** ((2 * (flat % half)) / config.headWidth));
      return f(Math.fround(Math.floor(flat / half) * inverseFrequency));
    });
  const shape = [config.maxPositions, half];
  return {
    cosine: graph.constant("float32", shape, fill(Math.cos)),
    sine: graph.constant("float32", shape, fill(Math.sin)),
  };
}

export interface LlamaInputs {
  /** i32 [B, T] */
  readonly inputIds: Value;
  /** i32 [B, T]; arbitrary, below maxPositions */
  readonly positionIds: Value;
  /** f32, broadcasts to [B, heads, T, T]; holds the causal mask too */
  readonly attentionBias: Value;
}

/** The decoder's final-norm hidden states f32 [B, T, H]. */
export function llamaDecoder(config: LlamaConfig, parameters: ParameterValues, inputs: LlamaInputs): Value {
  const { cosine, sine } = rotaryTables(inputs.inputIds.graph, config);
  const norm = (name: string, x: Value): Value =>
    ops.rmsNorm(x, parameters(`${name}.weight`), config.rmsNormEpsilon);
  const rotate = (x: Value): Value => ops.rotaryEmbedding(x, inputs.positionIds, cosine, sine);
  let x = ops.gatherRows(parameters("model.embed_tokens.weight"), inputs.inputIds);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `model.layers.${layer}`;
    const project = (part: string, value: Value): Value =>
      linear(value, parameters(`${name}.${part}_proj.weight`));
    const normal = norm(`${name}.input_layernorm`, x);
    const heads = (part: string, count: number): Value =>
      splitHeads(project(`self_attn.${part}`, normal), count);
    const mixed = attention(
      rotate(heads("q", config.numHeads)),
      rotate(heads("k", config.numKeyValueHeads)),
      heads("v", config.numKeyValueHeads),
      inputs.attentionBias,
    );
    x = ops.add(x, project("self_attn.o", mergeHeads(mixed)));
    const inner = norm(`${name}.post_attention_layernorm`, x);
    const gated = ops.mul(ops.silu(project("mlp.gate", inner)), project("mlp.up", inner));
    x = ops.add(x, project("mlp.down", gated));
  }
  return norm("model.norm", x);
}

/** The output projection: the embedding table itself when tied. */
export function llamaHead(config: LlamaConfig, parameters: ParameterValues): Value {
  return parameters(config.hasTiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
}

/** Logits over the vocabulary, [B, T, V]; for training use the chunked loss instead. */
export function llamaLogits(config: LlamaConfig, parameters: ParameterValues, hidden: Value): Value {
  return linear(hidden, llamaHead(config, parameters));
}
