/** Where a Lookahead model starts from: a small backbone from scratch, or pretrained weights from a folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readModelConfig } from "../../models/config-file.ts";
import {
  bertConfigJson,
  causalParameterName,
  createCausalModel,
  parseBertConfig,
} from "../../models/index.ts";
import { initialiseParameters, type Parameters } from "../../nn/index.ts";
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
  return settings.variant === "clm"
    ? createCausalModel(settings.backbone).config.maxPositions
    : parseBertConfig(settings.backbone).maxPositions;
}

/**
 * Start values: fresh ones, overwritten by those of `folder` where given. Rows added for identifier tokens start
 * at the mean of the pretrained ones plus Gaussian noise of 1 / sqrt(hidden size) (arXiv 2510.19506, CLM).
 *
 * @throws {TuttiError} WEIGHTS_MISMATCH when the folder lacks a tensor of the backbone
 */
export function startParameters(settings: LookaheadSettings, seed: number, folder?: string): Parameters {
  const parameters: Record<string, Float32Tensor> = {
    ...initialiseParameters(lookaheadSpecs(settings), seed),
  };
  if (folder === undefined) return parameters;
  const path = join(folder, "model.safetensors");
  if (!existsSync(path)) {
    throw new TuttiError("FILE_NOT_FOUND", `backbone weights not found: ${path}`, { details: { path } });
  }
  const pretrained = renamed(settings, loadParameters(path));
  for (const name of Object.keys(parameters)) {
    if (name.startsWith("routing.")) continue;
    // Bare encoders store their tensors without the "bert." prefix.
    const stored = pretrained[name] ?? pretrained[name.replace(/^bert\./, "")];
    if (stored) parameters[name] = adaptRows(parameters[name]!, stored, name, seed);
    else if (!name.startsWith("cls.")) {
      throw new TuttiError("WEIGHTS_MISMATCH", `${path}: has no tensor "${name}"`, {
        details: { path, name },
      });
    }
  }
  return parameters;
}

/** Names of the decoder family; encoders are renamed where they are looked up. */
function renamed(settings: LookaheadSettings, stored: Parameters): Parameters {
  if (settings.variant !== "clm") return stored;
  const model = createCausalModel(settings.backbone);
  return Object.fromEntries(
    Object.entries(stored).flatMap(([name, tensor]) => {
      const ours = causalParameterName(model, name);
      return ours === undefined ? [] : [[ours, tensor]];
    }),
  );
}

function adaptRows(
  declared: Float32Tensor,
  stored: Float32Tensor,
  name: string,
  seed: number,
): Float32Tensor {
  if (stored.shape.join() === declared.shape.join()) return float32(declared.shape, stored.data.slice());
  const [rows, width] = declared.shape as [number, number];
  const [storedRows, storedWidth] = stored.shape as [number, number];
  if (storedWidth !== width || storedRows > rows) {
    throw new TuttiError(
      "WEIGHTS_MISMATCH",
      `tensor "${name}" is [${stored.shape}], the model takes [${declared.shape}]`,
    );
  }
  const data = new Float32Array(rows * width);
  data.set(stored.data);
  const stream = new RandomStream({ seed, stream: streamOf(`${name} new rows`) });
  for (let column = 0; column < width; column++) {
    let sum = 0;
    for (let row = 0; row < storedRows; row++) sum += stored.data[row * width + column]!;
    for (let row = storedRows; row < rows; row++) {
      data[row * width + column] = sum / storedRows + stream.nextNormal() / Math.sqrt(width);
    }
  }
  return float32(declared.shape, data);
}
