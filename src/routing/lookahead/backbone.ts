/** Where a Lookahead model starts from: a small backbone from scratch, or pretrained weights from a folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readModelConfig } from "../../models/config-file.ts";
import {
  bertConfigJson,
  causalParameterName,
  createCausalModel,
  createEncoderModel,
  encoderParameterName,
} from "../../models/index.ts";
import { initialiseParameters, type ParameterSpecs, type Parameters } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { type Float32Tensor, float32 } from "../../tensor/host-tensor.ts";
import { RandomStream, streamOf } from "../../tensor/random.ts";
import { loadParameters } from "../../train/checkpoint.ts";
import { lookaheadSpecs } from "./model.ts";
import type { LookaheadSettings, Variant } from "./settings.ts";

/** Sizes of the from-scratch backbones: small enough to train in minutes on two cores. */
export const SMALL_BACKBONE = {
  hiddenSize: 128,
  numLayers: 2,
  numHeads: 4,
  intermediateSize: 512,
  maxPositions: 512,
};

export function smallBackboneConfig(variant: Variant, vocabularySize: number): Record<string, unknown> {
  if (variant === "clm") {
    return {
      model_type: "llama",
      vocab_size: vocabularySize,
      hidden_size: SMALL_BACKBONE.hiddenSize,
      num_hidden_layers: SMALL_BACKBONE.numLayers,
      num_attention_heads: SMALL_BACKBONE.numHeads,
      num_key_value_heads: SMALL_BACKBONE.numHeads / 2,
      intermediate_size: SMALL_BACKBONE.intermediateSize,
      max_position_embeddings: SMALL_BACKBONE.maxPositions,
      rope_theta: 10_000,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: true,
      initializer_range: 0.02,
    };
  }
  return {
    ...bertConfigJson({
      ...SMALL_BACKBONE,
      vocabularySize,
      tokenTypes: 2,
      layerNormEpsilon: 1e-12,
      hiddenDropout: 0.1,
      attentionDropout: 0,
      classifierDropout: 0.1,
      hasTiedEmbeddings: true,
      initializerRange: 0.02,
    }),
  };
}

/** The config.json of a pretrained folder, cut to its first layers when asked, dropout as trained. */
export function readBackboneConfig(folder: string, numLayers?: number): Record<string, unknown> {
  const config = readModelConfig(
    join(folder, "config.json"),
    "a backbone folder holds config.json, model.safetensors and tokenizer.json",
  );
  const key = "n_layer" in config ? "n_layer" : "num_hidden_layers";
  return numLayers === undefined ? config : { ...config, [key]: numLayers };
}

/** Longest sequence the backbone has positions for. */
export function maxPositions(settings: Pick<LookaheadSettings, "variant" | "backbone">): number {
  const create = settings.variant === "clm" ? createCausalModel : createEncoderModel;
  return create(settings.backbone).config.maxPositions;
}

/**
 * Start values: fresh ones, overwritten by those of `folder` where given. Rows added for identifier tokens start
 * at the mean of the pretrained ones plus Gaussian noise of 1 / sqrt(hidden size) (arXiv 2510.19506, CLM). A bare
 * encoder has no response head: that starts fresh.
 *
 * @throws {TuttiError} WEIGHTS_MISMATCH when the folder lacks a tensor of the backbone
 */
export function startParameters(settings: LookaheadSettings, seed: number, folder?: string): Parameters {
  const specs = lookaheadSpecs(settings);
  const parameters: Record<string, Float32Tensor> = { ...initialiseParameters(specs, seed) };
  if (folder === undefined) return parameters;
  const path = join(folder, "model.safetensors");
  if (!existsSync(path)) {
    throw new TuttiError("FILE_NOT_FOUND", `backbone weights not found: ${path}`, { details: { path } });
  }
  const { needed, nameOf } = backboneNames(settings, specs);
  const pretrained = Object.fromEntries(
    Object.entries(loadParameters(path)).flatMap(([stored, tensor]) => {
      const name = nameOf(stored);
      return name === undefined ? [] : [[name, tensor]];
    }),
  );
  for (const name of Object.keys(parameters)) {
    const stored = pretrained[name];
    if (stored) parameters[name] = adaptRows(parameters[name]!, stored, name, seed);
    else if (needed.has(name)) {
      throw new TuttiError("WEIGHTS_MISMATCH", `${path}: has no tensor "${name}"`, {
        details: { path, name },
      });
    }
  }
  return parameters;
}

/** Which parameters the folder must have, and what its tensors are called here. */
function backboneNames(settings: LookaheadSettings, specs: ParameterSpecs) {
  if (settings.variant === "clm") {
    const model = createCausalModel(settings.backbone);
    const nameOf = (stored: string) => causalParameterName(model, stored);
    return { needed: new Set(Object.keys(model.specs)), nameOf };
  }
  const model = createEncoderModel(settings.backbone);
  const nameOf = (stored: string) => encoderParameterName(model, specs, stored);
  return { needed: new Set(Object.keys(model.specs)), nameOf };
}

/** `stored` with as many rows as declared; new biases start at the mean of the others, without noise. */
function adaptRows(
  declared: Float32Tensor,
  stored: Float32Tensor,
  name: string,
  seed: number,
): Float32Tensor {
  if (stored.shape.join() === declared.shape.join()) return float32(declared.shape, stored.data.slice());
  const [rows, width = 1] = declared.shape as [number, number?];
  const [storedRows, storedWidth = 1] = stored.shape as [number, number?];
  if (declared.shape.length !== stored.shape.length || storedWidth !== width || storedRows > rows) {
    throw new TuttiError(
      "WEIGHTS_MISMATCH",
      `tensor "${name}" is [${stored.shape}], the model takes [${declared.shape}]`,
    );
  }
  const data = new Float32Array(rows * width);
  data.set(stored.data);
  const stream = new RandomStream({ seed, stream: streamOf(`${name} new rows`) });
  const noise = declared.shape.length > 1 ? 1 / Math.sqrt(width) : 0;
  for (let column = 0; column < width; column++) {
    let sum = 0;
    for (let row = 0; row < storedRows; row++) sum += stored.data[row * width + column]!;
    for (let row = storedRows; row < rows; row++) {
      data[row * width + column] = sum / storedRows + noise * stream.nextNormal();
    }
  }
  return float32(declared.shape, data);
}
