/**
 * LoRA and DoRA adapters in the files of the peft library: adapter_config.json and adapter_model.safetensors, tensors
 * named base_model.model.MODULE.lora_A.weight, .lora_B.weight and .lora_magnitude_vector.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type LoraConfig, linearSizes, loraModules, loraNames } from "../nn/lora.ts";
import type { ParameterSpecs, Parameters } from "../nn/parameters.ts";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, isJsonObject, readJsonFile } from "../support/json.ts";
import { shown } from "../support/show.ts";
import { float32 } from "../tensor/host-tensor.ts";
import { comesAsFloat32, openSafetensors, type SafetensorsFile, writeSafetensors } from "../weights/index.ts";

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
  const file = openSafetensors(join(folder, MODEL_FILE));
  try {
    const config: LoraConfig = {
      name,
      rank: json.r as number,
      alpha: json.lora_alpha as number,
      dropout: (json.lora_dropout as number | undefined) ?? 0,
      isRankStabilized: json.use_rslora === true,
      usesDora: json.use_dora === true,
      targets: modulesOf([...file.entries.keys()]),
    };
    const places = placesOf(file.path, specs, config);
    checkTensors(file, places);
    loraModules(specs, config);
    const parameters = places.map(({ stored, into, shape }) => {
      return [into, float32(shape, file.read(stored).data as Float32Array)] as const;
    });
    return { config, parameters: Object.fromEntries(parameters) };
  } finally {
    file.close();
  }
}

/** A tensor of the file, what it is called here, and the shape that follows from base model and rank. */
interface Place {
  readonly stored: string;
  readonly into: string;
  readonly shape: readonly number[];
}

function placesOf(path: string, specs: ParameterSpecs, config: LoraConfig): Place[] {
  const targets = config.targets as readonly string[];
  if (targets.length === 0) {
    throw new TuttiError("WEIGHTS_MISMATCH", `${path}: holds no adapter`, { details: { path } });
  }
  return targets.flatMap((module): Place[] => {
    const weight = specs[`${module}.weight`];
    if (weight?.shape.length !== 2) {
      throw new TuttiError("WEIGHTS_MISMATCH", `${path}: the model has no linear layer ${shown(module)}`, {
        details: { path, module },
        hint: "the adapter belongs to another base model",
      });
    }
    const { outputs, inputs } = linearSizes(weight);
    const names = loraNames(module, config);
    const stored = `${PREFIX}${module}`;
    return [
      { stored: `${stored}.lora_A.weight`, into: names.a, shape: [config.rank, inputs] },
      { stored: `${stored}.lora_B.weight`, into: names.b, shape: [outputs, config.rank] },
      ...(config.usesDora
        ? [{ stored: `${stored}.lora_magnitude_vector`, into: names.magnitude, shape: [outputs] }]
        : []),
    ];
  });
}

/** Every place is filled and every tensor has one; none is read for it. */
function checkTensors({ path, entries }: SafetensorsFile, places: readonly Place[]): void {
  for (const { stored, shape } of places) {
    const entry = entries.get(stored);
    if (entry && comesAsFloat32(entry) && entry.shape.join() === shape.join()) continue;
    const found = entry ? `${entry.dtype} [${entry.shape}]` : "nothing";
    throw new TuttiError(
      "WEIGHTS_MISMATCH",
      `${path}: tensor ${shown(stored, 200)} must be [${shape}], found ${found}`,
      { details: { path, tensor: stored }, hint: "the adapter belongs to another base model" },
    );
  }
  const known = new Set(places.map(({ stored }) => stored));
  const extra = [...entries.keys()].find((stored) => !known.has(stored));
  if (extra !== undefined) {
    throw new TuttiError("WEIGHTS_MISMATCH", `${path}: tensor ${shown(extra)} is not understood`, {
      details: { path, tensor: extra },
    });
  }
}

function modulesOf(stored: readonly string[]): string[] {
  const ending = ".lora_A.weight";
  return stored
    .filter((name) => name.startsWith(PREFIX) && name.endsWith(ending))
    .map((name) => name.slice(PREFIX.length, -ending.length));
}

function readConfig(path: string): Readonly<Record<string, unknown>> {
  if (!existsSync(path)) {
    throw new TuttiError("FILE_NOT_FOUND", `could not read ${path}: it is not there`, {
      details: { path },
      hint: `an adapter folder holds ${CONFIG_FILE} and ${MODEL_FILE}`,
    });
  }
  const corrupt = (problem: string, cause?: unknown): TuttiError =>
    new TuttiError("FILE_CORRUPT", `${path}: ${problem}`, { details: { path }, cause });
  const config = readJsonFile(path, CONFIGURATION_LIMITS, corrupt);
  if (!isJsonObject(config)) throw corrupt("must be a JSON object");
  const fail = (key: string, expected: string): never => {
    throw new TuttiError(
      "MODEL_CONFIG_UNSUPPORTED",
      `${path}: "${key}" must be ${expected}, found ${shown(config[key])}`,
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
  const { lora_alpha: alpha, lora_dropout: dropout = 0 } = config;
  if (!(typeof alpha === "number" && Number.isFinite(alpha) && alpha > 0))
    fail("lora_alpha", "a number above 0");
  if (!(typeof dropout === "number" && dropout >= 0 && dropout < 1))
    fail("lora_dropout", "from 0 to below 1");
  for (const key of ["use_rslora", "use_dora"]) {
    if (![true, false, undefined, null].includes(config[key] as boolean | null | undefined))
      fail(key, "true or false");
  }
  return config;
}
