/** Weights of a causal language model from checkpoints: names put right, leftovers dropped, all of it checked. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkParameters, type Parameters } from "../nn/parameters.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { readSafetensors } from "../weights/index.ts";
import { createCausalModel } from "./causal-families.ts";
import { type CausalModel, HEAD } from "./causal-model.ts";
import type { HuggingFaceConfig } from "./config.ts";

/** Tensors that older checkpoints carry and that follow from the config: rotary frequencies, causal masks. */
const DERIVED = /\.(rotary_emb\.inv_freq|attn\.bias|attn\.masked_bias)$/;

/**
 * The model's name for a stored tensor: bare decoders leave out the prefix.
 *
 * @returns undefined for tensors the model makes itself, or does not have: a copy of tied embeddings
 */
export function causalParameterName(model: CausalModel, stored: string): string | undefined {
  if (DERIVED.test(stored) || (stored === HEAD && model.config.hasTiedEmbeddings)) return undefined;
  return !(stored in model.specs) && model.prefix + stored in model.specs ? model.prefix + stored : stored;
}

/**
 * Parameters of `model` from the tensors of a checkpoint.
 *
 * @param source named in errors
 * @throws {TuttiError} WEIGHTS_MISMATCH naming the first missing, extra or misshapen tensor
 */
export function adoptCausalParameters(model: CausalModel, stored: Parameters, source: string): Parameters {
  const parameters: Record<string, Float32Tensor> = {};
  for (const [name, tensor] of Object.entries(stored)) {
    const ours = causalParameterName(model, name);
    if (ours !== undefined) parameters[ours] = tensor;
  }
  checkParameters(model.specs, parameters, source);
  return parameters;
}

export interface LoadedCausalModel {
  readonly model: CausalModel;
  readonly parameters: Parameters;
}

/**
 * Reads `config.json` and `model.safetensors` of a folder. Half-precision tensors are widened to float32.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, SAFETENSORS_INVALID or WEIGHTS_MISMATCH
 */
export function loadCausalModel(folder: string): LoadedCausalModel {
  const model = createCausalModel(readConfig(join(folder, "config.json")));
  const path = join(folder, "model.safetensors");
  const stored: Record<string, Float32Tensor> = {};
  for (const [name, { shape, data }] of readSafetensors(path).tensors) {
    if (data instanceof Float32Array) stored[name] = float32(shape, data);
  }
  return { model, parameters: adoptCausalParameters(model, stored, path) };
}

function readConfig(path: string): HuggingFaceConfig {
  if (!existsSync(path)) {
    throw new TuttiError("FILE_NOT_FOUND", `model configuration not found: ${path}`, {
      details: { path },
      hint: "a model folder holds config.json and model.safetensors",
    });
  }
  try {
    return JSON.parse(readFileSync(path, "utf8")) as HuggingFaceConfig;
  } catch (cause) {
    throw new TuttiError("MODEL_CONFIG_UNSUPPORTED", `could not read ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
