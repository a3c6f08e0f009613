/**
 * A small world to fuse in: three sources behind a real HTTP server, each good at one kind of sum, a reward model behind the same
 * server, a tiny random decoder as target. Every answer is a function of model, prompt and seed.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ChatBody, type JsonServer, jsonServer } from "./chat-server.ts";
import { writeTinyChatModel } from "./tiny-chat-model.ts";

export const SOURCES = ["adder", "taker", "timer"] as const;
const SIGNS = ["plus", "minus", "times"] as const;

/** Uniform in [0, 1), the same for the same parts. */
function uniform(...parts: readonly unknown[]): number {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}

function resultOf(a: number, sign: string, b: number): number {
  return sign === "plus" ? a + b : sign === "minus" ? a - b : a * b;
}

/** A source is right in four of five cases at its own sign and in two of five at the others. */
function answerTo({ model, messages, seed }: ChatBody): string {
  const words = messages.at(-1)!.content;
  const chance = uniform(model, words, seed);
  const sum = /(\d+) (plus|minus|times) (\d+)/.exec(words);
  const style = ["It is", "So it is", "The answer is", "I think it is"][Math.floor(1000 * chance) % 4]!;
  if (sum === null)
    return `${style} ${["blue", "red", "green", "warm", "cold"][Math.floor(100 * chance) % 5]}`;
  const own = SOURCES[SIGNS.indexOf(sum[2] as (typeof SIGNS)[number])] === model;
  const right = resultOf(Number(sum[1]), sum[2]!, Number(sum[3]));
  return `${style} ${chance < (own ? 0.8 : 0.4) ? right : right + 1 + Math.floor(50 * chance)}.`;
}

/** Between 0.1 and 0.2, as ArmoRM's scores are close together. */
const rewardOf = (answer: string): number => 0.1 + 0.1 * uniform("reward", answer);

/** `delayMs`: of every answer, so that a test has time to kill. */
export function sourceServer(delayMs = 0): Promise<JsonServer> {
  return jsonServer(async (path, body) => {
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (path === "/score") {
      const { text_1, text_2 } = body as { readonly text_1: string; readonly text_2: string };
      return { data: [{ score: rewardOf(`${text_1} ${text_2}`) }] };
    }
    const content = answerTo(body as ChatBody);
    return {
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      usage: { prompt_tokens: 20, completion_tokens: 6, total_tokens: 26 },
    };
  });
}

export interface WorldOptions {
  readonly sums?: number;
  readonly chats?: number;
}

const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Writes prompts, pool, judge, target and fuse.yaml into a folder; returns the path of fuse.yaml. */
export function writeFuseWorld(
  folder: string,
  serverUrl: string,
  { sums = 36, chats = 20 }: WorldOptions = {},
): string {
  const at = (name: string): string => join(folder, name);
  mkdirSync(folder, { recursive: true });
  const sumRows = Array.from({ length: sums }, (_, index) => {
    const sign = SIGNS[index % 3]!;
    const [a, b] = [3 + (index % 7), 2 + Math.floor(index / 3)];
    const prompt = `What is ${a} ${sign} ${b}?`;
    return { id: `sum-${index}`, prompt, reference: { answer: String(resultOf(a, sign, b)) } };
  });
  const chatRows = Array.from({ length: chats }, (_, index) => ({
    id: `chat-${index}`,
    prompt: `Say a word about thing number ${index}`,
  }));
  const hello = ["Hello there", "Good day", "Good night"].map((prompt) => ({ prompt, domain: "greetings" }));
  writeFileSync(at("sums.jsonl"), lines(sumRows));
  writeFileSync(at("chats.jsonl"), lines(chatRows));
  writeFileSync(at("hello.jsonl"), lines(hello));
  writeFileSync(at("hello-held.jsonl"), lines([{ prompt: "Good evening", domain: "greetings" }]));
  writeTinyChatModel(at("target"), 3);
  const models = SOURCES.map(
    (name) => `  - name: ${name}
    provider: openai-compatible
    baseUrl: ${serverUrl}
    pricing: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 }`,
  );
  writeFileSync(at("pool.yaml"), `models:\n${models.join("\n")}\n`);
  writeFileSync(
    at("reward.yaml"),
    `judge: remote-reward\nname: reward\nendpoint: vllm-score\nbaseUrl: ${serverUrl}\n`,
  );
  writeFileSync(at("fuse.yaml"), FUSE_FILE);
  return at("fuse.yaml");
}

export const FUSE_FILE = `name: fused
pool: pool.yaml
threads: 1
sources:
  - model: adder
    parameters: { temperature: 0.8, top_p: 0.95, max_tokens: 24 }
  - model: taker
    parameters: { temperature: 0.7, top_p: 0.8, max_tokens: 24 }
  - model: timer
target:
  model: target
  contextTokens: 128
domains:
  - name: sums
    prompts: [sums.jsonl]
    holdout: { share: 0.2 }
    samples: 4
    verifier: mathematics
    scorer: reward.yaml
  - name: chats
    prompts: [chats.jsonl]
    holdout: { share: 0.2 }
    samples: 3
    scorer: reward.yaml
  - name: greetings
    prompts: [hello.jsonl]
    holdout: { files: [hello-held.jsonl] }
    sources: [adder]
    samples: 1
sampling: { leaseSeconds: 2 }
judging: { leaseSeconds: 2 }
sft: { epochs: 3, batch: 8, maxTokens: 96, learningRate: 0.002, checkpointEvery: 2 }
dpo: { batch: 4, maxTokens: 96, learningRate: 0.001, beta: 5, checkpointEvery: 2, validationShare: 0.2 }
evaluation: { parameters: { max_tokens: 8, temperature: 0.7 }, resamples: 200 }
`;
