/** Models that run in this process, with continuous batching: requests made at the same time share their steps. */
import { randomInt } from "node:crypto";
import type { GeneratedAnswer, GeneratedToken, TextGenerator } from "../../generate/index.ts";
import { type ErrorCode, TuttiError } from "../../support/errors.ts";
import {
  type ChatChunk,
  type ChatRequest,
  type ChatResponse,
  turnText,
  type Upstream,
  type Usage,
} from "../upstream.ts";
import { generationParameters } from "./generation-parameters.ts";
import { LocalModel, type LocalModelOptions } from "./local-model.ts";

export interface LocalUpstreamOptions extends LocalModelOptions {
  /** Name in the pool, for messages. */
  readonly name: string;
  /** Seconds since 1970, for the `created` field of answers. */
  readonly nowSeconds?: () => number;
}

/** Opens the model with the first request. */
export function createLocalUpstream({ name, nowSeconds, ...options }: LocalUpstreamOptions): Upstream {
  const now = nowSeconds ?? (() => Math.floor(Date.now() / 1000));
  const model = new LocalModel(options);

  /** Whatever keeps a model from being opened is the model's failure, not the request's. */
  const opened = async (): Promise<TextGenerator> => {
    try {
      return await model.generator();
    } catch (thrown) {
      throw TuttiError.is(thrown) ? failure("UPSTREAM_FAILED", name, thrown) : thrown;
    }
  };
  const begin = async (request: ChatRequest) => {
    const generator = await opened();
    const prompt = promptOf(generator, request.messages);
    return { generator, prompt, ...generationParameters(request.parameters, randomInt(2 ** 32)) };
  };
  return {
    chat: (request, { signal, onAttempt }) =>
      asUpstream(name, signal, async (): Promise<ChatResponse> => {
        const { generator, ...generation } = await begin(request);
        onAttempt?.();
        const answers = await generator.generate({ ...generation, signal });
        signal.throwIfAborted();
        return {
          object: "chat.completion",
          created: now(),
          model: name,
          choices: answers.map((answer, index) => ({
            index,
            message: { role: "assistant", content: answer.text, refusal: null },
            logprobs: logProbabilitiesOf(generator, answer.tokens),
            finish_reason: answer.finishReason,
          })),
          usage: usageOf(generation.prompt, answers),
        };
      }),

    async *streamChat(request, { signal }): AsyncGenerator<ChatChunk> {
      const guard = <Result>(action: () => Promise<Result>) => asUpstream(name, signal, action);
      const base = { object: "chat.completion.chunk", created: now(), model: name };
      const { generator, ...generation } = await guard(() => begin(request));
      const events = generator.stream({ ...generation, signal });
      try {
        for (;;) {
          const step = await guard(() => events.next());
          signal.throwIfAborted();
          if (step.done) {
            const ends = step.value.map(({ finishReason }, index) => ({
              index,
              delta: {},
              logprobs: null,
              finish_reason: finishReason,
            }));
            yield { ...base, choices: ends };
            yield { ...base, choices: [], usage: usageOf(generation.prompt, step.value) };
            return;
          }
          const { sample, token, text } = step.value;
          const logprobs = logProbabilitiesOf(generator, [token]);
          if (text === "" && logprobs === null) continue;
          const delta = { role: "assistant", content: text };
          yield { ...base, choices: [{ index: sample, delta, logprobs, finish_reason: null }] };
        }
      } finally {
        await events.return([]);
      }
    },

    score: ({ messages, continuation }, { signal }) =>
      asUpstream(name, signal, async () => {
        const generator = await opened();
        const { logProbability, tokens } = await generator.score(promptOf(generator, messages), continuation);
        signal.throwIfAborted();
        return {
          logProbability,
          tokens: tokens.map((token) => ({
            logProbability: token.logProbability,
            text: generator.model.tokenizer.decode([token.id]),
          })),
        };
      }),
    identity: () => model.identity(),
    close: () => model.close(),
  };
}

function promptOf(generator: TextGenerator, messages: ChatRequest["messages"]): Int32Array {
  const turns = messages.map((turn) => {
    if (Array.isArray(turn.content) && turn.content.some(({ type }) => type !== "text")) {
      throw new TuttiError("REQUEST_INVALID", "messages: local models take text, received another part", {
        details: { param: "messages" },
        hint: "leave images and sounds out, or choose another model",
      });
    }
    return { role: turn.role === "developer" ? "system" : turn.role, content: turnText(turn) };
  });
  return generator.chatPrompt(turns);
}

function usageOf(prompt: Int32Array, answers: readonly GeneratedAnswer[]): Usage {
  const completionTokens = answers.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return {
    prompt_tokens: prompt.length,
    completion_tokens: completionTokens,
    total_tokens: prompt.length + completionTokens,
  };
}

/** As chat completions write them; null where none were asked for. */
function logProbabilitiesOf(
  { model: { tokenizer } }: TextGenerator,
  tokens: readonly GeneratedToken[],
): Record<string, unknown> | null {
  if (tokens.every(({ logProbability }) => logProbability === undefined)) return null;
  const entry = (id: number, logprob: number | undefined) => {
    const token = tokenizer.decode([id]);
    return { token, logprob, bytes: [...Buffer.from(token, "utf8")] };
  };
  return {
    content: tokens.map(({ id, logProbability, top = [] }) => ({
      ...entry(id, logProbability),
      top_logprobs: top.map((other) => entry(other.id, other.logProbability)),
    })),
  };
}

/** What the generator finds wrong with a request is a rejected request; what it cannot do at all is a failed model. */
async function asUpstream<Result>(
  name: string,
  signal: AbortSignal,
  action: () => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  try {
    return await action();
  } catch (thrown) {
    if (signal.aborted || !TuttiError.is(thrown) || PASSED_ON.has(thrown.code)) throw thrown;
    throw failure(thrown.code === "INVALID_ARGUMENT" ? "UPSTREAM_REJECTED" : "UPSTREAM_FAILED", name, thrown);
  }
}

/** Codes that callers of upstreams know. */
const PASSED_ON = new Set<ErrorCode>(["REQUEST_INVALID", "UPSTREAM_FAILED"]);

function failure(code: ErrorCode, name: string, cause: TuttiError): TuttiError {
  return new TuttiError(code, `model "${name}": ${cause.message}`, {
    cause,
    details: { ...cause.details, model: name, isRetryable: false },
    ...(cause.hint !== undefined && { hint: cause.hint }),
  });
}
