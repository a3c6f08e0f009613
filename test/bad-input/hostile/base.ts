/** Valid files of every kind, made once per process: a tiny model in both formats, an adapter of it, a checkpoint. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { convertModel, createCausalModel, savePeftAdapter } from "../../../src/models/index.ts";
import { initialiseLora, initialiseParameters, type LoraConfig } from "../../../src/nn/index.ts";
import { createAdamW } from "../../../src/optim/adamw.ts";
import { float32 } from "../../../src/tensor/host-tensor.ts";
import { saveCheckpoint } from "../../../src/train/checkpoint.ts";
import { writeSafetensors } from "../../../src/weights/index.ts";

const TEXT = join(import.meta.dirname, "../../../fixtures/text");

export type Json = Record<string, unknown>;

export const CONFIG: Json = {
  model_type: "llama",
  vocab_size: 704,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
};
export const TEMPLATE =
  "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

export const LORA: LoraConfig = { name: "default", rank: 2, alpha: 4, targets: ["q_proj", "v_proj"] };

export interface Base {
  /** A Hugging Face folder, byte-level tokenizer and chat template included. */
  readonly model: string;
  /** The same in two safetensors files with an index. */
  readonly sharded: string;
  readonly gguf: string;
  /** A GGUF file with a SentencePiece vocabulary. */
  readonly pieces: string;
  readonly adapter: string;
  readonly checkpoint: string;
}

export const causalModel = createCausalModel(CONFIG);
const parameters = initialiseParameters(causalModel.specs, 5);
const stored = Object.entries(parameters).map(([name, { shape, data }]) => {
  return { name, dtype: "F32" as const, shape, data };
});

export const json = (path: string): Json => JSON.parse(readFileSync(path, "utf8")) as Json;

export function writeJson(path: string, value: unknown): string {
  writeFileSync(path, JSON.stringify(value));
  return path;
}

function writeModel(folder: string, tokenizer: string): string {
  mkdirSync(folder, { recursive: true });
  writeJson(join(folder, "config.json"), CONFIG);
  writeJson(join(folder, "tokenizer_config.json"), { chat_template: TEMPLATE, eos_token: null });
  copyFileSync(join(TEXT, tokenizer), join(folder, "tokenizer.json"));
  writeSafetensors(join(folder, "model.safetensors"), stored);
  return folder;
}

export const FIRST = "model-00001-of-00002.safetensors";
export const SECOND = "model-00002-of-00002.safetensors";

function writeSharded(folder: string, model: string): string {
  cpSync(model, folder, {
    recursive: true,
    filter: (path) => !path.endsWith(".safetensors"),
  });
  const [head, ...rest] = stored;
  writeSafetensors(join(folder, FIRST), [head!]);
  writeSafetensors(join(folder, SECOND), rest);
  const map = Object.fromEntries(stored.map(({ name }, index) => [name, index === 0 ? FIRST : SECOND]));
  writeJson(join(folder, "model.safetensors.index.json"), { metadata: {}, weight_map: map });
  return folder;
}

export function trainingState() {
  const weights = { "layer.weight": float32([2, 3], [1, 2, 3, 4, 5, 6]) };
  const groups = [{ names: ["layer.weight"], learningRate: 0.1, weightDecay: 0 }];
  return { parameters: weights, optimizer: createAdamW(groups, weights, {}), step: 7, best: undefined };
}

export const FINGERPRINT = "fingerprint";

export function writeBase(folder: string): Base {
  const model = writeModel(join(folder, "model"), "byte-level.tokenizer.json");
  const pieces = writeModel(join(folder, "pieces"), "byte-fallback.tokenizer.json");
  const base: Base = {
    model,
    sharded: writeSharded(join(folder, "sharded"), model),
    gguf: join(folder, "model.gguf"),
    pieces: join(folder, "pieces.gguf"),
    adapter: join(folder, "adapter"),
    checkpoint: join(folder, "checkpoint.safetensors"),
  };
  convertModel(model, base.gguf, { format: "gguf", dtype: "F32" });
  convertModel(pieces, base.pieces, { format: "gguf", dtype: "F32" });
  const { specs } = causalModel;
  savePeftAdapter(base.adapter, specs, initialiseLora(parameters, specs, LORA, 1), LORA);
  saveCheckpoint(base.checkpoint, trainingState(), FINGERPRINT);
  return base;
}
