/** Weights of a causal language model from checkpoints: names put right, leftovers dropped, all of it checked. */
import { join } from "node:path";
import { checkParameters, type Parameters } from "../nn/parameters.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { openWeights, type WeightSource } from "../weights/index.ts";
import { createCausalModel } from "./causal-families.ts";
import { type CausalModel, HEAD } from "./causal-model.ts";
import { readModelConfig } from "./config-file.ts";
import { matchWeights } from "./match-weights.ts";

/** Tensors that older checkpoints carry and that follow from the config: rotary frequencies, causal masks. */
const DERIVED = /\.(rotary_emb\.inv_freq|attn\.bias|attn\.masked_bias)$/;

/**
 * The model's name for a stored tensor: bare decoders leave out the prefix.
 *
 * @returns undefined for tensors the model makes itself, or does not have: a copy of tied embeddings
 */
export function causalParameterName(model: CausalModel, stored: string): string | undefined {
  if (DERIVED.test(stored) || (stored === HEAD && model.config.hasTiedEmbeddings)) return undefined;
  const isOurs = (name: string): boolean => Object.hasOwn(model.specs, name);
  return !isOurs(stored) && isOurs(model.prefix + stored) ? model.prefix + stored : stored;
}

/**
 * Parameters of `model` from the tensors of a checkpoint.
 *
 * @param source named in errors
 * @throws {TuttiError} WEIGHTS_MISMATCH naming the first missing, extra or misshapen tensor
 */
export function adoptCausalParameters(model: CausalModel, stored: Parameters, source: string): Parameters {
  const named = Object.entries(stored).flatMap(([name, tensor]): [string, Float32Tensor][] => {
    const ours = causalParameterName(model, name);
    return ours === undefined ? [] : [[ours, tensor]];
  });
  const parameters = Object.fromEntries(named);
  checkParameters(model.specs, parameters, source);
  return parameters;
}

export interface LoadedCausalModel {
  readonly model: CausalModel;
  readonly parameters: Parameters;
}

/**
 * The tensors of a checkpoint that `model` takes, stored name to its own, checked against the model before any is read:
 * a config.json of other sizes costs no memory.
 *
 * @throws {TuttiError} WEIGHTS_MISMATCH naming the first missing, extra or misshapen tensor
 */
export function matchCausalWeights(model: CausalModel, source: WeightSource): ReadonlyMap<string, string> {
  return matchWeights(model.specs, source, (stored) => causalParameterName(model, stored));
}

/**
 * Reads `config.json` and the safetensors weights of a folder. Half-precision tensors are widened to float32.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, SAFETENSORS_INVALID or WEIGHTS_MISMATCH
 */
export function loadCausalModel(folder: string): LoadedCausalModel {
  const config = readModelConfig(
    join(folder, "config.json"),
    "a model folder holds config.json and model.safetensors",
  );
  const model = createCausalModel(config);
  const source = openWeights(folder);
  try {
    const parameters: Record<string, Float32Tensor> = {};
    for (const [stored, name] of matchCausalWeights(model, source)) {
      const { shape, data } = source.read(stored);
      parameters[name] = float32(shape, data as Float32Array);
    }
    return { model, parameters };
  } finally {
    source.close();
  }
}
