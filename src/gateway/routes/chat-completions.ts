/** `POST /v1/chat/completions`: parse, decide, call the model, answer. */
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import type { ChatChunk, PoolModel, Usage } from "../../pool/index.ts";
import { didYouMean } from "../../support/did-you-mean.ts";
import { TuttiError } from "../../support/errors.ts";
import { type Decision, decide, decideNamed, routingPrompt } from "../decide.ts";
import { PENDING } from "../decision-store.ts";
import { CLIENT_CLOSED_STATUS, Exchange, type ExchangeStart } from "../exchange.ts";
import { AUTO_MODEL, type GatewayApp, type GatewayEnv, type GatewayParts } from "../gateway-env.ts";
import { readJsonBody } from "../json-body.ts";
import { mergePolicy, POLICY_HEADER, type StatedPolicy, statedPolicy } from "../request-policy.ts";
import { type ChatCall, parseChatRequest } from "../wire/chat-request.ts";
import {
  type AnswerIdentity,
  answerText,
  finishReasonOf,
  toWireChunk,
  toWireResponse,
  usageChunk,
  usageOrEstimate,
} from "../wire/chat-response.ts";
import { toWireError } from "../wire/error.ts";

export function addChatCompletions(app: GatewayApp, parts: GatewayParts): void {
  app.post("/v1/chat/completions", async (context) => {
    const call = parseChatRequest(await readJsonBody(context.req.raw, parts.maxBodyBytes));
    const { fields } = context.get("access");
    fields.requestedModel = call.model;
    fields.isStream = call.isStream;
    const prompt = routingPrompt(call.request.messages);
    const stated = statedPolicy(call.tutti, context.req.header(POLICY_HEADER));
    const exchange = begin(context, call, await choose(call, prompt, stated, parts), parts);
    const id = `chatcmpl-${exchange.record.id}`;
    const identity = { id, model: exchange.model.name, created: Math.floor(exchange.record.timeMs / 1000) };
    try {
      if (call.isStream) return await answerStream(context, call, exchange, identity, prompt);
      return await answerWhole(context, call, exchange, identity, prompt);
    } catch (thrown) {
      if (context.get("signal").aborted) {
        exchange.aborted();
        return new Response(null, { status: CLIENT_CLOSED_STATUS });
      }
      exchange.failed(thrown, toWireError(thrown, "").httpStatus);
      throw thrown;
    }
  });
}

interface PaidDecision extends Pick<ExchangeStart, "settleBudget"> {
  readonly decision: Decision;
}

async function choose(
  call: ChatCall,
  prompt: string,
  stated: StatedPolicy | undefined,
  parts: GatewayParts,
): Promise<PaidDecision> {
  const { pool, router, clock, budget, latencies } = parts;
  const options = { clock, maxCompletionTokens: call.maxCompletionTokens, answers: call.answers };
  if (call.model === AUTO_MODEL && router !== undefined) {
    const policy = mergePolicy(parts.policy, stated, parts.ground);
    const needs = { hasTools: call.hasTools, hasImages: call.hasImages };
    let settleBudget: PaidDecision["settleBudget"];
    const onDecided = ({ estimate }: Decision): void => {
      settleBudget = budget?.charge(estimate.costUsd ?? 0);
    };
    const more = { needs, policy, budget, latencies, onDecided };
    const decision = await decide(router, prompt, pool, { ...options, ...more });
    return { decision, settleBudget };
  }
  if (pool.find(call.model) !== undefined) {
    if (stated === undefined) {
      return { decision: decideNamed(call.model, prompt, pool, options), settleBudget: undefined };
    }
    throw new TuttiError("REQUEST_INVALID", `${stated.place}: given, but model names ${call.model}`, {
      details: { param: stated.place, reason: "invalid_policy" },
      hint: `a policy chooses for ${AUTO_MODEL}`,
    });
  }
  const known = [...(router === undefined ? [] : [AUTO_MODEL]), ...pool.models.map((model) => model.name)];
  const hint =
    call.model === AUTO_MODEL
      ? "start the gateway with a router"
      : didYouMean(call.model, known) || "see GET /v1/models";
  throw new TuttiError("MODEL_NOT_FOUND", `model: the gateway has no model "${call.model.slice(0, 200)}"`, {
    details: { param: "model" },
    hint,
  });
}

function begin(
  context: Context<GatewayEnv>,
  call: ChatCall,
  { decision, settleBudget }: PaidDecision,
  parts: GatewayParts,
): Exchange {
  // The choice was made among models of the pool.
  const model: PoolModel = parts.pool.find(decision.model)!;
  const id = `dec_${randomUUID().replaceAll("-", "")}`;
  const record = { id, timeMs: parts.clock.nowMs(), requestedModel: call.model, decision, outcome: PENDING };
  context.header("x-tutti-model", headerText(decision.model));
  context.header("x-tutti-decision-id", id);
  if (decision.router !== null) {
    context.header("x-tutti-router", headerText(decision.router));
    context.header("x-tutti-routing-ms", decision.routingMs.toFixed(3));
  }
  return new Exchange({ record, model, request: call.request, settleBudget }, context.get("access"), parts);
}

/** Header values are ASCII; the UTF-8 bytes of other characters are percent-encoded. */
function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, (run) => {
    return [...Buffer.from(run, "utf8")]
      .map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`)
      .join("");
  });
}

async function answerWhole(
  context: Context<GatewayEnv>,
  call: ChatCall,
  exchange: Exchange,
  identity: AnswerIdentity,
  prompt: string,
): Promise<Response> {
  const response = await exchange.model.upstream.chat(call.request, { signal: context.get("signal") });
  const text = answerText(response.choices, "message");
  const usage = usageOrEstimate(response.usage, prompt, text);
  const wire = toWireResponse(response, identity, usage);
  exchange.completed({
    completionId: wire.id,
    text,
    finishReason: finishReasonOf(response.choices),
    usage,
  });
  return context.json(wire);
}

async function answerStream(
  context: Context<GatewayEnv>,
  call: ChatCall,
  exchange: Exchange,
  identity: AnswerIdentity,
  prompt: string,
): Promise<Response> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.get("signal"), stop.signal]);
  const chunks = exchange.model.upstream.streamChat(call.request, { signal })[Symbol.asyncIterator]();
  // The first piece is awaited before any header goes out, so that early failures keep their HTTP status.
  const first = await chunks.next();
  const access = context.get("access");
  access.isStreaming = true;
  const events = streamEvents({
    first,
    chunks,
    exchange,
    identity,
    prompt,
    signal,
    includeUsage: call.includeUsage,
    requestId: access.requestId,
  });
  // A client that leaves before the body is first read cancels nothing: the signal has to end the exchange.
  // Failures while ending have nobody left to go to.
  signal.addEventListener("abort", () => void events.return(undefined).catch(() => undefined), {
    once: true,
  });
  context.header("content-type", "text/event-stream; charset=utf-8");
  context.header("cache-control", "no-cache");
  // Tells buffering reverse proxies to pass every event on at once.
  context.header("x-accel-buffering", "no");
  return context.body(toByteStream(events, () => stop.abort(new Error("the client went away"))));
}

interface StreamState {
  readonly first: IteratorResult<ChatChunk>;
  readonly chunks: AsyncIterator<ChatChunk>;
  readonly exchange: Exchange;
  readonly identity: AnswerIdentity;
  readonly prompt: string;
  readonly signal: AbortSignal;
  readonly includeUsage: boolean;
  readonly requestId: string;
}

/** The events of one answer as text. Ends with `[DONE]`, or with an error event when the provider fails halfway. */
async function* streamEvents(state: StreamState): AsyncGenerator<string> {
  const { chunks, exchange } = state;
  // Taken from the first piece and kept: clients expect one id throughout.
  let identity: AnswerIdentity | undefined;
  let reportedUsage: unknown;
  let text = "";
  let finishReason: string | undefined;
  const usageSoFar = (): Usage => usageOrEstimate(reportedUsage, state.prompt, text);
  try {
    for (let next = state.first; next.done !== true; next = await chunks.next()) {
      const chunk = next.value;
      text += answerText(chunk.choices, "delta");
      finishReason = finishReasonOf(chunk.choices) ?? finishReason;
      if (chunk.usage) {
        reportedUsage = chunk.usage;
        if (chunk.choices.length === 0) continue;
      }
      const wireChunk = { ...toWireChunk(chunk, state.identity), ...identity };
      identity = { id: wireChunk.id, model: wireChunk.model, created: wireChunk.created };
      yield event(wireChunk);
    }
    if (state.includeUsage) yield event(usageChunk(identity ?? state.identity, usageSoFar()));
    const { id: completionId } = identity ?? state.identity;
    exchange.completed({ completionId, text, finishReason, usage: usageSoFar() });
    yield "data: [DONE]\n\n";
  } catch (thrown) {
    if (!state.signal.aborted) {
      exchange.failed(thrown, 200, usageSoFar());
      yield event(toWireError(thrown, state.requestId).body);
    }
  } finally {
    // Settles only what has not been settled: the reader has gone.
    exchange.aborted(usageSoFar());
    await chunks.return?.();
  }
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** Pulls one event at a time, so that a slow reader slows the provider down instead of filling the memory. */
function toByteStream(events: AsyncGenerator<string>, onCancel: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await events.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      // Unblocks a pending read of the provider first: return() alone would wait for it.
      onCancel();
      await events.return(undefined);
    },
  });
}
