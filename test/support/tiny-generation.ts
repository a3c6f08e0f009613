/** The recorded tiny decoders as models to generate with, written as Hugging Face folders and loaded back. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type GenerationModel,
  type LoadGenerationModelOptions,
  loadGenerationModel,
} from "../../src/generate/index.ts";
import { Graph } from "../../src/graph/ir.ts";
import { causalLogits, createCausalModel, isSeq2SeqModel } from "../../src/models/index.ts";
import { causalBias, declareParameters } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { int32 } from "../../src/tensor/host-tensor.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { FIXTURES, Fixture, fixtureJson } from "./fixtures.ts";

type Config = Readonly<Record<string, unknown>>;

/** Writes `decoders/NAME` as a folder below `folder`; `changes` replace keys of its config.json. */
export function writeTinyModel(folder: string, name: string, changes: Config = {}): string {
  const { config } = fixtureJson<{ config: Config }>(`decoders/${name}.json`);
  const fixture = new Fixture(`decoders/${name}.safetensors`);
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  // These random models know no end; tests that need one name it.
  writeFileSync(join(path, "config.json"), JSON.stringify({ ...config, eos_token_id: null, ...changes }));
  copyFileSync(join(FIXTURES, "text/byte-level.tokenizer.json"), join(path, "tokenizer.json"));
  writeFileSync(join(path, "tokenizer_config.json"), JSON.stringify({ eos_token: null, bos_token: null }));
  writeSafetensors(
    join(path, "model.safetensors"),
    fixture.names("param.").map((parameter) => {
      const { shape, data } = fixture.float(`param.${parameter}`);
      return { name: parameter, dtype: "F32" as const, shape, data };
    }),
  );
  return path;
}

export function loadTinyModel(
  folder: string,
  name: string,
  changes: Config = {},
  options: LoadGenerationModelOptions = {},
): GenerationModel {
  return loadGenerationModel(writeTinyModel(folder, name, changes), options);
}

/** Logits [T, V] of a whole sequence without any cache, positions up to `contextLength`. */
export async function wholeLogits(
  { model, weights }: GenerationModel,
  ids: readonly number[],
  contextLength: number,
): Promise<Float32Array> {
  if (isSeq2SeqModel(model)) throw new Error("an encoder-decoder has no logits without a source");
  const graph = new Graph();
  const values = declareParameters(graph, model.specs);
  const count = ids.length;
  const hidden = model.decoder(values, {
    inputIds: graph.input("ids", "int32", [1, count]),
    positionIds: graph.input("positions", "int32", [1, count]),
    attentionBias: graph.input("bias", "float32", [1, 1, count, count]),
    positions: contextLength,
  });
  const executable = await createOrtBackend({ threads: 1 }).compile(graph, {
    logits: causalLogits(model, values, hidden),
  });
  const { logits } = await executable.run({
    ...Object.fromEntries(weights.plain),
    ids: int32([1, count], [...ids]),
    positions: int32(
      [1, count],
      ids.map((_, index) => index),
    ),
    bias: causalBias(int32([1, count], new Array(count).fill(1))),
  });
  await executable.dispose();
  return logits!.data as Float32Array;
}

/** A model with everything from its own config. */
export const tinyConfig = (name: string) =>
  createCausalModel(fixtureJson<{ config: Config }>(`decoders/${name}.json`).config).config;
