import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TuttiError } from "../../support/errors.ts";
import type { WeightSource } from "../source.ts";
import { ARCHITECTURES, architectureByName } from "./architectures/index.ts";
import type { GgufValue } from "./metadata.ts";
import { openGgufModel } from "./model-read.ts";
import { type GgufModelToWrite, writeGgufModel } from "./model-write.ts";
import { namesFromGguf, namesFromHuggingFace } from "./names.ts";
import { openGguf } from "./read.ts";
import { llama3Divisors } from "./rope-scaling.ts";
import { writeGguf } from "./write.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-gguf-model-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function errorOf(action: () => unknown): TuttiError {
  try {
    action();
  } catch (error) {
    if (TuttiError.is(error)) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

interface RecordedNames {
  readonly architecture: string;
  readonly names: Readonly<Record<string, string>>;
}
const recorded = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../../fixtures/weights/gguf-names.json", import.meta.url)), "utf8"),
) as Readonly<Record<string, RecordedNames>>;

describe("names", () => {
  it("cover every architecture", () => {
    const covered = new Set(Object.values(recorded).map(({ architecture }) => architecture));
    expect(covered).toEqual(new Set(ARCHITECTURES.map(({ name }) => name)));
  });

  it.each(Object.entries(recorded))(
    "of %s are those of llama.cpp's converter",
    (_, { architecture, names }) => {
      const table = architectureByName("test", architecture);
      for (const [huggingFace, gguf] of Object.entries(names)) {
        expect(namesFromHuggingFace(table, huggingFace)?.gguf).toBe(gguf);
        expect(namesFromGguf(table, gguf)?.huggingFace).toBe(huggingFace);
      }
    },
  );
});

/** Weights in memory: element i of tensor t is t + i / 1024. */
function sourceOf(shapes: Readonly<Record<string, readonly number[]>>): GgufModelToWrite["weights"] {
  const names = Object.keys(shapes);
  const entries: WeightSource["entries"] = new Map(
    names.map((name) => [name, { name, shape: shapes[name]! }]),
  );
  return {
    entries,
    read: (name) => {
      const shape = shapes[name]!;
      const size = shape.reduce((product, length) => product * length, 1);
      const data = Float32Array.from({ length: size }, (_, index) => names.indexOf(name) + index / 1024);
      return { name, shape, data };
    },
  };
}

const LLAMA_CONFIG = {
  model_type: "llama",
  vocab_size: 32,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
};
const layer = "model.layers.0";
const LLAMA_SHAPES = {
  "model.embed_tokens.weight": [32, 32],
  "model.norm.weight": [32],
  [`${layer}.input_layernorm.weight`]: [32],
  [`${layer}.post_attention_layernorm.weight`]: [32],
  [`${layer}.self_attn.q_proj.weight`]: [32, 32],
  [`${layer}.self_attn.k_proj.weight`]: [16, 32],
  [`${layer}.self_attn.v_proj.weight`]: [16, 32],
  [`${layer}.self_attn.o_proj.weight`]: [32, 32],
  [`${layer}.mlp.gate_proj.weight`]: [64, 32],
  [`${layer}.mlp.up_proj.weight`]: [64, 32],
  [`${layer}.mlp.down_proj.weight`]: [32, 64],
};

function write(name: string, change: Partial<GgufModelToWrite> = {}): string {
  const path = join(folder, name);
  writeGgufModel(path, { config: LLAMA_CONFIG, weights: sourceOf(LLAMA_SHAPES), type: "F32", ...change });
  return path;
}

describe("a Llama model", () => {
  it("comes back as it was: config, names, shapes, values", () => {
    const model = openGgufModel(write("round.gguf"));
    expect(model.config).toMatchObject({
      ...LLAMA_CONFIG,
      rope_scaling: null,
      hidden_act: "silu",
    });
    const source = sourceOf(LLAMA_SHAPES);
    expect([...model.entries.keys()].sort()).toEqual([...source.entries.keys()].sort());
    for (const [name, { shape }] of source.entries) {
      expect(model.entries.get(name)?.shape).toEqual(shape);
      expect(model.read(name)).toEqual(source.read(name));
    }
    model.close();
  });

  it("has the rows of queries and keys permuted in the file, and no other", () => {
    const path = write("rows.gguf");
    const file = openGguf(path);
    const source = sourceOf(LLAMA_SHAPES);
    const query = source.read(`${layer}.self_attn.q_proj.weight`).data as Float32Array;
    const stored = file.read("blk.0.attn_q.weight").data;
    // Heads are 8 rows wide: rows 0 and 4 of a head, which are rotated together, become neighbours.
    const order = [0, 4, 1, 5, 2, 6, 3, 7];
    for (let row = 0; row < 32; row++) {
      const from = row - (row % 8) + order[row % 8]!;
      expect(stored.slice(row * 32, row * 32 + 32)).toEqual(query.slice(from * 32, from * 32 + 32));
    }
    expect(file.read("blk.0.attn_v.weight").data).toEqual(
      source.read(`${layer}.self_attn.v_proj.weight`).data,
    );
    file.close();
  });

  it("keeps norms in F32 whatever the type of the matrices", () => {
    const file = openGguf(write("types.gguf", { type: "Q8_0" }));
    const types = new Map([...file.entries.values()].map(({ name, type }) => [name, type]));
    expect(types.get("blk.0.attn_norm.weight")).toBe("F32");
    expect(types.get("blk.0.ffn_down.weight")).toBe("Q8_0");
    expect(file.metadata.get("general.file_type")?.value).toBe(7);
    file.close();
  });

  it("carries other metadata over, but not what describes another model", () => {
    const metadata = new Map<string, GgufValue>([
      ["general.name", { type: "string", value: "Test" }],
      ["llama.block_count", { type: "uint32", value: 99 }],
      ["tokenizer.ggml.bos_token_id", { type: "uint32", value: 1 }],
    ]);
    const model = openGgufModel(write("metadata.gguf", { metadata }));
    expect(model.metadata.get("general.name")?.value).toBe("Test");
    expect(model.config).toMatchObject({ num_hidden_layers: 1, bos_token_id: 1 });
    model.close();
  });

  it("keeps llama3 scaling, whose divisors are a tensor", () => {
    const scaling = {
      rope_type: "llama3",
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    const config = { ...LLAMA_CONFIG, rope_theta: 500_000, rope_scaling: scaling };
    const model = openGgufModel(write("llama3.gguf", { config }));
    expect(model.config.rope_scaling).toEqual(scaling);
    // The third pair turns once in 2 pi 500000^(4/8) = 4443 positions, between 8192 / 4 and 8192.
    const smooth = (8192 / (2 * Math.PI * Math.sqrt(500_000)) - 1) / 3;
    const [first, second, third, fourth] = llama3Divisors(scaling, 500_000, 8);
    expect([first, second, fourth]).toEqual([1, 1, 32]);
    expect(third).toBeCloseTo(1 / ((1 - smooth) / 32 + smooth), 5);
    model.close();
  });

  it.each([
    ["linear", { rope_type: "linear", factor: 2 }],
    ["yarn", { rope_type: "yarn", factor: 4, original_max_position_embeddings: 16, beta_fast: 16 }],
  ])("keeps %s scaling", (name, rope_scaling) => {
    const model = openGgufModel(write(`${name}.gguf`, { config: { ...LLAMA_CONFIG, rope_scaling } }));
    expect(model.config.rope_scaling).toEqual(rope_scaling);
    model.close();
  });

  it("reads rotary settings of transformers 5", () => {
    const { rope_theta: _, ...rest } = LLAMA_CONFIG;
    const config = { ...rest, rope_parameters: { rope_type: "default", rope_theta: 25_000 } };
    const model = openGgufModel(write("rope-parameters.gguf", { config }));
    expect(model.config).toMatchObject({ rope_theta: 25_000, rope_scaling: null });
    model.close();
  });
});

describe("what llama.cpp would compute otherwise is not written", () => {
  it.each([
    ["an unknown family", { model_type: "mamba" }, /model_type/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act/],
    ["dynamic rotary scaling", { rope_scaling: { rope_type: "dynamic", factor: 2 } }, /rope_scaling/],
    ["a window shorter than the context", { sliding_window: 8 }, /sliding_window/],
    ["a missing number", { intermediate_size: undefined }, /intermediate_size/],
    ["a number that is text", { rms_norm_eps: "1e-5" }, /rms_norm_eps/],
  ])("%s", (name, change, message) => {
    const error = errorOf(() => write(`${name}.gguf`, { config: { ...LLAMA_CONFIG, ...change } }));
    expect(error.code).toBe("MODEL_CONFIG_UNSUPPORTED");
    expect(error.message).toMatch(message);
  });

  it("a parameter without a place", () => {
    const weights = sourceOf({ ...LLAMA_SHAPES, "score.weight": [2, 32] });
    expect(errorOf(() => write("score.gguf", { weights }))).toMatchObject({
      code: "WEIGHTS_MISMATCH",
      message: expect.stringContaining("score.weight"),
    });
  });
});

describe("what is not understood is not read", () => {
  /** A file of the Llama model with changed metadata and further tensors. */
  function changed(
    name: string,
    change: Readonly<Record<string, GgufValue | undefined>>,
    more: Readonly<Record<string, readonly number[]>> = {},
  ): string {
    const file = openGguf(write(`${name}-before.gguf`));
    const metadata = new Map(file.metadata);
    for (const [key, value] of Object.entries(change)) {
      if (value) metadata.set(key, value);
      else metadata.delete(key);
    }
    const path = join(folder, `${name}.gguf`);
    const kept = [...file.entries.values()].map((entry) => ({
      name: entry.name,
      type: "F32" as const,
      shape: entry.shape,
      read: () => file.read(entry.name).data,
    }));
    const extra = Object.entries(more).map(([tensor, shape]) => ({
      name: tensor,
      type: "F32" as const,
      shape,
      read: () => new Float32Array(shape.reduce((a, b) => a * b, 1)),
    }));
    writeGguf(path, metadata, [...kept, ...extra]);
    file.close();
    return path;
  }
  const number = (value: number): GgufValue => ({ type: "uint32", value });

  it.each([
    ["no architecture", { "general.architecture": undefined }],
    ["an unknown architecture", { "general.architecture": { type: "string", value: "mamba" } as const }],
    ["an architecture that is a number", { "general.architecture": number(3) }],
    [
      "a key that may change the mathematics",
      { "llama.logit_scale": { type: "float32", value: 2 } as const },
    ],
    ["experts", { "llama.expert_count": number(8) }],
    ["rotation of a part of the head", { "llama.rope.dimension_count": number(4) }],
    ["no width", { "llama.embedding_length": undefined }],
    ["no heads", { "llama.attention.head_count": number(0) }],
    ["heads that are text", { "llama.attention.head_count": { type: "string", value: "4" } as const }],
    ["unknown rotary scaling", { "llama.rope.scaling.type": { type: "string", value: "longrope" } as const }],
  ])("%s", (name, change) => {
    expect(errorOf(() => openGgufModel(changed(name, change))).code).toBe("MODEL_CONFIG_UNSUPPORTED");
  });

  it("divisors of no known scaling", () => {
    const path = changed("divisors", {}, { "rope_freqs.weight": [4] });
    expect(errorOf(() => openGgufModel(path)).code).toBe("MODEL_CONFIG_UNSUPPORTED");
  });

  it("a tensor that the architecture does not have", () => {
    const path = changed("tensor", {}, { "blk.0.ssm_a.weight": [4] });
    expect(errorOf(() => openGgufModel(path)).code).toBe("WEIGHTS_MISMATCH");
  });

  it("more layers than there are tensors for, without making anything for them", () => {
    const path = changed("layers", { "llama.block_count": number(4_000_000_000) });
    expect(errorOf(() => openGgufModel(path)).code).toBe("WEIGHTS_MISMATCH");
  });

  it("heads that the rows do not divide into", () => {
    const path = changed("heads", {
      "llama.attention.head_count": number(5),
      "llama.rope.dimension_count": undefined,
    });
    const model = openGgufModel(changed("heads-2", { "llama.attention.head_count_kv": number(3) }));
    expect(errorOf(() => model.read(`${layer}.self_attn.k_proj.weight`)).code).toBe("SHAPE_MISMATCH");
    model.close();
    expect(errorOf(() => openGgufModel(path)).code).toBe("MODEL_CONFIG_UNSUPPORTED");
  });
});
