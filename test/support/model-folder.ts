/** Random decoders as Hugging Face folders. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCausalModel } from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { FIXTURES } from "./fixtures.ts";

/** Writes a model of `config` with weights drawn from `seed` and a byte-level tokenizer; returns `path`. */
export function writeModelFolder(
  path: string,
  config: Readonly<Record<string, unknown>>,
  seed: number,
): string {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "config.json"), JSON.stringify({ eos_token_id: null, ...config }));
  copyFileSync(join(FIXTURES, "text/byte-level.tokenizer.json"), join(path, "tokenizer.json"));
  writeFileSync(join(path, "tokenizer_config.json"), JSON.stringify({ eos_token: null }));
  const parameters = initialiseParameters(createCausalModel(config).specs, seed);
  writeSafetensors(
    join(path, "model.safetensors"),
    Object.entries(parameters).map(([name, { shape, data }]) => ({
      name,
      dtype: "F32" as const,
      shape,
      data,
    })),
  );
  return path;
}
