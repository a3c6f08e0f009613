/** Reading Hugging Face config.json: every key that would change the mathematics is understood or refused. */
import { TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";

export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

/** The error for a key whose value is not supported. */
export function unsupported(family: string, key: string, received: unknown, expected: string): TuttiError {
  return new TuttiError(
    "MODEL_CONFIG_UNSUPPORTED",
    `${family} config.json: "${key}" must be ${expected}, found ${shown(received)}`,
    { details: { family, key, received } },
  );
}

/** Lists are made with an entry per layer before any weight is seen; no model has as many layers. */
const MAXIMUM_LAYERS = 4096;
const LAYER_COUNTS = ["num_hidden_layers", "n_layer", "num_layers", "num_decoder_layers", "n_layers"];
const MAXIMUM_COUNT = 2 ** 31 - 1;

/** A positive integer: at most 4096 layers, 2^31 - 1 of anything else. */
export function readCount(family: string, config: HuggingFaceConfig, key: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  const maximum = LAYER_COUNTS.includes(key) ? MAXIMUM_LAYERS : MAXIMUM_COUNT;
  if (!Number.isInteger(value) || (value as number) < 1) {
    throw unsupported(family, key, value, "a positive integer");
  }
  if ((value as number) > maximum) throw unsupported(family, key, value, `at most ${maximum}`);
  return value as number;
}

export function readNumber(
  family: string,
  config: HuggingFaceConfig,
  key: string,
  fallback?: number,
): number {
  const value = config[key] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw unsupported(family, key, value, "a finite number");
  }
  return value as number;
}

type ReadNumber = (family: string, config: HuggingFaceConfig, key: string, fallback?: number) => number;

/** A finite number above 0. */
export const readPositive: ReadNumber = (family, config, key, fallback) => {
  const value = readNumber(family, config, key, fallback);
  if (value <= 0) throw unsupported(family, key, value, "a number above 0");
  return value;
};

/** A finite number from 0 on. */
export const readNotNegative: ReadNumber = (family, config, key, fallback) => {
  const value = readNumber(family, config, key, fallback);
  if (value < 0) throw unsupported(family, key, value, "a number from 0 on");
  return value;
};

/** Refuses a key whose value is not one of those supported. Absent is allowed when undefined is listed. */
export function requireOneOf(
  family: string,
  config: HuggingFaceConfig,
  key: string,
  supported: readonly unknown[],
): void {
  const value = config[key] ?? undefined;
  if (!supported.includes(value)) {
    const names = supported.filter((item) => item !== undefined).map((item) => JSON.stringify(item));
    const expected = [...names, ...(supported.includes(undefined) ? ["absent"] : [])].join(" or ");
    throw unsupported(family, key, value, expected);
  }
}

/** A truth value. */
export function readBoolean(
  family: string,
  config: HuggingFaceConfig,
  key: string,
  fallback: boolean,
): boolean {
  const value = config[key] ?? fallback;
  if (typeof value !== "boolean") throw unsupported(family, key, value, "true or false");
  return value;
}

/** A positive number or, where the key is null, undefined; `fallback` is for an absent key only. */
export function readOptionalNumber(
  family: string,
  config: HuggingFaceConfig,
  key: string,
  fallback: number | undefined,
): number | undefined {
  const value = config[key] === undefined ? fallback : (config[key] ?? undefined);
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !(value > 0 && Number.isFinite(value)))
    throw unsupported(family, key, value, "a positive number or null");
  return value;
}

/** A probability below 1: of dropout. */
export function readProbability(
  family: string,
  config: HuggingFaceConfig,
  key: string,
  fallback: number,
): number {
  const value = readNumber(family, config, key, fallback);
  if (value < 0 || value >= 1) throw unsupported(family, key, value, "in 0 <= p < 1");
  return value;
}

/** Keys that transformers 5 takes as Python floats only, and whose values are often whole. */
const FLOAT_KEYS = [
  "initializer_factor",
  "initializer_cutoff_factor",
  "attn_logit_softcapping",
  "final_logit_softcapping",
];
const WHOLE_FLOAT = new RegExp(`^(\\s*"(?:${FLOAT_KEYS.join("|")})": -?\\d+)(?=,?$)`, "gm");

/** The text of a config.json. Numbers that transformers wants as floats are written with a decimal point. */
export function configJsonText(config: HuggingFaceConfig): string {
  return `${JSON.stringify(config, null, 2).replace(WHOLE_FLOAT, "$1.0")}\n`;
}
