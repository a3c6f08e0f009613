/**
 * Rotary settings of config.json. transformers 5 nests them in `rope_parameters`; before, `rope_theta` stood beside
 * `rope_scaling`, whose type was first called `type`.
 */
import { type RotarySettings, yarnAttentionFactor } from "../nn/rotary-frequencies.ts";
import {
  type HuggingFaceConfig,
  readCount,
  readNotNegative,
  readPositive,
  requireOneOf,
  unsupported,
} from "./config.ts";

const COMMON_KEYS = ["rope_type", "type", "rope_theta", "partial_rotary_factor"];
const KEYS: Readonly<Record<string, readonly string[]>> = {
  default: [],
  linear: ["factor"],
  dynamic: ["factor"],
  llama3: ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
  yarn: [
    "factor",
    "original_max_position_embeddings",
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "mscale",
    "mscale_all_dim",
    "truncate",
  ],
};

/** The object under `key`, or undefined when absent or null. */
export function readObject(
  family: string,
  config: HuggingFaceConfig,
  key: string,
): HuggingFaceConfig | undefined {
  const value = config[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw unsupported(family, key, value, "an object");
  return value as HuggingFaceConfig;
}

/**
 * The rotary settings of a whole model.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key
 */
export function readRotary(family: string, config: HuggingFaceConfig): RotarySettings {
  const key = (config.rope_scaling ?? undefined) === undefined ? "rope_parameters" : "rope_scaling";
  return rotarySettings(family, config, key, readObject(family, config, key) ?? {}, 10_000);
}

const LAYER_TYPES = ["full_attention", "sliding_attention"];

/** Where older files keep what transformers 5 nests in `rope_parameters` by kind of layer. */
export interface LayerRotaryKeys {
  /** Key of the base, and the base where it is absent. */
  readonly global: readonly [key: string, theta: number];
  readonly local: readonly [key: string, theta: number];
  /** Whether `rope_scaling` is for local layers too. */
  readonly scalesLocal: boolean;
}

/**
 * The rotary settings of a model whose global and local layers turn by bases of their own.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key
 */
export function readLayerRotary(
  family: string,
  config: HuggingFaceConfig,
  keys: LayerRotaryKeys,
): { readonly globalRotary: RotarySettings; readonly localRotary: RotarySettings } {
  const nested = readObject(family, config, "rope_parameters") ?? {};
  for (const key of Object.keys(nested)) {
    if (!LAYER_TYPES.includes(key)) {
      const expected = `inside ${LAYER_TYPES.join(" or ")}`;
      throw unsupported(`${family} rope_parameters`, key, nested[key], expected);
    }
  }
  const scaling = readObject(family, config, "rope_scaling");
  const settings = (type: string, [key, theta]: readonly [string, number], isScaled: boolean) =>
    rotarySettings(
      family,
      { ...config, rope_theta: config[key] },
      "rope_parameters",
      { ...readObject(family, nested, type), ...(isScaled && scaling) },
      theta,
    );
  return {
    globalRotary: settings("full_attention", keys.global, true),
    localRotary: settings("sliding_attention", keys.local, keys.scalesLocal),
  };
}

/**
 * @param key where `parameters` were found, for messages
 * @param defaultTheta base when neither `parameters` nor `config` has one
 */
export function rotarySettings(
  family: string,
  config: HuggingFaceConfig,
  key: string,
  parameters: HuggingFaceConfig,
  defaultTheta: number,
): RotarySettings {
  const where = `${family} ${key}`;
  const kind = parameters.rope_type ?? parameters.type ?? "default";
  const keys = typeof kind === "string" && Object.hasOwn(KEYS, kind) ? KEYS[kind] : undefined;
  if (!keys) {
    throw unsupported(
      where,
      "rope_type",
      kind,
      Object.keys(KEYS)
        .map((name) => `"${name}"`)
        .join(" or "),
    );
  }
  for (const name of Object.keys(parameters)) {
    if (![...COMMON_KEYS, ...keys].includes(name)) {
      throw unsupported(where, name, parameters[name], `absent for rope_type "${kind}"`);
    }
  }
  for (const place of [parameters, config])
    requireOneOf(where, place, "partial_rotary_factor", [1, undefined]);
  const theta = readPositive(
    family,
    { rope_theta: parameters.rope_theta ?? config.rope_theta },
    "rope_theta",
    defaultTheta,
  );
  if (kind === "default") return { kind, theta };
  const maxPositions = readCount(family, config, "max_position_embeddings");
  // A value beside the parameters wins, as in transformers.
  const originalPositions = readCount(
    family,
    { ...parameters, ...pick(config, "original_max_position_embeddings") },
    "original_max_position_embeddings",
    maxPositions,
  );
  const number = (name: string): number => readPositive(where, parameters, name);
  if (kind === "yarn") return yarnSettings(where, parameters, theta, maxPositions, originalPositions);
  const factor = number("factor");
  if (kind === "linear") return { kind, theta, factor };
  if (kind === "dynamic") return { kind, theta, factor, originalPositions: maxPositions };
  return {
    kind: "llama3",
    theta,
    factor,
    lowFrequencyFactor: number("low_freq_factor"),
    highFrequencyFactor: number("high_freq_factor"),
    originalPositions,
  };
}

function pick(config: HuggingFaceConfig, key: string): HuggingFaceConfig {
  return config[key] === undefined || config[key] === null ? {} : { [key]: config[key] };
}

function yarnSettings(
  where: string,
  parameters: HuggingFaceConfig,
  theta: number,
  maxPositions: number,
  originalPositions: number,
): RotarySettings {
  const optional = (name: string): number | undefined =>
    (parameters[name] ?? undefined) === undefined ? undefined : readNotNegative(where, parameters, name);
  const factor = optional("factor") ?? maxPositions / originalPositions;
  if (factor === 0) throw unsupported(where, "factor", factor, "a number above 0");
  requireOneOf(where, parameters, "truncate", [true, false, undefined]);
  return {
    kind: "yarn",
    theta,
    factor,
    originalPositions,
    // 0 counts as absent, as in transformers.
    betaFast: optional("beta_fast") || 32,
    betaSlow: optional("beta_slow") || 1,
    isTruncated: parameters.truncate !== false,
    attentionFactor:
      optional("attention_factor") ??
      yarnAttentionFactor(factor, optional("mscale"), optional("mscale_all_dim")),
  };
}
