import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeModelFolder } from "../../../test/support/model-folder.ts";
import { createOrtBackend } from "../../runtime/index.ts";
import { type LanguageModel, loadLanguageModel } from "./language-model.ts";
import { prepareSft, type SftSettings } from "./prepare-sft.ts";
import { fingerprintOf } from "./prepared-run.ts";
import { TaskMeasure } from "./validation.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-prepare-sft-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [base, data, held] = ["base", "data.jsonl", "held.jsonl"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
/** With dropout, as GPT-2 has it unless its configuration says otherwise. */
const GPT2 = { model_type: "gpt2", vocab_size: 1024, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 256 };

const conversations = (count: number): string =>
  Array.from({ length: count }, (_, index) => ({
    messages: [
      { role: "user", content: `Count to ${index}` },
      { role: "assistant", content: "one, two, three, ".repeat(1 + (index % 5)) },
    ],
  }))
    .map((row) => `${JSON.stringify(row)}\n`)
    .join("");

function writeChatModel(path: string, config: Readonly<Record<string, unknown>>): string {
  writeModelFolder(path, config, 1);
  writeFileSync(
    join(path, "chat_template.jinja"),
    "{% for m in messages %}{{ m.content + '\n' }}{% endfor %}",
  );
  return path;
}

beforeAll(() => {
  writeChatModel(base, GPT2);
  writeFileSync(data, conversations(30));
  writeFileSync(held, conversations(19));
});

const settings = (tokensAtOnce: number, more: Partial<SftSettings> = {}): SftSettings => ({
  ...{ data: [data], evaluationData: [held], out: join(folder, "out"), seed: 1, epochs: 2, batch: 12 },
  ...{ maxTokens: 128, tokensAtOnce, learningRate: 1e-3, weightDecay: 0, optimizer: { kind: "adamw" } },
  ...{ schedule: "constant", warmupShare: 0, maxGradientNorm: 1 },
  ...{ checkpointEverySteps: 10, validateEverySteps: 10 },
  ...more,
});
const prepared = (tokensAtOnce: number, more: Partial<SftSettings> = {}) =>
  prepareSft(loadLanguageModel(base), settings(tokensAtOnce, more));

test("held-out conversations are measured once each, without dropout", async () => {
  const { evaluation, parameters } = await prepared(128, {
    adapter: { name: "default", rank: 2, alpha: 4, dropout: 0.5, targets: "all-linear" },
  });
  const { totalSteps, microBatches } = evaluation!;
  const measured = Array.from({ length: totalSteps }, (_, step) => microBatches(step)).flat();
  expect(measured.length).toBeGreaterThan(totalSteps);
  const ids = measured.flatMap(({ recordIds }) => recordIds);
  expect(new Set(ids).size).toBe(19);
  expect(ids).toHaveLength(19);
  const measure = new TaskMeasure(evaluation!, createOrtBackend({ threads: 1 }));
  const first = await measure.run(parameters);
  expect(first.loss).toBeGreaterThan(1);
  expect(await measure.run(parameters)).toEqual(first);
  await measure.dispose();
});

test("the held-out loss is the mean over tokens, whatever the batch", async () => {
  const losses = [];
  for (const batch of [19, 3]) {
    const { evaluation, parameters } = await prepared(4096, { batch });
    const measure = new TaskMeasure(evaluation!, createOrtBackend({ threads: 1 }));
    losses.push((await measure.run(parameters)).loss);
    await measure.dispose();
  }
  expect(losses[1]).toBeCloseTo(losses[0]!, 5);
});

test("a step has as many conversations as asked for, whatever rows leave empty", async () => {
  const { task, facts } = await prepared(4096, { batch: 4, epochs: 1 });
  const perStep = facts.examples / task.totalSteps;
  expect(perStep).toBeGreaterThan(3);
  expect(perStep).toBeLessThan(5.5);
});

test("end tokens go with the trained model", async () => {
  const path = writeChatModel(join(folder, "ends"), GPT2);
  const generation = { eos_token_id: [2, 300] };
  writeFileSync(join(path, "generation_config.json"), JSON.stringify(generation));
  const document = loadLanguageModel(path).documents.find(({ name }) => name === "generation_config.json");
  expect(JSON.parse(document!.content)).toEqual(generation);
});

test("rows may be longer than the model has positions, examples may not", async () => {
  const [short, shorter] = [100, 20].map((positions) =>
    writeChatModel(join(folder, `${positions}-positions`), { ...GPT2, n_positions: positions }),
  );
  const { task } = await prepareSft(loadLanguageModel(short!), settings(256));
  expect(task.microBatches(0)[0]!.bucket.tokens).toBe(128);
  await expect(prepareSft(loadLanguageModel(shorter!), settings(256))).rejects.toThrow(
    /has \d+ tokens, the model has 20 positions/,
  );
});

test("a step has the same conversations and noise whatever is computed at once", async () => {
  const steps = async (tokensAtOnce: number) => {
    const { task } = await prepared(tokensAtOnce, { neftuneAlpha: 5 });
    return Array.from({ length: task.totalSteps }, (_, step) => {
      const batches = task.microBatches(step);
      const noise = createHash("sha256");
      for (const { feeds } of batches) {
        const values = (feeds.embedding_noise!.data as Float32Array).filter((value) => value !== 0);
        noise.update(new Uint8Array(values.buffer));
      }
      return {
        ids: batches.flatMap(({ recordIds }) => recordIds),
        noise: noise.digest("hex"),
        largest: batches.reduce((most, { bucket }) => Math.max(most, bucket.batch!), 0),
      };
    });
  };
  const whole = await steps(4096);
  expect(whole[0]!.largest).toBeGreaterThan(3);
  for (const tokensAtOnce of [128, 256]) {
    const cut = await steps(tokensAtOnce);
    for (const { largest } of cut) expect(largest).toBeLessThanOrEqual(tokensAtOnce / 128);
    const contents = (all: typeof whole) => all.map(({ ids, noise }) => ({ ids, noise }));
    expect(contents(cut)).toEqual(contents(whole));
  }
});

test("a checkpoint is refused when configuration, chat template or tokenizer change", async () => {
  const run = await prepared(256);
  const known = fingerprintOf(run, settings(256));
  expect(fingerprintOf(await prepared(256), settings(256))).toBe(known);
  const changes: Partial<LanguageModel>[] = [
    { config: { ...GPT2, layer_norm_epsilon: 1e-3 } },
    { template: "{{ messages }}" },
    { documents: [{ name: "tokenizer.json", content: "{}" }] },
  ];
  const pipeline = { command: "c", baseModel: "b", title: "t", rows: [] };
  expect(fingerprintOf({ ...run, facts: { ...run.facts, pipeline } }, settings(256))).toBe(known);
  expect(fingerprintOf(run, settings(256, { source: { judge: "another" } }))).not.toBe(known);
  for (const change of changes)
    expect(fingerprintOf({ ...run, base: { ...run.base, ...change } }, settings(256))).not.toBe(known);
});
