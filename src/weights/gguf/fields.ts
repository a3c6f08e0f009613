/** Reading and making metadata fields, with errors that name the key. */
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import type { GgufMetadata, GgufValue } from "./metadata.ts";

export type Config = Readonly<Record<string, unknown>>;

export function unsupported(where: string, key: string, received: unknown, expected: string): TuttiError {
  return new TuttiError(
    "MODEL_CONFIG_UNSUPPORTED",
    `${where}: "${key}" must be ${expected}, found ${shown(received)}`,
    { details: { key } },
  );
}

/** The number of fewest decimals that is the same in float32: 1e-5 instead of 0.000009999999747378752. */
export function shortestDecimal(value: number): number {
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

/** The value of a numeric field, or undefined when it is absent. */
export function numberField(path: string, metadata: GgufMetadata, key: string): number | undefined {
  const field = metadata.get(key);
  if (field === undefined) return undefined;
  const value = typeof field.value === "bigint" ? Number(field.value) : field.value;
  if (typeof value !== "number" || !Number.isFinite(value))
    throw unsupported(path, key, field.value, "a finite number");
  return field.type === "float32" ? shortestDecimal(value) : value;
}

export function textField(path: string, metadata: GgufMetadata, key: string): string | undefined {
  const field = metadata.get(key);
  if (field === undefined) return undefined;
  if (field.type !== "string") throw unsupported(path, key, field.type, "a string");
  return field.value;
}

export const uint32 = (value: number): GgufValue => ({ type: "uint32", value });
export const float32 = (value: number): GgufValue => ({ type: "float32", value: Math.fround(value) });
export const text = (value: string): GgufValue => ({ type: "string", value });
export const bool = (value: boolean): GgufValue => ({ type: "bool", value });

/** A number of a config.json, or undefined when it is absent or null. */
export function configNumber(config: Config, key: string): number | undefined {
  const value = config[key] ?? undefined;
  if (value !== undefined && (typeof value !== "number" || !Number.isFinite(value))) {
    throw unsupported("config.json", key, value, "a finite number");
  }
  return value;
}

export function requiredNumber(config: Config, key: string): number {
  const value = configNumber(config, key);
  if (value === undefined) throw unsupported("config.json", key, undefined, "a number");
  return value;
}
