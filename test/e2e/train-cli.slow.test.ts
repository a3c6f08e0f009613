/** `tutti train` as a person runs it, on a tiny model: killed and run again, and its output loaded by everybody. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { SequenceScorer } from "../../src/judges/reward/sequence-scorer.ts";
import { createLocalUpstream } from "../../src/pool/index.ts";
import { loadTokenizer } from "../../src/text/index.ts";
import { readMetrics, type StepMetrics, trainingPaths } from "../../src/train/index.ts";
import { ROOT, start, tutti } from "../support/command.ts";
import { pythonLacks, runPython } from "../support/python.ts";
import { writeTinyChatModel } from "../support/tiny-chat-model.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-train-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);

const CITIES = ["Oslo", "Lima", "Bonn", "Cairo", "Perth", "Quito", "Seoul", "Turin"];

/** The chosen answer names the city that was asked for. */
const pairs = CITIES.flatMap((city, index) =>
  ["", " please"].map((ending) => ({
    prompt: [{ role: "user", content: `Name the city ${city}${ending}` }],
    chosen: [{ role: "assistant", content: `${city} it is.` }],
    rejected: [{ role: "assistant", content: `${CITIES[(index + 3) % 8]} is far away from here.` }],
  })),
);
const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

beforeAll(() => {
  writeTinyChatModel(at("base"), 3);
  writeFileSync(at("pairs.jsonl"), lines(pairs.slice(0, 12)));
  writeFileSync(at("held.jsonl"), lines(pairs.slice(12)));
  writeFileSync(
    at("answers.jsonl"),
    lines(pairs.map(({ prompt, chosen }) => ({ messages: [...prompt, ...chosen] }))),
  );
});

const run = (kind: string, data: string, out: string, ...flags: string[]): string[] => [
  ...["train", kind, "--model", at("base"), "--data", at(data), "--out", at(out), "--threads", "1"],
  ...["--batch", "4", "--epochs", "6", "--checkpoint-every", "2", "--weight-decay", "0.01", ...flags],
];
const metricsOf = (out: string): StepMetrics[] => readMetrics(trainingPaths(at(out, "training")).metricsPath);
const meanLoss = (metrics: readonly StepMetrics[]): number =>
  metrics.reduce((sum, { loss }) => sum + loss, 0) / metrics.length;
const weights = (out: string): Buffer => readFileSync(at(out, "model", "model.safetensors"));

const DPO = [
  "--learning-rate",
  "2e-3",
  "--length-normalised",
  "--beta",
  "5",
  "--eval",
  at("held.jsonl"),
  "--eval-every",
  "3",
];

/** Runs a command and kills it once it has reported `steps` steps. */
function killed(args: readonly string[], out: string, steps: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = start(...args);
    const path = trainingPaths(at(out, "training")).metricsPath;
    const timer = setInterval(() => {
      try {
        if (readMetrics(path).length >= steps) child.kill("SIGKILL");
      } catch {
        // Not written yet.
      }
    }, 5);
    child.once("close", (code, signal) => {
      clearInterval(timer);
      if (signal === "SIGKILL") resolve();
      else reject(new Error(`ended by itself with code ${code}`));
    });
  });
}

test("dpo: killed and run again, it ends with the same weights", { timeout: 240_000 }, async () => {
  const whole = await tutti(...run("dpo", "pairs.jsonl", "dpo", ...DPO));
  expect(whole.stderr).toContain("12 examples, 4 held out, 18 steps");
  expect(whole.code, whole.stderr).toBe(0);
  expect(whole.stdout.trim()).toBe(at("dpo", "model"));
  const metrics = metricsOf("dpo");
  expect(metrics).toHaveLength(18);
  expect(metrics[0]!.loss).toBeCloseTo(Math.log(2), 5);
  expect(metrics[0]!.metrics["kl/chosen"]).toBeCloseTo(0, 5);
  expect(meanLoss(metrics.slice(-3))).toBeLessThan(0.5);
  expect(metrics.at(-1)!.metrics["rewards/accuracies"]).toBe(1);

  const again = run("dpo", "pairs.jsonl", "dpo-killed", ...DPO);
  for (const steps of [1, 10]) await killed(again, "dpo-killed", steps);
  const finished = await tutti(...again);
  expect(finished.code, finished.stderr).toBe(0);
  expect(weights("dpo-killed").equals(weights("dpo"))).toBe(true);
  expect(metricsOf("dpo-killed").map(({ loss }) => loss)).toEqual(metrics.map(({ loss }) => loss));
  expect(readdirSync(at("dpo-killed", "reference"))).toEqual(readdirSync(at("dpo", "reference")));

  const card = readFileSync(at("dpo", "model", "README.md"), "utf8");
  expect(card).toContain('base_model: "base"');
  expect(card).toMatch(/data: pairs\.jsonl \| `[0-9a-f]{64}`/);
  expect(card).toContain("held out, rewards/accuracies");
  expect(card).not.toContain(folder);
});

test("other settings over the same folder are refused, senseless ones too", {
  timeout: 120_000,
}, async () => {
  const other = await tutti(...run("dpo", "pairs.jsonl", "dpo", ...DPO, "--seed", "4"));
  expect(other.code).toBe(1);
  expect(other.stderr).toContain("CHECKPOINT_MISMATCH");
  const foreign = await tutti(
    ...run("dpo", "pairs.jsonl", "foreign", "--loss", "simpo", "--length-normalised"),
  );
  expect(foreign.code).toBe(2);
  expect(foreign.stderr).toContain("--length-normalised means nothing with --loss simpo");
});

test("sft with an adapter and reward learn", { timeout: 120_000 }, async () => {
  const sft = await tutti(
    ...run("sft", "answers.jsonl", "sft", "--learning-rate", "2e-2", "--lora-rank", "4", "--neftune", "5"),
  );
  expect(sft.code, sft.stderr).toBe(0);
  const learnt = metricsOf("sft");
  expect(meanLoss(learnt.slice(-3))).toBeLessThan(0.8 * learnt[0]!.loss);
  const reward = await tutti(...run("reward", "pairs.jsonl", "reward", "--learning-rate", "2e-3"));
  expect(reward.code, reward.stderr).toBe(0);
  expect(metricsOf("reward").at(-1)!.metrics["rewards/accuracies"]).toBe(1);
});

const SMALL = { threads: 1, contextLength: 64 };
const MESSAGES = [{ role: "user" as const, content: "Name the city Oslo" }];

test("the gateway's and the judges' loaders take what was written", { timeout: 120_000 }, async () => {
  const upstream = createLocalUpstream({ name: "trained", path: at("dpo", "model"), ...SMALL });
  const { choices, usage } = await upstream.chat(
    { messages: MESSAGES, parameters: { max_tokens: 6, temperature: 0 } },
    { signal: new AbortController().signal },
  );
  await upstream.close!();
  expect(choices).toHaveLength(1);
  expect(usage?.completion_tokens).toBeGreaterThan(0);
  const scorer = await SequenceScorer.load(at("reward", "model"), { threads: 1 });
  const [good] = await scorer.logits(MESSAGES, "Oslo it is.");
  const [bad] = await scorer.logits(MESSAGES, "Cairo is far away from here.");
  expect(good).toBeGreaterThan(bad!);
  await scorer.dispose();
});

const missing = pythonLacks(["torch", "transformers", "peft"]);
test.skipIf(missing !== undefined)(
  "transformers and peft compute the same",
  { timeout: 240_000 },
  async () => {
    const text = `<|im_start|>user\nName the city Oslo<|im_end|>\n<|im_start|>assistant\nOslo it is.<|im_end|>\n`;
    const ids = [...loadTokenizer(at("base")).encode(text, { addSpecialTokens: false }).ids];
    const jobs = [
      { folder: at("sft", "model"), ids },
      { folder: at("base"), adapter: at("sft", "adapter"), ids },
      { folder: at("reward", "model"), ids },
    ];
    const printed = runPython([join(ROOT, "tools/check-trained-model.py")], JSON.stringify(jobs));
    const [merged, adapted, rewarded] = JSON.parse(printed) as {
      logProbabilities: number[];
      reward: number;
    }[];
    for (const [index, value] of merged!.logProbabilities.entries())
      expect(adapted!.logProbabilities[index]).toBeCloseTo(value, 4);
    const generator = await TextGenerator.create(loadGenerationModel(at("sft", "model")), SMALL);
    const [first, ...rest] = ids;
    const { tokens } = await generator.score(Int32Array.of(first!), Int32Array.from(rest));
    await generator.dispose();
    for (const [index, value] of merged!.logProbabilities.entries())
      expect(tokens[index]!.logProbability).toBeCloseTo(value, 3);
    const scorer = await SequenceScorer.load(at("reward", "model"), { threads: 1 });
    const [reward] = await scorer.logits(MESSAGES, "Oslo it is.");
    await scorer.dispose();
    expect(rewarded!.reward).toBeCloseTo(reward!, 4);
  },
);
