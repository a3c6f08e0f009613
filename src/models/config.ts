/** Reading Hugging Face config.json: every key that would change the mathematics is understood or refused. */
import { TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";

export type HuggingFaceConfig = Readonly<Record<string, unknown>>;

function fail(family: string, key: string, received: unknown, expected: string): never {
  throw new TuttiError(
    "MODEL_CONFIG_UNSUPPORTED",
    `${family} config.json: "${key}" must be ${expected}, found ${shown(received)}`,
    { details: { family, key, received } },
  );
}

/** A positive integer. */
export function readCount(family: string, config: HuggingFaceConfig, key: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (!Number.isInteger(value) || (value as number) < 1) fail(family, key, value, "a positive integer");
  return value as number;
}

export function readNumber(
  family: string,
  config: HuggingFaceConfig,
  key: string,
  fallback?: number,
): number {
  const value = config[key] ?? fallback;
  if (typeof value !== "number" || !Number.isFinite(value)) fail(family, key, value, "a finite number");
  return value as number;
}

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
    fail(family, key, value, `${names.join(" or ")}${supported.includes(undefined) ? " or absent" : ""}`);
  }
}
