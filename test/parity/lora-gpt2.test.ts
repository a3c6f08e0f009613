/** LoRA on matrices stored [inputs, outputs] (GPT-2) against a recorded run of the peft library; merging and files. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import { Graph, type Value } from "../../src/graph/ir.ts";
import {
  causalCrossEntropy,
  causalLogits,
  createCausalModel,
  loadPeftAdapter,
  savePeftAdapter,
} from "../../src/models/index.ts";
import {
  causalBias,
  declareParameters,
  loraModules,
  loraSpecs,
  mergeLora,
  type Parameters,
  withLora,
} from "../../src/nn/index.ts";
import { createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { float32, int32 } from "../../src/tensor/host-tensor.ts";
import { expectAllClose, FIXTURES, Fixture, fixtureJson } from "../support/fixtures.ts";
import { recordedParameters } from "../support/model-parity.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-lora-gpt2-"));
afterAll(() => rmSync(folder, { recursive: true }));

const TOLERANCE = { absolute: 2e-5, relative: 1e-4 };
const base = new Fixture("decoders/gpt2.safetensors");
const recorded = new Fixture("lora/lora-gpt2.safetensors");
const model = createCausalModel(
  fixtureJson<{ config: Record<string, unknown> }>("decoders/gpt2.json").config,
);
const { config, parameters: own } = loadPeftAdapter(join(FIXTURES, "lora/lora-gpt2"), model.specs);
const names = Object.keys(own);
const [batch, tokens] = base.shape("input_ids") as [number, number];
const labels = Int32Array.from({ length: batch * tokens }, (_, flat) =>
  flat % tokens === tokens - 1 ? -100 : Number(base.int("labels").data[flat + 1]),
);
const feeds: Feeds = {
  ids: base.int("input_ids"),
  positions: base.int("position_ids"),
  bias: causalBias(base.int("attention_mask")),
  labels: int32([labels.length], labels),
  scale: float32([], [1 / labels.filter((label) => label >= 0).length]),
};

async function run(parameters: Parameters, isAdapted: boolean) {
  const graph = new Graph();
  const declared = declareParameters(graph, {
    ...model.specs,
    ...(isAdapted && loraSpecs(model.specs, config)),
  });
  const values = withLora(declared, model.specs, isAdapted ? [config] : []);
  const hidden = model.decoder(values, {
    inputIds: graph.input("ids", "int32", [batch, tokens]),
    positionIds: graph.input("positions", "int32", [batch, tokens]),
    attentionBias: graph.input("bias", "float32", [batch, 1, tokens, tokens]),
  });
  const loss = causalCrossEntropy(model, values, hidden, {
    labels: graph.input("labels", "int32", [batch * tokens]),
    scale: graph.input("scale", "float32", []),
  });
  const outputs: Record<string, Value> = { loss, logits: causalLogits(model, values, hidden) };
  const asked = isAdapted ? names : [];
  for (const [index, value] of gradients(loss, asked.map(declared)).entries())
    outputs[`grad.${asked[index]}`] = value;
  const executable = await createOrtBackend({ threads: 1 }).compile(graph, outputs);
  const results = await executable.run({ ...feeds, ...parameters });
  await executable.dispose();
  return results;
}

function atTokens(data: ArrayLike<number>): number[] {
  const mask = base.int("attention_mask").data;
  const width = data.length / mask.length;
  return Array.from(data).filter((_, flat) => mask[Math.floor(flat / width)] !== 0);
}

test("logits, loss and every gradient of the adapter", async () => {
  expect(loraModules(model.specs, config)).toHaveLength(8);
  const results = await run({ ...recordedParameters(base), ...own }, true);
  expectAllClose(
    atTokens(results.logits!.data),
    atTokens(recorded.values("logits")),
    { absolute: 5e-5, relative: 1e-4 },
    "logits",
  );
  expectAllClose(results.loss!.data, recorded.values("loss"), { absolute: 1e-5, relative: 5e-6 }, "loss");
  expect(recorded.names("grad.").sort()).toEqual([...names].sort());
  for (const name of names) {
    expectAllClose(results[`grad.${name}`]!.data, recorded.values(`grad.${name}`), TOLERANCE, name);
  }
});

test("merged, the model computes what the adapted one does; unmerged, it is the old one", async () => {
  const parameters = recordedParameters(base);
  const merged = mergeLora(parameters, model.specs, own, config);
  const module = "transformer.h.1.mlp.c_fc.weight";
  expectAllClose(
    parameters[module]!.data,
    recorded.values(`merged.${module}`),
    { absolute: 2e-6, relative: 1e-5 },
    module,
  );
  const results = await run(parameters, false);
  expectAllClose(
    atTokens(results.logits!.data),
    atTokens(recorded.values("logits")),
    { absolute: 5e-5, relative: 1e-4 },
    "logits",
  );
  merged.unmerge();
  for (const [name, { data }] of Object.entries(recordedParameters(base))) {
    expectAllClose(parameters[name]!.data, Array.from(data), { absolute: 1e-6, relative: 1e-6 }, name);
  }
});

test("files say how the matrices are stored; DoRA is refused", () => {
  savePeftAdapter(folder, model.specs, own, config);
  const json = JSON.parse(readFileSync(join(folder, "adapter_config.json"), "utf8")) as unknown;
  expect(json).toMatchObject({ fan_in_fan_out: true });
  expect(loadPeftAdapter(folder, model.specs).parameters).toEqual(own);
  expect(() => loraModules(model.specs, { ...config, usesDora: true })).toThrow(/\[inputs, outputs\]/);
});
