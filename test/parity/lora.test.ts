/** LoRA, rank-stabilised LoRA and DoRA against recorded runs of the peft library; merging; adapter files. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import { Graph, reachableNodes, type Value } from "../../src/graph/ir.ts";
import { loadPeftAdapter, savePeftAdapter } from "../../src/models/index.ts";
import {
  declareParameters,
  initialiseLora,
  type LoraConfig,
  loraModules,
  loraSpecs,
  mergeLora,
  type Parameters,
  withLora,
} from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { createReferenceBackend } from "../../src/runtime/reference/index.ts";
import { readMetrics, train, trainingPaths } from "../../src/train/index.ts";
import { expectAllClose, FIXTURES, Fixture, fixtureJson } from "../support/fixtures.ts";
import {
  buildTinyLlama,
  meaningfulRows,
  tinyLlamaFeeds,
  tinyLlamaParameters,
  tinyLlamaSpecs,
} from "../support/tiny-llama.ts";

const backend = createOrtBackend({ threads: 1 });
const CASES = ["lora", "lora-second", "rslora", "dora"];
const TOLERANCE = { absolute: 2e-5, relative: 1e-4 };
const folder = mkdtempSync(join(tmpdir(), "tutti-lora-"));
afterAll(() => rmSync(folder, { recursive: true }));

const loaded = (name: string, as = "default") =>
  loadPeftAdapter(join(FIXTURES, "lora", name), tinyLlamaSpecs, as);

async function logitsOf(base: Parameters, adapters: readonly ReturnType<typeof loaded>[]): Promise<number[]> {
  const graph = new Graph();
  const specs = Object.assign(
    { ...tinyLlamaSpecs },
    ...adapters.map(({ config }) => loraSpecs(tinyLlamaSpecs, config)),
  );
  const parameters = withLora(
    declareParameters(graph, specs),
    tinyLlamaSpecs,
    adapters.map(({ config }) => config),
  );
  const executable = await backend.compile(graph, { logits: buildTinyLlama(graph, parameters).logits });
  const feeds = Object.assign(
    { ...tinyLlamaFeeds(), ...base },
    ...adapters.map(({ parameters: own }) => own),
  );
  const { logits } = await executable.run(feeds);
  await executable.dispose();
  return meaningfulRows(logits!.data);
}

describe.each([backend, createReferenceBackend()])("$name", (each) => {
  test.each(CASES)("%s: logits, loss and every gradient of the adapter", async (name) => {
    const fixture = new Fixture(`lora/${name}.safetensors`);
    const { config, parameters: own } = loaded(name);
    const graph = new Graph();
    const declared = declareParameters(graph, { ...tinyLlamaSpecs, ...loraSpecs(tinyLlamaSpecs, config) });
    const { logits, loss } = buildTinyLlama(graph, withLora(declared, tinyLlamaSpecs, [config]));
    const names = Object.keys(own);
    expect(fixture.names("grad.").sort()).toEqual([...names].sort());
    const outputs: Record<string, Value> = { logits, loss };
    for (const [index, value] of gradients(loss, names.map(declared)).entries())
      outputs[`gradient.${names[index]}`] = value;
    const executable = await each.compile(graph, outputs);
    const results = await executable.run({ ...tinyLlamaFeeds(), ...tinyLlamaParameters(), ...own });
    await executable.dispose();
    const recorded = meaningfulRows(fixture.values("logits"));
    expectAllClose(
      meaningfulRows(results.logits!.data),
      recorded,
      { absolute: 5e-5, relative: 1e-4 },
      "logits",
    );
    expectAllClose(results.loss!.data, fixture.values("loss"), { absolute: 1e-5, relative: 5e-6 }, "loss");
    for (const parameter of names) {
      expectAllClose(
        results[`gradient.${parameter}`]!.data,
        fixture.values(`grad.${parameter}`),
        TOLERANCE,
        `gradient of ${parameter}`,
      );
    }
  });
});

test.each(CASES)("%s: ten AdamW steps of the adapter alone through the training loop", async (name) => {
  const fixture = new Fixture(`lora/${name}.safetensors`);
  const { optimizer } = fixtureJson<{
    optimizer: { learningRate: number; weightDecay: number; maxGradientNorm: number; steps: number };
  }>("lora/cases.json");
  const { config, parameters: own } = loaded(name);
  const base = tinyLlamaParameters();
  const trainable = Object.keys(own);
  const outputFolder = join(folder, name);
  await train(
    {
      specs: { ...tinyLlamaSpecs, ...loraSpecs(tinyLlamaSpecs, config) },
      trainable,
      build: (graph, values) => ({
        loss: buildTinyLlama(graph, withLora(values, tinyLlamaSpecs, [config])).loss,
        metrics: {},
      }),
      microBatches: () => [{ bucket: {}, feeds: tinyLlamaFeeds(), recordIds: ["all"] }],
    },
    { ...base, ...own },
    {
      seed: 0,
      totalSteps: optimizer.steps,
      groups: [
        { names: trainable, learningRate: optimizer.learningRate, weightDecay: optimizer.weightDecay },
      ],
      schedule: { kind: "constant", warmupSteps: 0, totalSteps: optimizer.steps },
      maxGradientNorm: optimizer.maxGradientNorm,
      checkpointEverySteps: 100,
      fingerprint: name,
      outputFolder,
    },
    { backend },
  );
  const losses = readMetrics(trainingPaths(outputFolder).metricsPath).map(({ loss }) => loss);
  expectAllClose(losses, fixture.values("step_losses"), { absolute: 5e-5, relative: 1e-5 }, "losses");
  for (const parameter of trainable) {
    expectAllClose(
      own[parameter]!.data,
      fixture.values(`after.${parameter}`),
      { absolute: 2e-4, relative: 1e-3 },
      parameter,
    );
  }
  expect(base).toEqual(tinyLlamaParameters());
});

test("two adapters at once", async () => {
  const logits = await logitsOf(tinyLlamaParameters(), [
    loaded("lora", "first"),
    loaded("lora-second", "second"),
  ]);
  const recorded = meaningfulRows(new Fixture("lora/both.safetensors").values("logits"));
  expectAllClose(logits, recorded, { absolute: 5e-5, relative: 1e-4 }, "logits");
});

test.each(CASES)("%s: merged weights are peft's, compute the same, and come apart again", async (name) => {
  const fixture = new Fixture(`lora/${name}.safetensors`);
  const adapter = loaded(name);
  const original = tinyLlamaParameters();
  const merged = tinyLlamaParameters();
  const handle = mergeLora(merged, tinyLlamaSpecs, adapter.parameters, adapter.config);
  for (const parameter of fixture.names("merged.")) {
    const expected = fixture.values(`merged.${parameter}`);
    expectAllClose(merged[parameter]!.data, expected, { absolute: 2e-6, relative: 2e-6 }, parameter);
  }
  const [separate, together] = [await logitsOf(original, [adapter]), await logitsOf(merged, [])];
  const largest = Math.max(...separate.map(Math.abs));
  expectAllClose(together, separate, { absolute: 1e-5 * largest, relative: 0 }, "logits");
  const plain = await logitsOf(original, []);
  expect(Math.max(...plain.map((value, index) => Math.abs(value - separate[index]!)))).toBeGreaterThan(0.1);
  handle.unmerge();
  for (const parameter of Object.keys(original)) {
    expectAllClose(
      merged[parameter]!.data,
      original[parameter]!.data,
      { absolute: 1e-6, relative: 0 },
      parameter,
    );
  }
});

test.each(CASES)("%s: what is written is read back", (name) => {
  const adapter = loaded(name, "own-name");
  const path = join(folder, `${name}-again`);
  savePeftAdapter(path, tinyLlamaSpecs, adapter.parameters, adapter.config);
  expect(loadPeftAdapter(path, tinyLlamaSpecs, "own-name")).toEqual(adapter);
});

test("a fresh adapter changes nothing, and one look-up does not disturb another", async () => {
  for (const usesDora of [false, true]) {
    const config: LoraConfig = { name: "fresh", rank: 2, alpha: 4, usesDora, targets: "all-linear" };
    const base = tinyLlamaParameters();
    const parameters = initialiseLora(base, tinyLlamaSpecs, config, 7);
    const [plain, adapted] = [await logitsOf(base, []), await logitsOf(base, [{ config, parameters }])];
    expectAllClose(adapted, plain, { absolute: 1e-5, relative: 1e-5 }, "logits");
  }
  const graph = new Graph();
  const { config } = loaded("lora");
  const declared = declareParameters(graph, { ...tinyLlamaSpecs, ...loraSpecs(tinyLlamaSpecs, config) });
  const [name] = [`${loraModules(tinyLlamaSpecs, config)[0]}.weight`];
  const { linear } = await import("../../src/nn/index.ts");
  const x = graph.input("x", "float32", [2, 32]);
  const nodesOf = (lookUp: typeof declared): number =>
    reachableNodes(graph, [linear(x, lookUp(name))]).length;
  expect(nodesOf(declared)).toBe(1);
  expect(nodesOf(withLora(declared, tinyLlamaSpecs, [config]))).toBe(4);
  expect(nodesOf(withLora(declared, tinyLlamaSpecs, []))).toBe(1);
});

test("dropout masks the adapter's input in training only", () => {
  const { config } = loaded("dora");
  const masks = (isTraining: boolean): number => {
    const graph = new Graph();
    const declared = declareParameters(graph, { ...tinyLlamaSpecs, ...loraSpecs(tinyLlamaSpecs, config) });
    buildTinyLlama(graph, withLora(declared, tinyLlamaSpecs, [config], { isTraining }));
    return graph.inputs.filter(({ source }) => source.origin === "input" && source.kind === "keep-mask")
      .length;
  };
  expect(masks(false)).toBe(0);
  expect(masks(true)).toBe(loraModules(tinyLlamaSpecs, config).length);
});

test("no gradient is made for frozen parameters", () => {
  const { config, parameters: own } = loaded("lora");
  const graph = new Graph();
  const declared = declareParameters(graph, { ...tinyLlamaSpecs, ...loraSpecs(tinyLlamaSpecs, config) });
  const { loss } = buildTinyLlama(graph, withLora(declared, tinyLlamaSpecs, [config]));
  const forward = new Set(reachableNodes(graph, [loss]));
  const backward = reachableNodes(graph, gradients(loss, Object.keys(own).map(declared))).filter(
    (node) => !forward.has(node),
  );
  const frozenShapes = new Set(Object.values(tinyLlamaSpecs).map(({ shape }) => shape.join()));
  const made = backward.flatMap(({ op, outputs }) => (op === "matmul" ? [outputs[0]!.shape.join()] : []));
  expect(made.length).toBeGreaterThan(10);
  expect(made.filter((shape) => frozenShapes.has(shape))).toEqual([]);
  expect(backward.some(({ op }) => op === "scatter_add_rows")).toBe(false);
});

describe("bad adapters are refused", () => {
  const good: LoraConfig = { name: "a", rank: 2, alpha: 4, targets: ["q_proj"] };
  test.each<[string, Partial<LoraConfig>, RegExp]>([
    ["a misspelt target", { targets: ["q_porj"] }, /"q_porj" matches no linear layer/],
    ["an output head", { targets: ["embed_tokens"] }, /matches no linear layer/],
    ["a broken pattern", { targets: { pattern: "(" } }, /does not parse/],
    ["rank 0", { rank: 0 }, /rank/],
    ["a dropout of 1", { dropout: 1 }, /dropout/],
    ["a name with a dot", { name: "a.b" }, /name/],
  ])("%s", (_, change, message) => {
    expect(() => loraModules(tinyLlamaSpecs, { ...good, ...change })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) }),
    );
  });

  test("DoRA beside another adapter, and names that repeat", () => {
    const values = declareParameters(new Graph(), {});
    for (const second of [good, { ...good, name: "b", usesDora: true }]) {
      expect(() => withLora(values, tinyLlamaSpecs, [good, second])).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    }
  });

  test.each<[string, Record<string, unknown> | string, string]>([
    ["biases", { bias: "all" }, "MODEL_CONFIG_UNSUPPORTED"],
    ["another method", { peft_type: "IA3" }, "MODEL_CONFIG_UNSUPPORTED"],
    ["ranks of their own", { rank_pattern: { q_proj: 2 } }, "MODEL_CONFIG_UNSUPPORTED"],
    ["no rank", { r: "four" }, "MODEL_CONFIG_UNSUPPORTED"],
    ["another rank than stored", { r: 3 }, "WEIGHTS_MISMATCH"],
    ["magnitudes that are not stored", { use_dora: true }, "WEIGHTS_MISMATCH"],
    ["broken JSON", "{", "FILE_CORRUPT"],
    ["a list", "[]", "FILE_CORRUPT"],
  ])("files: %s", (name, change, code) => {
    const path = join(folder, `bad-${name}`);
    cpSync(join(FIXTURES, "lora/lora"), path, { recursive: true });
    const file = join(path, "adapter_config.json");
    const json = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, typeof change === "string" ? change : JSON.stringify({ ...json, ...change }));
    expect(() => loadPeftAdapter(path, tinyLlamaSpecs)).toThrow(expect.objectContaining({ code }));
  });

  test("files of another model, and no files", () => {
    const { "model.layers.1.self_attn.q_proj.weight": _, ...fewer } = tinyLlamaSpecs;
    expect(() => loadPeftAdapter(join(FIXTURES, "lora/lora"), fewer)).toThrow(
      expect.objectContaining({ code: "WEIGHTS_MISMATCH" }),
    );
    expect(() => loadPeftAdapter(join(folder, "nowhere"), tinyLlamaSpecs)).toThrow(
      expect.objectContaining({ code: "FILE_NOT_FOUND" }),
    );
  });
});
