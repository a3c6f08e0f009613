/** The models of the merge benchmark: random, three of them moved a little from a base, stored as bfloat16 in shards. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planShards } from "../src/fusion/merging/shards.ts";
import { createCausalModel } from "../src/models/index.ts";
import { fillUniform } from "../src/tensor/random.ts";
import { sizeOf } from "../src/tensor/shape.ts";
import { INDEX_FILE, SafetensorsWriter, safetensorsIndexText } from "../src/weights/index.ts";

const FOLDER = join(import.meta.dirname, "../.cache/bench/merge");
const SHARD_BYTES = 1e9;
const PIECE = 2 ** 18;
export const MERGED = ["a", "b", "c"] as const;

const llama = (hidden: number, layers: number, vocabulary: number): object => ({
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: vocabulary,
  hidden_size: hidden,
  intermediate_size: 4 * hidden,
  num_hidden_layers: layers,
  num_attention_heads: hidden / 64,
  num_key_value_heads: hidden / 64,
  max_position_embeddings: 1024,
  rms_norm_eps: 1e-5,
  hidden_act: "silu",
  tie_word_embeddings: false,
});

/** "7b-slice" is Qwen2.5-7B with one of its 28 layers: embedding and head, its largest tensors, are whole. */
const CONFIGS: Readonly<Record<string, object>> = {
  "30m": llama(384, 6, 16_384),
  "500m": llama(1024, 24, 32_768),
  "7b-slice": {
    ...llama(3584, 1, 152_064),
    architectures: ["Qwen2ForCausalLM"],
    model_type: "qwen2",
    intermediate_size: 18_944,
    num_attention_heads: 28,
    num_key_value_heads: 4,
  },
};

function writeModel(path: string, config: object, number: number): void {
  mkdirSync(path, { recursive: true });
  const { specs } = createCausalModel(config as Record<string, unknown>);
  const headings = Object.entries(specs).map(([name, { shape }]) => {
    return { name, shape: shape as readonly number[], dtype: "BF16" as const };
  });
  const values = createValues(number);
  const files = new Map<string, string>();
  let bytes = 0;
  for (const { file, tensors } of planShards(headings, SHARD_BYTES)) {
    const writer = new SafetensorsWriter(join(path, file), tensors, { format: "pt" });
    for (const { name, shape } of writer.headings) {
      files.set(name, file);
      bytes += 2 * sizeOf(shape);
      const tensor = files.size;
      for (let left = sizeOf(shape); left > 0; left -= PIECE)
        writer.write(values(tensor, Math.min(PIECE, left)));
    }
    writer.commit();
  }
  if (new Set(files.values()).size > 1)
    writeFileSync(join(path, INDEX_FILE), safetensorsIndexText(files, bytes));
  writeFileSync(join(path, "config.json"), JSON.stringify(config));
}

/**
 * The base's values are within 0.05 of zero; model `number`, from 1 on, is within 0.001 of them. A piece of them is drawn and written
 * again and again, shifted by one tensor after another: billions of numbers are there in seconds.
 */
function createValues(number: number): (tensor: number, length: number) => Float32Array {
  const drawn = new Float32Array(2 * PIECE);
  fillUniform(drawn, 0.05, { seed: 0, stream: 0 }, 0);
  if (number > 0) {
    const moved = new Float32Array(2 * PIECE);
    fillUniform(moved, 0.001, { seed: number, stream: 1 }, 0);
    for (let index = 0; index < drawn.length; index++) drawn[index]! += moved[index]!;
  }
  return (tensor, length) => drawn.subarray((997 * tensor) % PIECE).subarray(0, length);
}

/** The folder with the models "base" and MERGED, made when it is first asked for. */
export function modelsToMerge(size: string): string {
  const config = CONFIGS[size];
  if (config === undefined) throw new Error(`no size "${size}": ${Object.keys(CONFIGS).join(", ")}`);
  const place = join(FOLDER, size);
  if (existsSync(place)) return place;
  const part = `${place}.part`;
  rmSync(part, { recursive: true, force: true });
  for (const [number, name] of ["base", ...MERGED].entries()) writeModel(join(part, name), config, number);
  renameSync(part, place);
  return place;
}
