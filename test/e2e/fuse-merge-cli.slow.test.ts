/** `tutti fuse merge` as a person runs it: killed and run again, refused, and its output loaded by everybody. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { createLocalUpstream } from "../../src/pool/index.ts";
import { openCheckpoint } from "../../src/weights/index.ts";
import { ROOT, start, tutti } from "../support/command.ts";
import { writeModelFolder } from "../support/model-folder.ts";
import { pythonLacks, runPython } from "../support/python.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-fuse-merge-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 1024,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  initializer_range: 0.2,
  tie_word_embeddings: true,
};
const TEMPLATE = "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}";

beforeAll(() => {
  for (const [seed, name] of ["base", "a", "b", "c"].entries()) {
    writeModelFolder(at(name), CONFIG, seed);
    writeFileSync(at(name, "chat_template.jinja"), TEMPLATE);
  }
});

const merge = (out: string, ...flags: string[]): string[] => [
  ...["fuse", "merge", "--base", at("base"), "--out", at(out), ...flags],
];
const MODELS = ["--model", at("a"), at("b"), at("c")];
/** A file for nearly every tensor. */
const SHARDS = ["--shard-size", "0.00001"];
const weights = (out: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(at(out))
      .filter((name) => name.startsWith("model"))
      .map((name) => [name, readFileSync(at(out, name), "base64")]),
  );

/** Runs a merge and kills it once `files` of its files are written. */
function killed(args: readonly string[], out: string, files: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = start(...args);
    const timer = setInterval(() => {
      try {
        const done = readdirSync(at(`${out}.merging`)).filter((name) => name.endsWith(".safetensors"));
        if (done.length >= files) child.kill("SIGKILL");
      } catch {
        // Not begun yet.
      }
    }, 1);
    child.once("close", (code, signal) => {
      clearInterval(timer);
      if (signal === "SIGKILL") resolve();
      else reject(new Error(`ended by itself with code ${code}`));
    });
  });
}

test("killed and run again, it ends with the same files", { timeout: 240_000 }, async () => {
  const whole = await tutti(...merge("whole", ...MODELS, ...SHARDS));
  expect(whole.code, whole.stderr).toBe(0);
  expect(whole.stdout.trim()).toBe(at("whole"));
  const again = merge("killed", ...MODELS, ...SHARDS);
  for (const files of [1, 6]) await killed(again, "killed", files);
  expect(readdirSync(folder)).not.toContain("killed");
  const finished = await tutti(...again);
  expect(finished.code, finished.stderr).toBe(0);
  expect(finished.stderr).toMatch(/\d+ of them finished by an earlier run/);
  expect(weights("killed")).toEqual(weights("whole"));
  expect(readdirSync(at("killed")).sort()).toEqual(readdirSync(at("whole")).sort());
});

test("every method from the command line; senseless flags are refused", { timeout: 240_000 }, async () => {
  const weighted = ["--model", `${at("a")}:0.6`, `${at("b")}:-.4`];
  const runs: Readonly<Record<string, readonly string[]>> = {
    sce: ["--method", "sce", ...MODELS, "--reading", "fork", "--density", "0.5", "--weight-floor", "1e-6"],
    ties: ["--method", "ties", ...weighted, "--no-normalise", "--lambda", "0.5", "--dtype", "bf16"],
    dare: ["--method", "dare-ties", ...weighted, "--rescale", "l1", "--seed", "3"],
    slerp: ["--method", "slerp", "--model", at("a"), "--t", "0.25"],
  };
  for (const [out, flags] of Object.entries(runs)) {
    const run = await tutti(...merge(out, ...flags));
    expect(run.code, run.stderr).toBe(0);
  }
  const lineage = JSON.parse(readFileSync(at("ties", "merge.json"), "utf8"));
  expect(lineage).toMatchObject({
    settings: { method: "ties", density: 0.2, isNormalised: false, scale: 0.5 },
    base: { name: "base" },
    models: [
      { name: "a", weight: 0.6 },
      { name: "b", weight: -0.4 },
    ],
    dtypes: ["BF16"],
  });
  const { entries, close } = openCheckpoint(at("ties"));
  close();
  expect([...entries.values()].every(({ dtype }) => dtype === "BF16")).toBe(true);
  const foreign = await tutti(...merge("foreign", "--method", "linear", ...MODELS, "--density", "0.5"));
  expect(foreign.code).toBe(2);
  expect(foreign.stderr).toContain("--density means nothing with --method linear");
  const inside = await tutti(...merge("a/inside", ...MODELS));
  expect(inside.code).toBe(2);
  expect(inside.stderr).toContain("lie within one another");
});

const SMALL = { threads: 1, contextLength: 64 };

test("the pool's local: takes what was merged", { timeout: 120_000 }, async () => {
  const upstream = createLocalUpstream({ name: "merged", path: at("whole"), ...SMALL });
  const { choices, usage } = await upstream.chat(
    { messages: [{ role: "user", content: "Name a city" }], parameters: { max_tokens: 6, temperature: 0 } },
    { signal: new AbortController().signal },
  );
  await upstream.close!();
  expect(choices).toHaveLength(1);
  expect(usage?.completion_tokens).toBeGreaterThan(0);
});

const missing = pythonLacks(["torch", "transformers"]);
test.skipIf(missing !== undefined)("transformers computes the same", { timeout: 240_000 }, async () => {
  const ids = [5, 17, 300, 42, 999, 7];
  const names = ["whole", "ties", "dare"];
  const jobs = names.map((name) => ({ folder: at(name), ids }));
  const printed = runPython([join(ROOT, "tools/check-trained-model.py")], JSON.stringify(jobs));
  const checked = JSON.parse(printed) as { logProbabilities: number[] }[];
  for (const [job, name] of names.entries()) {
    const generator = await TextGenerator.create(loadGenerationModel(at(name)), SMALL);
    const { tokens } = await generator.score(Int32Array.of(ids[0]!), Int32Array.from(ids.slice(1)));
    await generator.dispose();
    for (const [index, value] of checked[job]!.logProbabilities.entries())
      expect(tokens[index]!.logProbability).toBeCloseTo(value, 3);
  }
});
