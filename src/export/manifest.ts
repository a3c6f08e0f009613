/** `manifest.json` of an exported model: what the files are, what the graph takes and gives, where it comes from. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OnnxValueInfo } from "../onnx/model.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { hashFile } from "../support/hash-file.ts";
import { shown } from "../support/show.ts";
import type { ExportTask } from "./families.ts";
import type { WrittenFile } from "./onnx-files.ts";
import type { ExportDType } from "./stored-weights.ts";

export const MANIFEST_FILE = "manifest.json";
const FORMAT = "tutti-onnx-export";
/** Raised when a reader of the old form would misread the new one. */
const FORMAT_VERSION = 1;

export interface ExportManifest {
  readonly format: typeof FORMAT;
  readonly formatVersion: number;
  readonly tuttiVersion: string;
  readonly task: ExportTask;
  /** Whether the graph takes and gives keys and values of older tokens. */
  readonly hasPast: boolean;
  readonly family: "decoder" | "encoder";
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** The file to open. */
  readonly model: string;
  /** Symbols in shapes are sizes that a run may choose. */
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** Positions that the graph knows. */
  readonly contextTokens: number;
  /** Operator sets by domain; "" is the standard. */
  readonly operatorSets: Readonly<Record<string, number>>;
  readonly weights: {
    readonly dtype: ExportDType;
    readonly isExternal: boolean;
    /** int8 only: root of squared errors over squared weights. */
    readonly quantizationError?: number;
  };
  readonly source: ExportSource;
  /** Every other file of the folder that belongs to the model. */
  readonly files: readonly WrittenFile[];
}

/** What was exported. */
export interface ExportSource {
  /** The reference or the name of the folder or file. */
  readonly name: string;
  readonly architectures: readonly string[];
  readonly files: readonly WrittenFile[];
}

export const manifestOf = (content: Omit<ExportManifest, "format" | "formatVersion">): ExportManifest => ({
  format: FORMAT,
  formatVersion: FORMAT_VERSION,
  ...content,
});

function invalid(message: string, details: Readonly<Record<string, unknown>>): TuttiError {
  return new TuttiError("EXPORT_INVALID", message, {
    details,
    hint: "export the model again, or copy the folder again",
  });
}

/** File names are checked before they are joined to the folder: a manifest must not point out of it. */
function isPlainName(name: unknown): name is string {
  return typeof name === "string" && /^[\w.-]+$/.test(name) && !name.startsWith("..");
}

function isWrittenFile(file: unknown): file is WrittenFile {
  const { name, bytes, sha256 } = (file ?? {}) as Record<string, unknown>;
  return isPlainName(name) && Number.isSafeInteger(bytes) && /^[0-9a-f]{64}$/.test(String(sha256));
}

function isValueInfo(value: unknown): value is OnnxValueInfo {
  const { name, dtype, shape } = (value ?? {}) as Record<string, unknown>;
  const isDimension = (size: unknown): boolean => typeof size === "number" || typeof size === "string";
  return (
    typeof name === "string" && typeof dtype === "string" && Array.isArray(shape) && shape.every(isDimension)
  );
}

function parseManifest(path: string): ExportManifest {
  let manifest: Partial<Record<keyof ExportManifest, unknown>>;
  try {
    manifest = JSON.parse(readFileSync(path, "utf8")) as typeof manifest;
  } catch (cause) {
    throw invalid(`${path} is no JSON: ${messageOf(cause)}`, { path });
  }
  const { format, formatVersion, model, files } = manifest ?? {};
  if (format !== FORMAT)
    throw invalid(`${path}: "format" must be "${FORMAT}", found ${shown(format)}`, { path });
  if (formatVersion !== FORMAT_VERSION) {
    throw new TuttiError(
      "EXPORT_INVALID",
      `${path}: "formatVersion" must be ${FORMAT_VERSION}, found ${shown(formatVersion)}`,
      { details: { path }, hint: "read it with the release of Tutti that wrote it" },
    );
  }
  const lists = [
    ["files", isWrittenFile],
    ["inputs", isValueInfo],
    ["outputs", isValueInfo],
  ] as const;
  for (const [key, isRight] of lists) {
    const list = manifest[key];
    if (!Array.isArray(list) || list.length === 0 || !list.every(isRight)) {
      throw invalid(`${path}: "${key}" is not a list of what it should hold`, { path, key });
    }
  }
  if (!(files as WrittenFile[]).some(({ name }) => name === model)) {
    throw invalid(`${path}: the model file ${shown(model)} is not among "files"`, { path });
  }
  return manifest as unknown as ExportManifest;
}

/**
 * Reads the manifest of an exported model and checks length and sha256 of every file that it names.
 *
 * @throws {TuttiError} FILE_NOT_FOUND without a manifest; EXPORT_INVALID when it is not one, or a file is missing or
 *   changed, which it names
 */
export async function readExportManifest(folder: string): Promise<ExportManifest> {
  const path = join(folder, MANIFEST_FILE);
  if (!existsSync(path)) {
    throw new TuttiError("FILE_NOT_FOUND", `no exported model in ${folder}: ${MANIFEST_FILE} is missing`, {
      details: { path },
      hint: "export one with `tutti model export`; an export that was interrupted has no manifest",
    });
  }
  const manifest = parseManifest(path);
  for (const { name, bytes, sha256 } of manifest.files) {
    const file = join(folder, name);
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    if (size !== bytes) {
      throw invalid(`${file} must have ${bytes} bytes, found ${size ?? "no file"}`, { path: file });
    }
    const found = await hashFile(file, createHash("sha256"));
    if (found !== sha256) {
      throw invalid(`${file} was changed: its sha256 is ${found}, not ${sha256}`, { path: file });
    }
  }
  return manifest;
}
