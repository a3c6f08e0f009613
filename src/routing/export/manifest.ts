/**
 * `manifest.json` of an exported router: everything that a consumer needs beside the files, and what proves that they are
 * the ones that were written.
 *
 * Signed by hash: `files` holds length and SHA-256 of every other file, `digest` the SHA-256 of the manifest's own bytes
 * with the 64 digits of the digest written as zeros. It tells accidents and edits apart from the original; who wrote the
 * original it does not tell.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { WrittenFile } from "../../export/index.ts";
import type { OnnxValueInfo } from "../../onnx/model.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { hashFile } from "../../support/hash-file.ts";
import type { PromptTokenization } from "./router-graph.ts";

export const ROUTER_MANIFEST_FILE = "manifest.json";
const FORMAT = "tutti-router-export";
/** Raised when a reader of the old form would misread the new one. */
const FORMAT_VERSION = 1;
const NO_DIGEST = "0".repeat(64);

export const ROUTER_PRECISIONS = ["f32", "int8"] as const;
export type RouterPrecision = (typeof ROUTER_PRECISIONS)[number];

export interface RouterExportManifest {
  readonly format: typeof FORMAT;
  readonly formatVersion: typeof FORMAT_VERSION;
  readonly tuttiVersion: string;
  /** Name of the method in its router folder, and what kind of model it is. */
  readonly method: string;
  readonly kind: string;
  /** Columns of `scores`. */
  readonly candidates: readonly string[];
  readonly model: string;
  readonly tokenizer: string;
  readonly inputs: readonly OnnxValueInfo[];
  /** With the meaning of each. */
  readonly outputs: readonly (OnnxValueInfo & { readonly meaning: string })[];
  readonly tokenization: PromptTokenization;
  readonly precision: RouterPrecision;
  /** int8 only: root of squared errors over squared weights. */
  readonly quantizationError?: number | undefined;
  /** Operator sets by domain; "" is the standard. */
  readonly operatorSets: Readonly<Record<string, number>>;
  readonly files: readonly WrittenFile[];
  readonly digest: string;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A manifest must not point out of its folder. */
const plainName = z.string().regex(/^(?!\.\.)[\w.-]+$/);
const ids = z.array(z.int().nonnegative());
const valueInfo = z.object({
  name: z.string().min(1),
  dtype: z.enum(["float32", "float16", "int32", "int64", "int8", "uint8", "bool"]),
  shape: z.array(z.union([z.int().nonnegative(), z.string().min(1)])),
});

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  formatVersion: z.literal(FORMAT_VERSION),
  tuttiVersion: z.string(),
  method: z.string().min(1),
  kind: z.string().min(1),
  candidates: z.array(z.string().min(1)).min(1),
  model: plainName,
  tokenizer: plainName,
  inputs: z.array(valueInfo).min(1),
  outputs: z.array(valueInfo.extend({ meaning: z.string() })).min(1),
  tokenization: z.object({
    textBefore: z.string(),
    isLowerCased: z.boolean(),
    idsBefore: ids,
    idsAfter: ids,
    maxTokens: z.int().positive(),
    keeps: z.enum(["first", "last"]),
    idsOfEmptyText: ids,
    padId: z.int().nonnegative(),
  }),
  precision: z.enum(ROUTER_PRECISIONS),
  quantizationError: z.number().nonnegative().optional(),
  operatorSets: z.record(z.string(), z.int()),
  files: z.array(z.object({ name: plainName, bytes: z.int().nonnegative(), sha256 })).min(1),
  digest: sha256,
});

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The bytes of a manifest, its digest in them. */
export function signedManifest(content: Omit<RouterExportManifest, "format" | "formatVersion" | "digest">): {
  readonly manifest: RouterExportManifest;
  readonly text: string;
} {
  const unsigned = { format: FORMAT, formatVersion: FORMAT_VERSION, ...content, digest: NO_DIGEST } as const;
  const text = `${JSON.stringify(unsigned, null, 2)}\n`;
  const digest = digestOf(text);
  return { manifest: { ...unsigned, digest }, text: withDigest(text, digest) };
}

/** The last string of the text that is 64 digits is the digest: it is the manifest's last key. */
function withDigest(text: string, digest: string): string {
  const at = text.lastIndexOf('"digest": "') + '"digest": "'.length;
  return text.slice(0, at) + digest + text.slice(at + digest.length);
}

function invalid(message: string, details: Readonly<Record<string, unknown>>, cause?: unknown): TuttiError {
  return new TuttiError("EXPORT_INVALID", message, {
    cause,
    details,
    hint: "export the router again with `tutti router export`, or copy its folder again",
  });
}

function parseManifest(path: string): RouterExportManifest {
  const text = readFileSync(path, "utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(`${path} is no JSON: ${messageOf(cause)}`, { path }, cause);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const field = issue.path.join(".");
    throw invalid(`${path}: ${field || "content"}: ${issue.message}`, { path, field });
  }
  const { digest, files, model, tokenizer } = parsed.data;
  const found = digestOf(withDigest(text, NO_DIGEST));
  if (found !== digest) {
    throw invalid(`${path} was changed: its digest is ${found}, it says ${digest}`, { path });
  }
  for (const name of [model, tokenizer]) {
    if (files.some((file) => file.name === name)) continue;
    throw invalid(`${path}: "${name}" is not among "files"`, { path, name });
  }
  return parsed.data as RouterExportManifest;
}

/**
 * Reads the manifest of an exported router and checks its digest and length and SHA-256 of every file that it names.
 *
 * @throws {TuttiError} FILE_NOT_FOUND without a manifest; EXPORT_INVALID when it is not one, or it or a file is missing or
 *   changed, which it names
 */
export async function readRouterManifest(folder: string): Promise<RouterExportManifest> {
  const path = join(folder, ROUTER_MANIFEST_FILE);
  if (!existsSync(path)) {
    throw new TuttiError(
      "FILE_NOT_FOUND",
      `no exported router in ${folder}: ${ROUTER_MANIFEST_FILE} is missing`,
      {
        details: { path },
        hint: "export one with `tutti router export`; an export that was interrupted leaves no folder",
      },
    );
  }
  const manifest = parseManifest(path);
  for (const { name, bytes, sha256: expected } of manifest.files) {
    const file = join(folder, name);
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    if (size !== bytes)
      throw invalid(`${file} must have ${bytes} bytes, found ${size ?? "no file"}`, { path: file });
    const found = await hashFile(file, createHash("sha256"));
    if (found !== expected) {
      throw invalid(`${file} was changed: its sha256 is ${found}, not ${expected}`, { path: file });
    }
  }
  return manifest;
}
