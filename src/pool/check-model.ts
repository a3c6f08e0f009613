/** Whether a model of the pool answers, and what it can do: found by asking it. */
import { messageOf, TuttiError } from "../support/errors.ts";
import { isJsonObject } from "../support/json.ts";
import type { PoolModel } from "./pool.ts";
import { costUsd } from "./pricing.ts";
import type { CallOptions, ChatRequest, ChatResponse } from "./upstream.ts";

/** "yes", "no" where the model or its provider cannot, or what went wrong. */
export type FeatureState = "yes" | "no" | { readonly code: string; readonly message: string };

export interface ModelCheck {
  readonly name: string;
  readonly provider: string;
  readonly isWorking: boolean;
  readonly latencyMs: number;
  readonly answer?: string;
  /** By the provider's own count; absent where it gives none. */
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly costUsd?: number;
  readonly failure?: { readonly code: string; readonly message: string; readonly hint?: string };
  /** Only where asked for. */
  readonly features?: {
    readonly streaming: FeatureState;
    readonly streamedUsage: FeatureState;
    readonly logProbabilities: FeatureState;
    readonly continuationScoring: FeatureState;
  };
}

export interface CheckOptions extends CallOptions {
  /** Also asks for a stream, log-probabilities and a score: up to four more calls. @default false */
  readonly withFeatures?: boolean;
}

const QUESTION = [{ role: "user", content: "Reply with the single word: ready" }];
const CONTINUATION = "ready";
/** Models that think first need room for it. */
const ANSWER_TOKENS = 64;

/** The question that every check asks; the model's own parameters stand beside the limit. */
function questionOf(extra: Readonly<Record<string, unknown>> = {}): ChatRequest {
  return { messages: QUESTION, parameters: { max_tokens: ANSWER_TOKENS, ...extra } };
}

/**
 * Calls the model once, and a few times more with `withFeatures`. Failures are results.
 *
 * @throws the signal's reason when it aborts
 */
export async function checkModel(model: PoolModel, options: CheckOptions): Promise<ModelCheck> {
  const question = fittingQuestion(model);
  const startedMs = performance.now();
  const base = { name: model.name, provider: model.provider };
  let answer: ChatResponse;
  try {
    answer = await model.upstream.chat(question, options);
  } catch (thrown) {
    if (options.signal.aborted) throw options.signal.reason;
    const latencyMs = performance.now() - startedMs;
    return { ...base, isWorking: false, latencyMs, failure: failureOf(thrown) };
  }
  const latencyMs = performance.now() - startedMs;
  const message = answer.choices[0]?.message;
  const text = isJsonObject(message) && typeof message.content === "string" ? message.content : "";
  const { usage } = answer;
  return {
    ...base,
    isWorking: true,
    latencyMs,
    answer: text,
    ...(usage && {
      promptTokens: usage.prompt_tokens,
      completionTokens: usage.completion_tokens,
      costUsd: costUsd(model.pricing, usage.prompt_tokens, usage.completion_tokens),
    }),
    ...(options.withFeatures && { features: await featuresOf(model, question, options) }),
  };
}

/** A recorded model can be asked recorded prompts alone. */
function fittingQuestion(model: PoolModel): ChatRequest {
  const recorded = model.upstream.example?.();
  return recorded === undefined ? questionOf() : { messages: recorded, parameters: {} };
}

async function featuresOf(
  model: PoolModel,
  question: ChatRequest,
  options: CallOptions,
): Promise<NonNullable<ModelCheck["features"]>> {
  const { upstream } = model;
  let hasUsage = false;
  const streaming = await stateOf(options, async () => {
    let parts = 0;
    for await (const { choices, usage } of upstream.streamChat(question, options)) {
      parts += choices.length;
      hasUsage ||= usage !== undefined && usage !== null;
    }
    return parts > 0;
  });
  const logProbabilities = await stateOf(options, async () => {
    const parameters = { ...question.parameters, logprobs: true };
    const [choice] = (await upstream.chat({ ...question, parameters }, options)).choices;
    const logprobs = choice?.logprobs;
    return isJsonObject(logprobs) && Array.isArray(logprobs.content) && logprobs.content.length > 0;
  });
  const { score } = upstream;
  const continuationScoring = await stateOf(options, async () => {
    if (score === undefined) return false;
    const { tokens } = await score({ messages: QUESTION, continuation: CONTINUATION }, options);
    return tokens.length > 0;
  });
  return { streaming, streamedUsage: hasUsage ? "yes" : "no", logProbabilities, continuationScoring };
}

async function stateOf({ signal }: CallOptions, probe: () => Promise<boolean>): Promise<FeatureState> {
  try {
    return (await probe()) ? "yes" : "no";
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    const { code, message } = failureOf(thrown);
    // A server that finds the parameter wrong does not have the feature.
    return code === "REQUEST_INVALID" || code === "UPSTREAM_REJECTED" ? "no" : { code, message };
  }
}

function failureOf(thrown: unknown): NonNullable<ModelCheck["failure"]> {
  if (!TuttiError.is(thrown)) return { code: "INTERNAL", message: messageOf(thrown) };
  const { code, message, hint } = thrown;
  return { code, message, ...(hint !== undefined && { hint }) };
}
