/**
 * LoRA and DoRA adapters in the files of the peft library: adapter_config.json and adapter_model.safetensors, tensors
 * named base_model.model.MODULE.lora_A.weight, .lora_B.weight and .lora_magnitude_vector.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type LoraConfig, linearSizes, loraModules, loraNames } from "../nn/lora.ts";
import type { ParameterSpecs, Parameters } from "../nn/parameters.ts";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { readSafetensors, writeSafetensors } from "../weights/index.ts";

const CONFIG_FILE = "adapter_config.json";
const MODEL_FILE = "adapter_model.safetensors";
const PREFIX = "base_model.model.";

/** Keys under which the mathematics would differ, with the values that mean "not used". */
const UNUSED: Readonly<Record<string, readonly unknown[]>> = {
  bias: ["none"],
  // How base matrices are stored, which the model knows.
  fan_in_fan_out: [false, true],
  lora_bias: [false],
  modules_to_save: [null],
  layer_replication: [null],
  target_parameters: [null],
  trainable_token_indices: [null],
  alora_invocation_tokens: [null],
  arrow_config: [null],
  kasa_config: [null],
  monteclora_config: [null],
  velora_config: [null],
  use_qalora: [false],
  use_bdlora: [null, false],
  rank_pattern: [null, "{}"],
  alpha_pattern: [null, "{}"],
};

/**
 * Writes an adapter that peft loads.
 *
 * @param adapter holds the adapter's parameters under their full names; others are left out
 * @param about.baseModel name or path that peft shall find the base model under
 * @param about.taskType peft's name of the task, which chooses its wrapper. Default CAUSAL_LM
 * @throws {TuttiError} FILE_WRITE_FAILED, INVALID_ARGUMENT for targets that match nothing
 */
export function savePeftAdapter(
  folder: string,
  specs: ParameterSpecs,
  adapter: Parameters,
  config: LoraConfig,
  about: { readonly baseModel?: string; readonly taskType?: string } = {},
): void {
  const modules = loraModules(specs, config);
  const tensors = modules.flatMap((module) => {
    const names = loraNames(module, config);
    const stored: [string, string][] = [
      [names.a, `${PREFIX}${module}.lora_A.weight`],
      [names.b, `${PREFIX}${module}.lora_B.weight`],
    ];
    if (config.usesDora) stored.push([names.magnitude, `${PREFIX}${module}.lora_magnitude_vector`]);
    return stored.map(([from, name]) => {
      const tensor = adapter[from];
      if (!tensor) {
        throw new TuttiError("WEIGHTS_MISMATCH", `adapter "${config.name}" lacks the tensor "${from}"`, {
          details: { name: from },
        });
      }
      return { name, dtype: "F32" as const, shape: tensor.shape, data: tensor.data };
    });
  });
  writeSafetensors(join(folder, MODEL_FILE), tensors, { format: "pt" });
  const json = {
    peft_type: "LORA",
    task_type: about.taskType ?? "CAUSAL_LM",
    base_model_name_or_path: about.baseModel ?? null,
    inference_mode: true,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout ?? 0,
    use_rslora: config.isRankStabilized ?? false,
    use_dora: config.usesDora ?? false,
    target_modules: modules,
    bias: "none",
    fan_in_fan_out: modules.every((module) => specs[`${module}.weight`]!.isInputsFirst === true),
    init_lora_weights: true,
    modules_to_save: null,
    rank_pattern: {},
    alpha_pattern: {},
  };
  // Written last: a folder with this file is complete.
  writeFileAtomic(join(folder, CONFIG_FILE), `${JSON.stringify(json, null, 2)}\n`);
}

export interface LoadedAdapter {
  /** Targets are the full names of the modules found in the file. */
  readonly config: LoraConfig;
  /** Under the names that {@link loraNames} gives. */
  readonly parameters: Parameters;
}

/**
 * Loads an adapter that peft or {@link savePeftAdapter} wrote.
 *
 * @param name what the adapter is called here. Default "default"
 * @throws {TuttiError} FILE_NOT_FOUND; FILE_CORRUPT for a config that is not JSON; MODEL_CONFIG_UNSUPPORTED naming
 *   the key; SAFETENSORS_INVALID; WEIGHTS_MISMATCH when tensors and base model do not fit
 */
export function loadPeftAdapter(folder: string, specs: ParameterSpecs, name = "default"): LoadedAdapter {
  const json = readConfig(join(folder, CONFIG_FILE));
  const path = join(folder, MODEL_FILE);
  const { tensors } = readSafetensors(path);
  const usesDora = json.use_dora === true;
  const targets = modulesOf([...tensors.keys()]);
  const config: LoraConfig = {
    name,
    rank: json.r as number,
    alpha: json.lora_alpha as number,
    dropout: (json.lora_dropout as number | undefined) ?? 0,
    isRankStabilized: json.use_rslora === true,
    usesDora,
    targets,
  };
  const parameters: Record<string, Float32Tensor> = {};
  const seen = new Set<string>();
  const take = (stored: string, into: string, shape: readonly number[]): void => {
    const tensor = tensors.get(stored);
    if (!(tensor?.data instanceof Float32Array) || tensor.shape.join() !== shape.join()) {
      throw new TuttiError(
        "WEIGHTS_MISMATCH",
        `${path}: tensor "${stored}" must be [${shape}], found ${tensor ? `[${tensor.shape}]` : "nothing"}`,
        { details: { path, tensor: stored }, hint: "the adapter belongs to another base model" },
      );
    }
    seen.add(stored);
    parameters[into] = float32(shape, tensor.data);
  };
  for (const module of targets) {
    const weight = specs[`${module}.weight`];
    if (weight?.shape.length !== 2) {
      throw new TuttiError("WEIGHTS_MISMATCH", `${path}: the model has no linear layer "${module}"`, {
        details: { path, module },
        hint: "the adapter belongs to another base model",
      });
    }
    const { outputs, inputs } = linearSizes(weight);
    const names = loraNames(module, config);
    take(`${PREFIX}${module}.lora_A.weight`, names.a, [config.rank, inputs]);
    take(`${PREFIX}${module}.lora_B.weight`, names.b, [outputs, config.rank]);
    if (usesDora) take(`${PREFIX}${module}.lora_magnitude_vector`, names.magnitude, [outputs]);
  }
  const extra = [...tensors.keys()].find((stored) => !seen.has(stored));
  if (extra !== undefined || targets.length === 0) {
    throw new TuttiError(
      "WEIGHTS_MISMATCH",
      extra === undefined ? `${path}: holds no adapter` : `${path}: tensor "${extra}" is not understood`,
      { details: { path, tensor: extra } },
    );
  }
  loraModules(specs, config);
  return { config, parameters };
}

function modulesOf(stored: readonly string[]): string[] {
  const ending = ".lora_A.weight";
  return stored
    .filter((name) => name.startsWith(PREFIX) && name.endsWith(ending))
    .map((name) => name.slice(PREFIX.length, -ending.length));
}

function readConfig(path: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new TuttiError("FILE_NOT_FOUND", `could not read ${path}: ${messageOf(cause)}`, {
      cause,
      hint: `an adapter folder holds ${CONFIG_FILE} and ${MODEL_FILE}`,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new TuttiError("FILE_CORRUPT", `${path}: is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new TuttiError("FILE_CORRUPT", `${path}: must be a JSON object`);
  }
  const config = json as Record<string, unknown>;
  const fail = (key: string, expected: string): never => {
    throw new TuttiError(
      "MODEL_CONFIG_UNSUPPORTED",
      `${path}: "${key}" must be ${expected}, found ${JSON.stringify(config[key])}`,
      { details: { path, key }, hint: "plain LoRA, rsLoRA and DoRA without biases are supported" },
    );
  };
  if (config.peft_type !== "LORA") fail("peft_type", '"LORA"');
  for (const [key, unused] of Object.entries(UNUSED)) {
    const value = config[key];
    const isEmptyObject = typeof value === "object" && value !== null && JSON.stringify(value) === "{}";
    const isUnused = value === undefined || unused.includes(isEmptyObject ? "{}" : value);
    if (!isUnused)
      fail(key, unused.map((item) => (item === "{}" ? "{}" : JSON.stringify(item))).join(" or "));
  }
  if (!Number.isInteger(config.r) || (config.r as number) < 1) fail("r", "a positive integer");
  if (typeof config.lora_alpha !== "number") fail("lora_alpha", "a number");
  if (!["number", "undefined"].includes(typeof config.lora_dropout)) fail("lora_dropout", "a number");
  return config;
}
