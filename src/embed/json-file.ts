/** JSON files of a model folder. */
import { existsSync } from "node:fs";
import { TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, readJsonFile } from "../support/json.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The content of a file that holds an object, or an array.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED
 */
export function readJsonObject(file: string, kind?: "object"): JsonObject;
export function readJsonObject(file: string, kind: "array"): readonly unknown[];
export function readJsonObject(
  file: string,
  kind: "object" | "array" = "object",
): JsonObject | readonly unknown[] {
  if (!existsSync(file)) {
    throw new TuttiError("FILE_NOT_FOUND", `${file} is missing`, {
      details: { file },
      hint: "copy the whole folder of the model, with the folders inside it",
    });
  }
  const refuse = (problem: string, cause?: unknown): TuttiError =>
    new TuttiError("MODEL_CONFIG_UNSUPPORTED", `${file}: ${problem}`, {
      details: { file },
      ...(cause !== undefined && { cause }),
    });
  const value = readJsonFile(file, CONFIGURATION_LIMITS, refuse);
  if (typeof value !== "object" || value === null || Array.isArray(value) !== (kind === "array")) {
    throw refuse(`is not a JSON ${kind}`);
  }
  return value as JsonObject;
}
