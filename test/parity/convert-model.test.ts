/** A model through every format: the values, names, tokens and chat template that come out are those that went in. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  type ConversionTarget,
  convertModel,
  createCausalModel,
  openModelFiles,
} from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { loadTokenizer } from "../../src/text/index.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { FIXTURES, fixtureJson } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-convert-"));
afterAll(() => rmSync(folder, { recursive: true }));

const TEMPLATE = "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}";
const TEXT = "Hello, naïve world! 123 👍";

/** A random model of a recorded configuration, with as many tokens as the tokenizer has. */
function writeModel(name: string): string {
  const { config } = fixtureJson<{ config: Record<string, unknown> }>(`decoders/${name}.json`);
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  copyFileSync(join(FIXTURES, "text/byte-level.tokenizer.json"), join(path, "tokenizer.json"));
  writeFileSync(join(path, "tokenizer_config.json"), JSON.stringify({ eos_token: null, bos_token: null }));
  writeFileSync(join(path, "chat_template.jinja"), TEMPLATE);
  const ownConfig = {
    ...config,
    vocab_size: 600,
    // Some recorded models have scales, rotary bases and local layers that llama.cpp cannot compute.
    ...("query_pre_attn_scalar" in config && { query_pre_attn_scalar: config.head_dim }),
    ...("rope_local_base_freq" in config && { rope_local_base_freq: 10_000, sliding_window_pattern: 6 }),
  };
  writeFileSync(join(path, "config.json"), JSON.stringify(ownConfig));
  const parameters = initialiseParameters(createCausalModel(ownConfig).specs, 5);
  writeSafetensors(
    join(path, "model.safetensors"),
    Object.entries(parameters).map(([tensor, { shape, data }]) => ({
      name: tensor,
      dtype: "F32" as const,
      shape,
      data,
    })),
  );
  return path;
}

/** The largest error, relative to the largest value of its tensor. */
function largestError(from: string, to: string): number {
  const [expected, received] = [openModelFiles(from), openModelFiles(to)];
  try {
    expect([...received.source.entries.keys()].sort()).toEqual([...expected.source.entries.keys()].sort());
    let worst = 0;
    for (const [name, { shape }] of expected.source.entries) {
      expect(received.source.entries.get(name)!.shape).toEqual(shape);
      const [a, b] = [expected.source.read(name).data, received.source.read(name).data];
      let [largest, error] = [0, 0];
      for (let index = 0; index < a.length; index++) {
        largest = Math.max(largest, Math.abs(Number(a[index])));
        error = Math.max(error, Math.abs(Number(a[index]) - Number(b[index])));
      }
      worst = Math.max(worst, largest === 0 ? error : error / largest);
    }
    return worst;
  } finally {
    expected.close();
    received.close();
  }
}

const TARGETS: readonly (readonly [ConversionTarget, number])[] = [
  [{ format: "safetensors", dtype: "F32" }, 0],
  [{ format: "safetensors", dtype: "F16" }, 2 ** -11],
  [{ format: "safetensors", dtype: "BF16" }, 2 ** -8],
  [{ format: "gguf", dtype: "F32" }, 2 ** -22],
  [{ format: "gguf", dtype: "F16" }, 2 ** -11],
];

test.each(["llama-linear", "mistral-global", "qwen2-global", "qwen3", "gemma2", "gemma3", "gpt2"])(
  "%s",
  (name) => {
    const from = writeModel(name);
    const { ids } = loadTokenizer(from).encode(TEXT);
    for (const [target, tolerance] of TARGETS) {
      const ending = target.format === "gguf" ? ".gguf" : "";
      const to = join(folder, `${name}-${target.format}-${target.dtype}${ending}`);
      const seen: number[] = [];
      const { tensors } = convertModel(from, to, target, (done) => seen.push(done));
      expect(seen).toHaveLength(tensors);
      expect(largestError(from, to)).toBeLessThanOrEqual(tolerance);
      // And back: what Tutti wrote, Tutti reads with nothing beside it.
      const back = join(folder, `${name}-${target.format}-${target.dtype}-back`);
      convertModel(to, back, { format: "safetensors", dtype: "F32" });
      expect(largestError(to, back)).toBe(0);
      expect([...loadTokenizer(back).encode(TEXT).ids]).toEqual([...ids]);
      expect(readFileSync(join(back, "chat_template.jinja"), "utf8")).toBe(TEMPLATE);
    }
  },
);

test("a target that exists is left alone; a broken source leaves nothing behind", () => {
  const from = writeModel("qwen3");
  const target = { format: "safetensors", dtype: "F32" } as const;
  expect(() => convertModel(from, from, target)).toThrow(/exists already/);
  expect(() => convertModel(from, join(folder, "x"), { format: "gguf", dtype: "F16" })).toThrow(
    /no name of a GGUF/,
  );
  const broken = join(folder, "broken");
  cpSync(from, broken, { recursive: true });
  const weights = join(broken, "model.safetensors");
  writeFileSync(weights, readFileSync(weights).subarray(0, 2000));
  let error: unknown;
  try {
    convertModel(broken, join(folder, "y"), target);
  } catch (thrown) {
    error = thrown;
  }
  expect(TuttiError.is(error)).toBe(true);
  expect(existsSync(join(folder, "y"))).toBe(false);
});
