/** JSON files of a model folder. */
import { existsSync, readFileSync } from "node:fs";
import { messageOf, TuttiError } from "../support/errors.ts";

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
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value) !== (kind === "array")) {
      throw new Error(`not a JSON ${kind}`);
    }
    return value as JsonObject;
  } catch (cause) {
    throw new TuttiError("MODEL_CONFIG_UNSUPPORTED", `could not read ${file}: ${messageOf(cause)}`, {
      details: { file },
      cause,
    });
  }
}
