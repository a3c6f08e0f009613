/** The recipes of the paper's targets: read by Tutti, exported, and read by TRL. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadFuseConfig, loadPoolConfig, readYamlFile } from "../../src/config/index.ts";
import { trainerFiles } from "../../src/fusion/index.ts";
import { judgeSchema } from "../../src/judges/index.ts";
import { ROOT } from "../support/command.ts";
import { pythonLacks, runPython } from "../support/python.ts";

const RECIPES = join(ROOT, "recipes/fusechat-3.0");
const folder = mkdtempSync(join(tmpdir(), "tutti-recipes-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The paper's table: learning rates, beta, whether DPO is length-normalised. */
const PAPER = {
  "llama-3.1-8b": ["meta-llama/Llama-3.1-8B-Instruct", 5e-6, 8e-7, 10, true],
  "llama-3.2-3b": ["meta-llama/Llama-3.2-3B-Instruct", 5e-6, 1e-6, 10, true],
  "llama-3.2-1b": ["meta-llama/Llama-3.2-1B-Instruct", 5e-6, 1e-6, 10, true],
  "qwen-2.5-7b": ["Qwen/Qwen2.5-7B-Instruct", 2e-6, 3e-7, 0.01, false],
  "gemma-2-9b": ["google/gemma-2-9b-it", 2e-6, 5e-7, 0.01, false],
} as const;
const NAMES = Object.keys(PAPER) as (keyof typeof PAPER)[];
const TARGET = { model: "", template: "llama3", devices: 8, perDevice: 2 };

const load = (name: string) => loadFuseConfig(join(RECIPES, `${name}.yaml`));

describe("recipes", () => {
  it("there is one for each target, and nothing else", () => {
    const files = readdirSync(RECIPES).filter((name) => name.endsWith(".yaml"));
    expect(files.sort()).toEqual([...NAMES.map((name) => `${name}.yaml`), "pool.yaml"].sort());
  });

  it.each(NAMES)("%s has the paper's values", (name) => {
    const [model, sftRate, dpoRate, beta, lengthNormalised] = PAPER[name];
    const { target, sft, dpo, domains, sources, pool } = load(name);
    expect(target).toMatchObject({ model: `hf:${model}`, like: name });
    expect(sft).toMatchObject({ learningRate: sftRate, epochs: 3, batch: 128, maxTokens: 2048, warmup: 0.1 });
    expect(dpo).toMatchObject({ learningRate: dpoRate, beta, lengthNormalised, epochs: 1, batch: 128 });
    expect(
      domains.map(({ name: domain, sources: asked }) => [domain, asked.map(({ samples }) => samples)]),
    ).toEqual([
      ["instructions", [5, 5, 5, 5]],
      ["mathematics", [4, 1]],
      ["code", [8, 8, 8, 8]],
      ["chinese", [1]],
    ]);
    const listed = loadPoolConfig(pool).models.map((one) => one.name);
    expect(sources.map((one) => one.model)).toEqual(expect.arrayContaining(listed));
    for (const { model: source, parameters } of sources) {
      if (source === "llama-3.1-405b") continue;
      const isQwen = source.startsWith("qwen");
      expect(parameters).toMatchObject(
        isQwen ? { temperature: 0.7, top_p: 0.8 } : { temperature: 0.8, top_p: 0.95 },
      );
    }
  });

  it("the judges' files are judges", () => {
    for (const name of readdirSync(join(RECIPES, "judges"))) {
      const { value } = readYamlFile(join(RECIPES, "judges", name), {
        schema: judgeSchema,
        code: "CONFIG_INVALID",
      });
      expect(["remote-reward", "code"]).toContain(value.judge);
    }
  });
});

describe("exports", () => {
  it("length-normalised DPO is TRL's, whoever does the imitation", () => {
    const { files, data, notes } = trainerFiles("llama-factory", load("llama-3.1-8b"), TARGET);
    expect(files.map(({ name }) => name)).toEqual([
      "dataset_info.json",
      "llama-factory-sft.yaml",
      "trl-dpo.yaml",
    ]);
    expect(data).toEqual({ sft: "llama-factory", pairs: "trl" });
    expect(notes[0]).toContain("no length-normalised DPO");
  });

  it("plain DPO is LLaMA-Factory's", () => {
    const { files, notes } = trainerFiles("llama-factory", load("gemma-2-9b"), {
      ...TARGET,
      template: "gemma",
    });
    const dpo = files.find(({ name }) => name === "llama-factory-dpo.yaml")!.content;
    expect(notes).toEqual([]);
    for (const line of [
      "pref_beta: 0.01",
      'pref_loss: "sigmoid"',
      "learning_rate: 5.0e-7",
      "cutoff_len: 2048",
    ])
      expect(dpo).toContain(`\n${line}\n`);
    expect(dpo).toContain("per_device_train_batch_size: 2\ngradient_accumulation_steps: 8\n");
  });

  it("a batch that cannot be divided is refused", () => {
    const divide = () => trainerFiles("trl", load("gemma-2-9b"), { ...TARGET, devices: 3 });
    expect(divide).toThrow(/a batch of 128 cannot be divided over 3 devices/);
  });

  const missing = pythonLacks(["trl"]);
  it.skipIf(missing !== undefined).each(["llama-3.1-8b", "qwen-2.5-7b"] as const)(
    "TRL reads what is exported for %s",
    { timeout: 300_000 },
    (name) => {
      const out = join(folder, name);
      mkdirSync(out);
      const [model, sftRate, dpoRate, beta, lengthNormalised] = PAPER[name];
      for (const { name: file, content } of trainerFiles("trl", load(name), { ...TARGET, model }).files)
        writeFileSync(join(out, file), content);
      const printed = runPython([join(ROOT, "tools/check-fuse-export.py"), out], "");
      const common = { batch: 16, max_length: 2048, schedule: "cosine", warmup_steps: 100 };
      expect(JSON.parse(printed.trim().split("\n").at(-1)!)).toMatchObject({
        sft: { ...common, model, learning_rate: sftRate, epochs: 3 },
        dpo: {
          ...common,
          ...{ model: "out/sft", learning_rate: dpoRate, epochs: 1, beta },
          ...{ loss: [lengthNormalised ? "sigmoid_norm" : "sigmoid"], save_steps: 100, save_total_limit: 2 },
        },
      });
    },
  );

  it("the recipe's page names every data file of the recipes", () => {
    const page = readFileSync(join(RECIPES, "README.md"), "utf8");
    for (const { prompts } of load("llama-3.1-8b").domains)
      for (const path of prompts) expect(page).toContain(path.split("/").at(-1)!);
  });
});
