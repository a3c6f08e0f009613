/** Evaluation by generation and judge: the weights whose answers are right are kept, not those of the lowest loss. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { trainCommand } from "../../src/cli/commands/train.ts";
import { loadGenerationModel, TextGenerator } from "../../src/generate/index.ts";
import { createMathematicsJudge } from "../../src/judges/index.ts";
import type { LoraConfig } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { readMetrics, trainingPaths } from "../../src/train/index.ts";
import {
  judgedScore,
  loadLanguageModel,
  prepareSft,
  runTraining,
  type SftSettings,
} from "../../src/trainers/index.ts";
import { writeTinyChatModel } from "../support/tiny-chat-model.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-judged-evaluation-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());
const at = (...names: string[]): string => join(folder, ...names);
const write = (name: string, rows: readonly object[]): string => {
  writeFileSync(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return at(name);
};

const WORDS = ["one", "two", "three", "four", "five", "six"];
const question = (word: string): string => `Which number is ${word}?`;
const answered = WORDS.map((word, index) => ({
  messages: [
    { role: "user", content: question(word) },
    { role: "assistant", content: `${index + 1}` },
  ],
}));
const prompts = WORDS.map((word, index) => ({
  id: word,
  prompt: question(word),
  reference: { answer: `${index + 1}` },
}));
/** Answers of another kind: the better the model learns the numbers, the less likely it finds these. */
const held = WORDS.map((word) => ({
  messages: [
    { role: "user", content: question(word) },
    { role: "assistant", content: "I would rather not say that." },
  ],
}));

beforeAll(() => {
  writeTinyChatModel(at("base"), 3, { eos_token_id: 2 });
  write("data.jsonl", answered);
  write("prompts.jsonl", [...prompts, { id: "open", prompt: "How are you?", reference: { tests: "x" } }]);
  write("held.jsonl", held);
});

/** What the command says on stderr. */
async function train(kind: "sft" | "dpo", out: string, flags: readonly string[]): Promise<string> {
  const said: string[] = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  const common = ["--model", at("base"), "--out", at(out), "--threads", "1", "--batch", "6", "--warmup", "0"];
  await trainCommand().parseAsync([kind, ...common, ...flags], { from: "user" });
  return said.join("");
}

function sft(out: string, ...flags: string[]): Promise<string> {
  const steps = ["--epochs", "40", "--eval-every", "5", "--schedule", "constant"];
  return train("sft", out, ["--data", at("data.jsonl"), ...steps, ...flags]);
}
const metricsOf = (out: string) => readMetrics(trainingPaths(at(out, "training")).metricsPath);
const JUDGED = ["--eval-judge", "mathematics", "--eval-max-tokens", "8"];

/** Share of right answers of a model's folder. */
async function accuracy(path: string): Promise<number> {
  const generator = await TextGenerator.create(loadGenerationModel(path), { threads: 1 });
  const judge = createMathematicsJudge();
  let right = 0;
  for (const { id, prompt, reference } of prompts) {
    const messages = [{ role: "user" as const, content: prompt }];
    const ids = generator.chatPrompt(messages);
    const [answer] = await generator.generate({ prompt: ids, maxTokens: 8, temperature: 0 });
    const row = { id, key: id, messages, reference, domain: "", source: "", createdAt: "" };
    const { score } = await judge.judge(row, { text: answer!.text } as never);
    right += score!;
  }
  await generator.dispose();
  return right / prompts.length;
}

const ways = [
  ["all weights", 1, ["--learning-rate", "1e-2"]],
  ["an adapter", 0.3, ["--learning-rate", "3e-2", "--lora-rank", "16"]],
] as const;

test.each(ways)(
  "%s: the best are those judged best, the loss is reported",
  async (way, least, flags) => {
    const said = await sft(
      way,
      ...flags,
      ...["--eval", at("held.jsonl"), "--eval-prompts", at("prompts.jsonl"), ...JUDGED],
    );
    expect(said).toContain("6 prompts to answer, judged by mathematics@1");
    expect(said).toContain("left out: 1 prompts without what the judge needs");
    expect(said).toMatch(/before training: judged 0\.\d{4}, \d+\.\d tokens an answer/);

    const taken = metricsOf(way).filter(({ validation }) => validation !== undefined);
    expect(taken.length).toBe(8);
    const judged = taken.map(({ validation }) => validation!);
    const losses = taken.map(({ validationMetrics }) => validationMetrics!["held/loss"]!);
    expect(taken.map(({ validationMetrics }) => validationMetrics!["judged/score"])).toEqual(judged);
    const best = judged.indexOf(Math.max(...judged));
    expect(best).not.toBe(losses.indexOf(Math.min(...losses)));
    expect(judged[best]).toBeGreaterThanOrEqual(least);
    expect(taken[best]!.validationMetrics!["judged/tokens"]).toBeLessThanOrEqual(8);

    expect(said).toContain(`kept: the weights after step ${taken[best]!.step + 1}`);
    expect(await accuracy(at(way, "model"))).toBeCloseTo(judged[best]!, 10);
    expect(await accuracy(at("base"))).toBeLessThan(judged[best]!);
    const card = readFileSync(at(way, "model", "README.md"), "utf8");
    expect(card).toContain("## Chosen by generated answers");
    expect(card).toContain("| judge | mathematics@1 |");
    expect(card).toMatch(/\| judged\/score \| 0[.\d]* \| [01][.\d]* \|/);
    expect(card).not.toContain(folder);
  },
  120_000,
);

test("dpo: answers are judged without held-out pairs too", async () => {
  const pairs = prompts.map(({ prompt, reference: { answer } }) => ({
    ...{ prompt, chosen: answer, rejected: "I would rather not say that." },
  }));
  const said = await train("dpo", "dpo", [
    ...["--data", write("pairs.jsonl", pairs), "--epochs", "2"],
    ...["--eval-prompts", at("prompts.jsonl"), ...JUDGED],
  ]);
  expect(said).toMatch(/answers: judged 0\.\d{4}/);
  const [first, last] = metricsOf("dpo");
  expect(first!.validation).toBeUndefined();
  expect(last!.validationMetrics).toMatchObject({ "judged/score": last!.validation, "judged/unjudged": 0 });
  expect(last!.validationMetrics).not.toHaveProperty("held/loss");
}, 60_000);

describe("as a run", () => {
  const ADAPTER: LoraConfig = { name: "default", rank: 8, alpha: 16, targets: "all-linear" };
  const settings = (out: string): SftSettings => ({
    ...{ data: [at("data.jsonl")], out: at(out), seed: 0, epochs: 12, batch: 2, maxTokens: 64 },
    ...{ tokensAtOnce: 64, learningRate: 2e-2, weightDecay: 0, optimizer: { kind: "adamw" } },
    ...{ schedule: "constant", warmupShare: 0, maxGradientNorm: 1, adapter: ADAPTER },
    ...{ checkpointEverySteps: 8, validateEverySteps: 3 },
  });
  const backend = createOrtBackend({ threads: 1 });

  /** @param stopAt the step after which it is stopped @param breakAt the one after which it breaks, without a checkpoint */
  async function run(out: string, maxTokens = 8, stopAt?: number, breakAt?: number) {
    const base = loadLanguageModel(at("base"));
    const score = await judgedScore(base, [at("prompts.jsonl")], createMathematicsJudge(), {
      ...{ maxTokens, threads: 1, adapter: ADAPTER },
    });
    const stopping = new AbortController();
    return runTraining(
      await prepareSft(base, settings(out)),
      settings(out),
      backend,
      {
        signal: stopping.signal,
        onStep: ({ step }) => {
          if (step + 1 === stopAt) stopping.abort();
          if (step + 1 === breakAt) throw new Error("broken");
        },
      },
      score,
    );
  }
  const curve = (out: string) =>
    metricsOf(out).map(({ step, loss, validation, validationMetrics }) => ({
      ...{ step, loss, validation, validationMetrics },
    }));

  test("stopped and taken up again, it chooses the same best; judged otherwise, it is refused", async () => {
    const whole = await run("whole");
    expect(whole.best!.value).toBeGreaterThan(whole.scored!.before.score);
    expect(whole.scored!.kept.score).toBe(whole.best!.value);
    await expect(run("stopped", 8, 4)).rejects.toMatchObject({ code: "INTERRUPTED" });
    // Behind a measurement and before the next checkpoint: the best weights on disk are younger than what is resumed.
    expect(whole.best!.step % settings("").checkpointEverySteps).not.toBe(0);
    await expect(run("stopped", 8, undefined, whole.best!.step)).rejects.toThrow("broken");
    const resumed = await run("stopped");
    expect(curve("stopped")).toEqual(curve("whole"));
    expect(resumed.best).toEqual(whole.best);
    expect(resumed.scored).toEqual(whole.scored);
    expect(resumed.parameters).toEqual(whole.parameters);
    await expect(run("stopped", 9)).rejects.toMatchObject({ code: "CHECKPOINT_MISMATCH" });
  }, 120_000);
});

describe("what cannot be judged is refused before a step is taken", () => {
  const evaluated = (prompt: object, ...flags: string[]) =>
    sft("refused", "--eval-prompts", write("wrong.jsonl", [prompt]), ...flags);
  const [fine] = prompts as [object];

  test.each([
    [
      "no judge",
      fine,
      ["--eval-judge", "maths"],
      "INVALID_ARGUMENT",
      /received "maths", expected mathematics, code/,
    ],
    [
      "a model of a pool",
      fine,
      ["--eval-judge", "model:large/rating"],
      "INVALID_ARGUMENT",
      /asks the model large of a pool/,
    ],
    ["no reward model", fine, ["--eval-judge", "reward:nowhere"], "FILE_NOT_FOUND", /nowhere/],
    [
      "no reference",
      { prompt: "Why?" },
      JUDGED,
      "DATASET_INVALID",
      /none of 1 prompts has what the judge mathematics needs/,
    ],
    [
      "a blank reference",
      { id: "blank", prompt: "Why?", reference: { answer: " " } },
      JUDGED,
      "JUDGE_INVALID",
      /prompt "blank"/,
    ],
    [
      "a long prompt",
      { id: "long", prompt: "and so on ".repeat(200), reference: { answer: "1" } },
      JUDGED,
      "INVALID_ARGUMENT",
      /prompt "long" has \d+ tokens, the model's context of 256/,
    ],
  ] as const)(
    "%s",
    async (_, prompt, flags, code, message) => {
      await expect(evaluated(prompt, ...flags)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
      expect(() => metricsOf("refused")).toThrow();
    },
    60_000,
  );
});
