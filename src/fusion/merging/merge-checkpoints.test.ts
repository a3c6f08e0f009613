/** Folders that go together or do not, files in shards, types, and merges that are stopped. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { sizeOf } from "../../tensor/shape.ts";
import {
  openCheckpoint,
  type SafetensorsDType,
  type TensorToWrite,
  writeSafetensors,
} from "../../weights/index.ts";
import { mergeCheckpoints, PIECE_ELEMENTS } from "./index.ts";
import type { MergeSettings } from "./methods.ts";
import type { MergeRequest } from "./request.ts";

const root = mkdtempSync(join(tmpdir(), "tutti-merge-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = root;
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
});
const at = (...names: string[]): string => join(folder, ...names);

/** Longer than two pieces, so that stretches meet in the middle of a tensor. */
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  "model.embed_tokens.weight": [2 * PIECE_ELEMENTS + 10, 2],
  "model.layers.0.mlp.up_proj.weight": [9, 7],
  "model.norm.weight": [5],
};
const CONFIG = { model_type: "llama", num_attention_heads: 2, tie_word_embeddings: true };
const TOKENIZER = {
  model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: ["a b"] },
  added_tokens: [{ id: 3, content: "<end>" }],
};

interface ModelParts {
  readonly dtype?: SafetensorsDType;
  readonly config?: object;
  readonly tokenizer?: object;
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  readonly more?: readonly TensorToWrite[];
}

function writeModel(name: string, seed: number, parts: ModelParts = {}): void {
  const { dtype = "F32", config = CONFIG, tokenizer = TOKENIZER, shapes = SHAPES, more = [] } = parts;
  mkdirSync(at(name), { recursive: true });
  const random = new RandomStream({ seed, stream: 0 });
  const tensors = Object.entries(shapes).map(([tensor, shape]) => {
    return {
      name: tensor,
      dtype,
      shape,
      data: Float32Array.from({ length: sizeOf(shape) }, () => random.nextNormal()),
    };
  });
  writeSafetensors(at(name, "model.safetensors"), [...tensors, ...more]);
  writeFileSync(at(name, "config.json"), JSON.stringify(config));
  writeFileSync(at(name, "tokenizer.json"), JSON.stringify(tokenizer));
  writeFileSync(at(name, "LICENSE"), "licence of the base");
}

function request(settings: MergeSettings, more: Partial<MergeRequest> = {}): MergeRequest {
  return {
    base: { name: "base", path: at("base") },
    models: ["a", "b"].map((name) => ({ name, path: at(name), weight: 1 })),
    settings,
    out: at("out"),
    shardBytes: 1e9,
    ignoresTokenizers: false,
    ...more,
  };
}
const LINEAR: MergeSettings = { method: "linear", isNormalised: true };
const SCE: MergeSettings = { method: "sce", density: 0.3, reading: "upstream", weightFloor: 0 };
const failure = (more: Partial<MergeRequest> = {}): Promise<string> =>
  mergeCheckpoints(request(LINEAR, more)).then(
    () => "merged",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

function writeAll(parts: ModelParts = {}): void {
  for (const [seed, name] of ["base", "a", "b"].entries()) writeModel(name, seed, parts);
}

function valuesOf(path: string): Record<string, number[]> {
  const checkpoint = openCheckpoint(path);
  const values = [...checkpoint.entries.keys()].map((name) => [
    name,
    Array.from(checkpoint.read(name).data, Number),
  ]);
  checkpoint.close();
  return Object.fromEntries(values);
}

test("a mean over tensors longer than a piece, with the base's other files", async () => {
  writeAll({ more: [{ name: "ids", dtype: "I64", shape: [2], data: BigInt64Array.of(5n, 6n) }] });
  const notes: string[] = [];
  const merged = await mergeCheckpoints(request(LINEAR), { onNote: (note) => notes.push(note) });
  const [out, a, b] = ["out", "a", "b"].map((name) => valuesOf(at(name)));
  for (const name of Object.keys(SHAPES)) {
    expect(out![name], name).toEqual(
      a![name]!.map((value, index) => Math.fround((value + b![name]![index]!) / 2)),
    );
  }
  expect(out!.ids).toEqual([5, 6]);
  expect(notes).toEqual(["not merged but taken from the base: ids"]);
  expect(merged).toMatchObject({ tensors: 4, files: ["model.safetensors"], filesKept: 0 });
  expect(readdirSync(at("out")).sort()).toEqual([
    "LICENSE",
    "README.md",
    "config.json",
    "merge.json",
    "model.safetensors",
    "tokenizer.json",
  ]);
  expect(readFileSync(at("out", "config.json"))).toEqual(readFileSync(at("base", "config.json")));
  expect(existsSync(at("out.merging"))).toBe(false);
  const card = readFileSync(at("out", "README.md"), "utf8");
  expect(card).toMatch(/\| model: b \| 1 \| model\.safetensors \| `[0-9a-f]{64}` \|/);
  expect(card).not.toContain(folder);
});

test("shards: read and written, the same numbers as one file", async () => {
  writeAll();
  await mergeCheckpoints(request(SCE));
  const shardBytes = 4 * PIECE_ELEMENTS;
  const sharded = await mergeCheckpoints(request(SCE, { out: at("sharded"), shardBytes }));
  expect(sharded.files).toEqual(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]);
  expect(valuesOf(at("sharded"))).toEqual(valuesOf(at("out")));
  // A sharded model among the inputs: the copy of `a` made by interpolating nothing.
  const copy = { method: "slerp", t: 0 } as const;
  const one = [{ name: "b", path: at("b"), weight: 1 }];
  await mergeCheckpoints(
    request(copy, { base: { name: "a", path: at("a") }, models: one, out: at("a2"), shardBytes }),
  );
  const models = ["a2", "b"].map((name) => ({ name, path: at(name), weight: 1 }));
  await mergeCheckpoints(request(SCE, { models, out: at("again") }));
  expect(valuesOf(at("again"))).toEqual(valuesOf(at("out")));
});

test("half precision in, another type out: config.json says so", async () => {
  writeAll({ dtype: "BF16", config: { ...CONFIG, torch_dtype: "bfloat16" } });
  await mergeCheckpoints(request(LINEAR, { dtype: "F16" }));
  const { entries, close } = openCheckpoint(at("out"));
  close();
  expect(new Set([...entries.values()].map(({ dtype }) => dtype))).toEqual(new Set(["F16"]));
  expect(JSON.parse(readFileSync(at("out", "config.json"), "utf8"))).toEqual({ ...CONFIG, dtype: "float16" });
});

test("what is too large for the type is refused, naming the tensor", async () => {
  writeAll();
  const scaled = ["a", "b"].map((name) => ({ name, path: at(name), weight: 1e6 }));
  const settings: MergeSettings = { method: "task-arithmetic", isNormalised: false, scale: 1 };
  const error = await failure({ models: scaled, settings, dtype: "F16" });
  expect(error).toMatch(/^NON_FINITE: tensor "model\.\S+": the merged element \d+ is -?\d+/);
  expect(readdirSync(at("out.merging"))).toEqual(["merge-plan.json"]);
});

test("the same seed drops the same entries, another one others", async () => {
  writeAll();
  const dare = (seed: number): MergeSettings => {
    return { method: "dare-linear", density: 0.5, rescale: "density", seed, isNormalised: false, scale: 1 };
  };
  for (const [out, seed] of [
    ["first", 1],
    ["second", 1],
    ["third", 2],
  ] as const)
    await mergeCheckpoints(request(dare(seed), { out: at(out) }));
  const bytes = (out: string): Buffer => readFileSync(at(out, "model.safetensors"));
  expect(bytes("second").equals(bytes("first"))).toBe(true);
  expect(bytes("third").equals(bytes("first"))).toBe(false);
});

test("a stopped merge keeps its finished files and ends with the same bytes", async () => {
  writeAll();
  const shardBytes = 4 * PIECE_ELEMENTS;
  await mergeCheckpoints(request(SCE, { out: at("whole"), shardBytes }));
  const stop = new AbortController();
  const stopped = mergeCheckpoints(request(SCE, { shardBytes }), {
    signal: stop.signal,
    onProgress: (_, __, tensor) => {
      if (tensor.includes("up_proj")) stop.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
  expect(existsSync(at("out"))).toBe(false);
  const other = await failure({ shardBytes });
  expect(other).toContain("CHECKPOINT_MISMATCH");
  const merged = await mergeCheckpoints(request(SCE, { shardBytes }));
  expect(merged.filesKept).toBe(1);
  for (const file of [...merged.files, "model.safetensors.index.json", "README.md", "merge.json"]) {
    const text = (out: string): string => readFileSync(at(out, file), "latin1").replace(`# ${out}`, "# ");
    expect(text("out") === text("whole"), file).toBe(true);
  }
});

test("an input that has changed meanwhile is not taken for the old one", async () => {
  writeAll();
  const stop = new AbortController();
  stop.abort();
  await expect(mergeCheckpoints(request(SCE), { signal: stop.signal })).rejects.toMatchObject({
    code: "INTERRUPTED",
  });
  utimesSync(at("a", "model.safetensors"), 1, 1);
  await expect(mergeCheckpoints(request(SCE))).rejects.toMatchObject({ code: "CHECKPOINT_MISMATCH" });
});

test("models that do not go together are refused before anything is written", async () => {
  const { "model.norm.weight": _, ...fewer } = SHAPES;
  const other: [ModelParts, RegExp][] = [
    [{ shapes: fewer }, /^WEIGHTS_MISMATCH: .*b\/model\.safetensors: lacks model\.norm\.weight$/],
    [{ shapes: { ...SHAPES, extra: [1] } }, /^WEIGHTS_MISMATCH: .*has extra which the base has not$/],
    [
      { shapes: { ...SHAPES, "model.norm.weight": [6] } },
      /^SHAPE_MISMATCH: .*is \[6\], the base's is \[5\]$/,
    ],
    [
      { config: { ...CONFIG, num_attention_heads: 1 } },
      /^MODEL_CONFIG_UNSUPPORTED: b: num_attention_heads is 1/,
    ],
    [
      { tokenizer: { ...TOKENIZER, model: { ...TOKENIZER.model, vocab: { a: 0, b: 1, ba: 2 } } } },
      /^TOKENIZER_MISMATCH: b has another tokenizer than base: token "ba" \(2\) is not in the base$/,
    ],
    [
      {
        tokenizer: { ...TOKENIZER, added_tokens: [...TOKENIZER.added_tokens, { id: 4, content: "<more>" }] },
      },
      /^TOKENIZER_MISMATCH: .*<more>/,
    ],
  ];
  for (const [parts, message] of other) {
    writeAll();
    writeModel("b", 2, parts);
    expect(await failure()).toMatch(message);
    expect(existsSync(at("out.merging"))).toBe(false);
  }
  writeModel("b", 2, other[4]![0]);
  expect(await failure({ ignoresTokenizers: true })).toBe("merged");
});

test("merges spelt as pairs are the same merges; other settings are a note", async () => {
  writeAll();
  writeModel("b", 2, {
    tokenizer: { ...TOKENIZER, model: { ...TOKENIZER.model, merges: [["a", "b"]] } },
    config: { ...CONFIG, rope_theta: 5, rope_scaling: { factor: 8 }, only_here: 1 },
  });
  writeModel("base", 0, { config: { ...CONFIG, rope_theta: 4 } });
  const notes: string[] = [];
  await mergeCheckpoints(request(LINEAR), { onNote: (note) => notes.push(note) });
  // What only one of them has counts where it changes the sums.
  expect(notes).toEqual([
    "config.json of a differs in rope_theta: the base's is taken",
    "config.json of b differs in rope_theta, rope_scaling: the base's is taken",
  ]);
});

test("a tied head that only some models store is left out", async () => {
  writeAll();
  writeModel("a", 1, { shapes: { ...SHAPES, "lm_head.weight": [3, 2] } });
  await mergeCheckpoints(request(LINEAR));
  expect(Object.keys(valuesOf(at("out"))).sort()).toEqual(Object.keys(SHAPES).sort());
});

test("an output in a model, around one, or over another folder is refused", async () => {
  writeAll();
  expect(await failure({ out: at("a", "merged") })).toMatch(/^INVALID_ARGUMENT: .* lie within one another/);
  expect(await failure({ out: folder })).toMatch(/^INVALID_ARGUMENT: .* lie within one another/);
  mkdirSync(at("full"));
  copyFileSync(at("a", "config.json"), at("full", "config.json"));
  expect(await failure({ out: at("full") })).toMatch(/^INVALID_ARGUMENT: .*full exists already/);
  mkdirSync(at("empty"));
  expect(await failure({ out: at("empty") })).toBe("merged");
});

test.each([
  [{ method: "sce", density: 0, reading: "upstream", weightFloor: 0 }, [1, 1], "density of sce is 0"],
  [SCE, [1], "sce merges 1 models, expected at least 2"],
  [SCE, [1, 0.5], "sce takes no weights"],
  [LINEAR, [1, -1], "weights add up to 0"],
  [{ method: "slerp", t: 0.5 }, [1, 1], "slerp goes from the base to one model"],
  [{ method: "slerp", t: 2 }, [1], "t of slerp is 2"],
] as const)("settings %j for weights %j are refused", async (settings, weights, message) => {
  const models = weights.map((weight, index) => ({ name: `${index}`, path: at("none"), weight }));
  expect(await failure({ settings, models })).toContain(`INVALID_ARGUMENT: ${message}`);
});
