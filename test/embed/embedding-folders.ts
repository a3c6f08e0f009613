/** The recorded pipelines written out as folders that users have. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeSafetensors } from "../../src/weights/index.ts";
import { Fixture, fixtureJson } from "../support/fixtures.ts";

type Json = Readonly<Record<string, unknown>>;

export interface PipelineCase {
  readonly name: string;
  readonly backbone: "bert" | "qwen3";
  readonly prompt: string | null;
  readonly files: Json;
  readonly embeddings: readonly (readonly number[])[];
}

export const PIPELINES = fixtureJson<{
  readonly texts: readonly string[];
  readonly backbones: Readonly<
    Record<string, { readonly config: Json; readonly tokenizer: Json; readonly tokenizerConfig: Json }>
  >;
  readonly cases: readonly PipelineCase[];
}>("embeddings/pipelines.json");

const weights = new Fixture("embeddings/pipelines.safetensors");

function writeWeights(path: string, prefix: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeSafetensors(
    path,
    weights.names(prefix).map((name) => {
      const { shape, data } = weights.float(prefix + name);
      return { name, dtype: "F32" as const, shape, data };
    }),
  );
}

export function writeJson(path: string, content: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(content));
}

/** A model alone: config, tokenizer and weights. */
export function writeBackbone(folder: string, name: string): string {
  const { config, tokenizer, tokenizerConfig } = PIPELINES.backbones[name]!;
  writeJson(join(folder, "config.json"), config);
  writeJson(join(folder, "tokenizer.json"), tokenizer);
  writeJson(join(folder, "tokenizer_config.json"), tokenizerConfig);
  writeWeights(join(folder, "model.safetensors"), `${name}.`);
  return folder;
}

/** The folder of a case; `changes` replace files of it. */
export function writeCase(
  folder: string,
  { name, backbone, files }: PipelineCase,
  changes: Json = {},
): string {
  writeBackbone(folder, backbone);
  for (const [path, content] of Object.entries({ ...files, ...changes }))
    writeJson(join(folder, path), content);
  const modules = new Set(weights.names(`${name}/`).map((tensor) => tensor.slice(0, tensor.indexOf("/"))));
  for (const module of modules) writeWeights(join(folder, module, "model.safetensors"), `${name}/${module}/`);
  return folder;
}

export const pipelineCase = (name: string): PipelineCase =>
  PIPELINES.cases.find((candidate) => candidate.name === name)!;
