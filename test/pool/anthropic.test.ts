/** Anthropic's Messages API, spoken as chat completions, against a server that answers as the API does. */
import { describe, expect, it } from "vitest";
import { createAnthropicUpstream } from "../../src/pool/index.ts";
import { outcomeOf } from "../../src/pool/sampling/outcome.ts";
import { neverAborted, sendJson, startProvider } from "./provider-server.ts";

const KEY = "sk-ant-secret";
const FREE = { inputCostUsdPerMillionTokens: 0, outputCostUsdPerMillionTokens: 0 };

const message = (content: unknown[], stopReason: string, usage: Record<string, number> = {}) => ({
  id: "msg_013Zva2CMHLNnXjNJJKqJ2EF",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-20250514",
  content,
  stop_reason: stopReason,
  stop_sequence: null,
  usage: { input_tokens: 12, output_tokens: 5, ...usage },
});

async function anthropic(status: number, body: unknown) {
  const provider = await startProvider((_request, response) => sendJson(response, status, body));
  return { provider, upstream: upstreamAt(provider.origin) };
}

const upstreamAt = (baseUrl: string) =>
  createAnthropicUpstream({
    name: "claude",
    baseUrl,
    upstreamModel: "claude-sonnet-4-20250514",
    apiKey: KEY,
    apiKeyEnv: "ANTHROPIC_API_KEY",
    timeoutMs: 5_000,
    nowSeconds: () => 1,
  });

const ask = (messages: readonly Record<string, unknown>[], parameters: Record<string, unknown> = {}) => ({
  messages: messages as never,
  parameters,
});
const HELLO = [{ role: "user", content: "Hello" }];

describe("requests", () => {
  it("carry the conversation, the limits and the tools in the API's own words", async () => {
    const { provider, upstream } = await anthropic(200, message([{ type: "text", text: "Hi" }], "end_turn"));
    const image = "data:image/png;base64,iVBORw0KGgo=";
    const call = { id: "t1", type: "function", function: { name: "look", arguments: '{"at":"sky"}' } };
    await upstream.chat(
      ask(
        [
          { role: "system", content: "Be brief." },
          { role: "developer", content: "Be kind." },
          {
            role: "user",
            content: [
              { type: "text", text: "What is this?" },
              { type: "image_url", image_url: { url: image } },
            ],
          },
          { role: "assistant", content: "", tool_calls: [call] },
          { role: "tool", tool_call_id: "t1", content: "blue" },
          { role: "user", content: "So?" },
        ],
        {
          max_tokens: 50,
          temperature: 0.5,
          stop: "END",
          user: "u1",
          seed: 3,
          n: 1,
          presence_penalty: 0,
          top_k: 5,
          tools: [{ type: "function", function: { name: "look", parameters: { type: "object" } } }],
          tool_choice: "required",
          parallel_tool_calls: false,
        },
      ),
      { signal: neverAborted() },
    );
    const [request] = provider.requests;
    expect(request!.path).toBe("/v1/messages");
    expect(request!.headers).toMatchObject({ "x-api-key": KEY, "anthropic-version": "2023-06-01" });
    expect(request!.headers.authorization).toBeUndefined();
    expect(request!.body).toEqual({
      model: "claude-sonnet-4-20250514",
      system: "Be brief.\n\nBe kind.",
      max_tokens: 50,
      temperature: 0.5,
      top_k: 5,
      stop_sequences: ["END"],
      metadata: { user_id: "u1" },
      tools: [{ name: "look", input_schema: { type: "object" } }],
      tool_choice: { type: "any", disable_parallel_tool_use: true },
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            {
              type: "image",
              source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" },
            },
          ],
        },
        {
          role: "assistant",
          content: [{ type: "tool_use", id: "t1", name: "look", input: { at: "sky" } }],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "t1", content: "blue" },
            { type: "text", text: "So?" },
          ],
        },
      ],
    });
  });

  it("have a limit even where none is given", async () => {
    const { provider, upstream } = await anthropic(200, message([], "end_turn"));
    await upstream.chat(ask(HELLO), { signal: neverAborted() });
    expect(provider.requests[0]!.body.max_tokens).toBe(4096);
  });

  it.each([
    ["n", 2],
    ["logprobs", true],
    ["logit_bias", { 5: 1 }],
    ["frequency_penalty", 0.5],
    ["response_format", { type: "json_object" }],
  ])("are refused rather than bent: %s", async (name, value) => {
    const { provider, upstream } = await anthropic(200, message([], "end_turn"));
    const call = upstream.chat(ask(HELLO, { [name]: value }), { signal: neverAborted() });
    await expect(call).rejects.toMatchObject({ code: "REQUEST_INVALID", details: { param: name } });
    expect(provider.requests.length).toBe(0);
  });
});

describe("answers", () => {
  it("become a chat completion, with the cache counted as prompt", async () => {
    const { upstream } = await anthropic(
      200,
      message(
        [
          { type: "thinking", thinking: "Hm.", signature: "x" },
          { type: "text", text: "It is " },
          { type: "text", text: "blue." },
          { type: "tool_use", id: "t2", name: "look", input: { at: "sea" } },
        ],
        "tool_use",
        { cache_read_input_tokens: 100, cache_creation_input_tokens: 8 },
      ),
    );
    expect(await upstream.chat(ask(HELLO), { signal: neverAborted() })).toEqual({
      id: "msg_013Zva2CMHLNnXjNJJKqJ2EF",
      object: "chat.completion",
      created: 1,
      model: "claude-sonnet-4-20250514",
      choices: [
        {
          index: 0,
          logprobs: null,
          finish_reason: "tool_calls",
          native_finish_reason: "tool_use",
          message: {
            role: "assistant",
            content: "It is blue.",
            refusal: null,
            reasoning_content: "Hm.",
            tool_calls: [
              { id: "t2", type: "function", function: { name: "look", arguments: '{"at":"sea"}' } },
            ],
          },
        },
      ],
      usage: {
        prompt_tokens: 120,
        completion_tokens: 5,
        total_tokens: 125,
        prompt_tokens_details: { cached_tokens: 100 },
      },
    });
  });

  it.each([
    ["end_turn", "Hi", "ok"],
    ["stop_sequence", "Hi", "ok"],
    ["max_tokens", "Hi", "truncated"],
    ["refusal", "I", "refusal"],
    ["end_turn", "", "empty"],
  ])("that end by %s with %j are %s", async (reason, text, status) => {
    const { upstream } = await anthropic(200, message([{ type: "text", text }], reason));
    const answer = await upstream.chat(ask(HELLO), { signal: neverAborted() });
    expect(outcomeOf(answer, HELLO, FREE)).toMatchObject({ status, finishReason: reason, text });
  });

  it.each([
    [529, "overloaded_error", "Overloaded", "UPSTREAM_FAILED"],
    [429, "rate_limit_error", "too many requests", "UPSTREAM_RATE_LIMITED"],
    [400, "invalid_request_error", "max_tokens: Field required", "UPSTREAM_REJECTED"],
  ])("HTTP %i keeps the API's words", async (status, type, text, code) => {
    const { upstream } = await anthropic(status, { type: "error", error: { type, message: text } });
    await expect(upstream.chat(ask(HELLO), { signal: neverAborted() })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });

  it("never shows the key", async () => {
    const { upstream } = await anthropic(400, { type: "error", error: { message: `bad key ${KEY}` } });
    const failure = await upstream.chat(ask(HELLO), { signal: neverAborted() }).catch((error) => error);
    expect(failure.message).toContain("[redacted]");
    expect(JSON.stringify(failure) + failure.stack).not.toContain(KEY);
  });
});

const EVENTS = [
  {
    type: "message_start",
    message: { ...message([], ""), stop_reason: null, usage: { input_tokens: 12, output_tokens: 1 } },
  },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "ping" },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hel" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "lo" } },
  { type: "content_block_stop", index: 0 },
  {
    type: "content_block_start",
    index: 1,
    content_block: { type: "tool_use", id: "t1", name: "look", input: {} },
  },
  { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"at":' } },
  { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '"sky"}' } },
  { type: "content_block_stop", index: 1 },
  {
    type: "message_delta",
    delta: { stop_reason: "tool_use", stop_sequence: null },
    usage: { output_tokens: 15 },
  },
  { type: "message_stop" },
];

function streamOf(events: readonly { type: string }[]) {
  const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  return startProvider((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" }).end(text);
  });
}

describe("streams", () => {
  it("become chunks: text, tool calls in pieces, finish reason, usage", async () => {
    const provider = await streamOf(EVENTS);
    let text = "";
    const tools: unknown[] = [];
    const ends: unknown[] = [];
    let usage: unknown;
    for await (const chunk of upstreamAt(provider.origin).streamChat(ask(HELLO), {
      signal: neverAborted(),
    })) {
      expect(chunk).toMatchObject({ object: "chat.completion.chunk", id: "msg_013Zva2CMHLNnXjNJJKqJ2EF" });
      usage = chunk.usage ?? usage;
      const [choice] = chunk.choices;
      if (choice === undefined) continue;
      const delta = choice.delta as { content?: string; tool_calls?: unknown[] };
      text += delta.content ?? "";
      tools.push(...(delta.tool_calls ?? []));
      if (choice.finish_reason !== null) ends.push(choice.finish_reason);
    }
    expect(provider.requests[0]!.body.stream).toBe(true);
    expect(text).toBe("Hello");
    expect(tools).toEqual([
      { index: 0, id: "t1", type: "function", function: { name: "look", arguments: "" } },
      { index: 0, function: { arguments: '{"at":' } },
      { index: 0, function: { arguments: '"sky"}' } },
    ]);
    expect(ends).toEqual(["tool_calls"]);
    expect(usage).toEqual({ prompt_tokens: 12, completion_tokens: 15, total_tokens: 27 });
  });

  it.each([
    ["a cut stream", EVENTS.slice(0, 6), "ended before"],
    [
      "an error in the stream",
      [...EVENTS.slice(0, 4), { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }],
      "Overloaded",
    ],
  ])("%s is a failure", async (_name, events, words) => {
    const provider = await streamOf(events);
    const read = async () => {
      for await (const _ of upstreamAt(provider.origin).streamChat(ask(HELLO), { signal: neverAborted() }));
    };
    await expect(read()).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      message: expect.stringContaining(words),
    });
  });
});
