/** What both sides of the decode benchmark do, and the round protocol around it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { answerRounds } from "./subjects/answer-rounds.ts";

export type DecodeMode = "prompt" | "single" | "parallel";

export const PROMPT_TOKENS = 512;
const SHORT_PROMPT_TOKENS = 8;
const STREAM_TOKENS = 64;
export const STREAMS = 16;
export const CONTEXT_LENGTH = 1024;

/** Some ids below 40,000, different for every stream. */
const someIds = (count: number, stream = 0): number[] =>
  Array.from({ length: count }, (_, index) => (index * 7919 + 13 + stream * 101) % 40_000);

/** Says one line on stderr, which the runner shows, and ends. */
export function missing(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

/** TUTTI_BENCH_MODEL, or the file that tools/fetch-models.ts fetches. */
export function modelPath(): string {
  const path =
    process.env.TUTTI_BENCH_MODEL ??
    join(import.meta.dirname, "../.cache/models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf");
  if (!existsSync(path)) missing(`${path} is missing: npx tsx tools/fetch-models.ts smollm2`);
  return path;
}

/**
 * Streams `maxTokens` greedy tokens behind each prompt, all at once, past the model's end tokens; calls `onToken` with
 * every token.
 */
export type Stream = (
  prompts: readonly (readonly number[])[],
  maxTokens: number,
  onToken: () => void,
) => Promise<void>;

/** One measurement: seconds, and the tokens that they were for. */
async function measure(mode: DecodeMode, stream: Stream): Promise<{ seconds: number; tokens: number }> {
  const startedAt = performance.now();
  let firstAt = 0;
  const run = (prompts: readonly (readonly number[])[], maxTokens: number): Promise<void> =>
    stream(prompts, maxTokens, () => {
      firstAt ||= performance.now();
    });
  const since = (from: number): number => (performance.now() - from) / 1000;
  switch (mode) {
    case "prompt":
      await run([someIds(PROMPT_TOKENS)], 1);
      return { seconds: (firstAt - startedAt) / 1000, tokens: PROMPT_TOKENS };
    case "single":
      await run([someIds(SHORT_PROMPT_TOKENS)], STREAM_TOKENS + 1);
      return { seconds: since(firstAt), tokens: STREAM_TOKENS };
    case "parallel": {
      const prompts = Array.from({ length: STREAMS }, (_, index) => someIds(SHORT_PROMPT_TOKENS, index));
      await run(prompts, STREAM_TOKENS);
      return { seconds: since(startedAt), tokens: STREAMS * STREAM_TOKENS };
    }
  }
}

/** Warms up once, then answers every "round" line. */
export async function answerDecodeRounds(mode: DecodeMode, stream: Stream): Promise<never> {
  await measure(mode, stream);
  await answerRounds({}, async () => {
    const { seconds, tokens } = await measure(mode, stream);
    return (1000 * seconds) / tokens;
  });
  process.exit(0);
}
