/** The JSON files of a model's folder. */
import { existsSync } from "node:fs";
import { TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, isJsonObject, readJsonFile } from "../support/json.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The object in a JSON file, or undefined when the file is not there.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED when it is no such file: no JSON, a pipe, beyond the limits
 */
export function readOptionalJson(path: string): Json | undefined {
  if (!existsSync(path)) return undefined;
  const refuse = (problem: string, cause?: unknown): TuttiError =>
    new TuttiError("MODEL_CONFIG_UNSUPPORTED", `${path}: ${problem}`, {
      details: { path },
      hint: "copy the file from where the model came from",
      ...(cause === undefined ? {} : { cause }),
    });
  const value = readJsonFile(path, CONFIGURATION_LIMITS, refuse);
  if (!isJsonObject(value)) throw refuse("is not a JSON object");
  return value;
}

/**
 * The config.json of a model.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED as {@link readOptionalJson}
 */
export function readModelConfig(path: string, hint: string): Json {
  const config = readOptionalJson(path);
  if (config !== undefined) return config;
  throw new TuttiError("FILE_NOT_FOUND", `model configuration not found: ${path}`, {
    details: { path },
    hint,
  });
}
