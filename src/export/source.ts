/** Where an exported model comes from: names and hashes of the files that it was made of. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { ModelFiles } from "../models/index.ts";
import { hashFile } from "../support/hash-file.ts";
import type { ExportSource } from "./manifest.ts";

const SINGLE_WEIGHTS = "model.safetensors";
const SHARDED_WEIGHTS = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/** Names of the files that configuration and weights are read from. */
function sourceFiles(folder: string): string[] {
  if (existsSync(join(folder, SINGLE_WEIGHTS))) return ["config.json", SINGLE_WEIGHTS];
  return [
    "config.json",
    ...readdirSync(folder)
      .filter((name) => SHARDED_WEIGHTS.test(name))
      .sort(),
  ];
}

/** Describes the files of an open model; `name` is the last part of its path when absent. */
export async function describeSource(
  { path, config, gguf }: ModelFiles,
  name: string | undefined,
): Promise<ExportSource> {
  const folder = gguf ? dirname(path) : path;
  const files: { name: string; bytes: number; sha256: string }[] = [];
  for (const file of gguf ? [basename(path)] : sourceFiles(path)) {
    const at = join(folder, file);
    files.push({ name: file, bytes: statSync(at).size, sha256: await hashFile(at, createHash("sha256")) });
  }
  const architectures = Array.isArray(config.architectures) ? config.architectures.map(String) : [];
  return { name: name ?? basename(resolve(path)), architectures, files };
}
