/** The OpenAI-compatible upstream against a second gateway, and against servers that fail in every way. */
import type { ServerResponse } from "node:http";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { createGateway } from "../../src/gateway/index.ts";
import { createPool } from "../../src/pool/index.ts";
import { silentLogger } from "../../src/support/logger.ts";
import {
  LONG_PROMPT,
  MIXED_ANSWER,
  remotePool,
  SHORT_PROMPT,
  startGateway,
  startRawUpstream,
  until,
  withResolvers,
} from "./support.ts";

const KEY = "sk-secret-0123456789";
const ask = { model: "remote", messages: [{ role: "user" as const, content: SHORT_PROMPT }] };
const sse = (response: ServerResponse, ...pieces: readonly (string | Uint8Array)[]) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const piece of pieces) response.write(piece);
};
const delta = (content: string, finish: string | null = null) =>
  JSON.stringify({
    id: "up-1",
    choices: [{ index: 0, delta: { role: "assistant", content }, finish_reason: finish }],
  });

describe("a second gateway as upstream", () => {
  it("passes answers, streams and usage through under the outer name", async () => {
    const inner = await startGateway();
    const outer = await startGateway({ pool: remotePool(`${inner.url}/v1/`, { upstreamModel: "small" }) });
    const { data, response } = await outer.client.chat.completions.create(ask).withResponse();
    expect(data.model).toBe("remote");
    expect(data.choices[0]!.message.content).toBe(MIXED_ANSWER);
    expect(data.usage).toMatchObject({ tutti_source: "estimated" });
    expect(response.headers.get("x-tutti-model")).toBe("remote");

    const stream = await outer.client.chat.completions.create({
      ...ask,
      messages: [{ role: "user", content: LONG_PROMPT }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe("I do not know.");
    expect(usage).toMatchObject({ completion_tokens: 5, tutti_source: "recorded" });
  });

  it("reports a model that the provider lacks as the provider's failure", async () => {
    const inner = await startGateway();
    const outer = await startGateway({ pool: remotePool(`${inner.url}/v1`, { upstreamModel: "missing" }) });
    await expect(outer.client.chat.completions.create(ask)).rejects.toMatchObject({
      status: 502,
      code: "upstream_failed",
      message: expect.stringContaining("HTTP 404"),
    });
  });
});

describe("what the provider receives", () => {
  it("is the request with the provider's model name, unknown parameters and tools untouched, and the key", async () => {
    const upstream = await startRawUpstream((response) => {
      response.end(
        JSON.stringify({
          choices: [{ index: 0, message: { role: "assistant", content: "ok", annotations: [1] } }],
        }),
      );
    });
    const { client } = await startGateway({ pool: remotePool(upstream.baseUrl, { apiKey: KEY }) });
    const tools = [{ type: "function" as const, function: { name: "look", parameters: { type: "object" } } }];
    const body = { ...ask, temperature: 0.5, tools, min_p: 0.1, nested: { a: [1, null] } };
    const answer = await client.chat.completions.create(body as never);
    expect(upstream.requests[0]!.body).toEqual({ ...body, model: "model-at-provider" });
    expect(upstream.requests[0]!.headers.authorization).toBe(`Bearer ${KEY}`);
    // Unknown fields of the answer survive too; usage that the provider left out is estimated.
    expect(answer).toMatchObject({
      model: "remote",
      choices: [{ message: { content: "ok", annotations: [1] } }],
      usage: { completion_tokens: 1, tutti_source: "estimated" },
    });
  });

  it("never includes the key that the client sent to the gateway", async () => {
    const upstream = await startRawUpstream((response) => void response.end(JSON.stringify({ choices: [] })));
    const { client } = await startGateway({ pool: remotePool(upstream.baseUrl) });
    await client.chat.completions.create(ask);
    expect(upstream.requests[0]!.headers.authorization).toBeUndefined();
  });

  it("asks streams for usage, and keeps it from clients that did not ask", async () => {
    const usage = {
      prompt_tokens: 7,
      completion_tokens: 2,
      total_tokens: 9,
      prompt_tokens_details: { cached_tokens: 1 },
    };
    const upstream = await startRawUpstream((response) => {
      sse(response, `data: ${delta("Hi")}\n\n`, `data: ${delta("", "stop")}\n\n`);
      response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
    });
    const { client, url } = await startGateway({ pool: remotePool(upstream.baseUrl) });
    const { data: stream, response } = await client.chat.completions
      .create({ ...ask, stream: true })
      .withResponse();
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(upstream.requests[0]!.body).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(chunks.length).toBe(2);
    const id = response.headers.get("x-tutti-decision-id");
    const decision = (await (await fetch(`${url}/v1/decisions/${id}`)).json()) as { outcome: unknown };
    // 7 tokens at 3 $/M and 2 at 10 $/M.
    expect(decision.outcome).toMatchObject({
      prompt_tokens: 7,
      completion_tokens: 2,
      usage_source: "upstream",
      cost_usd: 41e-6,
    });
  });
});

describe("streams cut anywhere", () => {
  it.each([
    ["one byte at a time, LF", "\n"],
    ["one byte at a time, CR LF", "\r\n"],
    ["one byte at a time, CR", "\r"],
  ])("%s", async (_name, newline) => {
    const upstream = await startRawUpstream(async (response) => {
      const text = [
        `: hello`,
        `id: 1`,
        `data: ${delta("na\u00efve ")}`,
        "",
        `data:${delta("\u{1f469}\u200d\u{1f4bb}", "stop")}`,
        "",
        "data: [DONE]",
        "",
        "",
      ].join(newline);
      sse(response);
      for (const byte of Buffer.from(text)) {
        response.write(Uint8Array.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    });
    const { client } = await startGateway({ pool: remotePool(upstream.baseUrl) });
    const stream = client.chat.completions.stream(ask);
    expect(await stream.finalContent()).toBe("na\u00efve \u{1f469}\u200d\u{1f4bb}");
  });

  it("accepts an end without [DONE] once the answer is finished", async () => {
    const upstream = await startRawUpstream((response) => {
      sse(response, `data: ${delta("Hi", "stop")}`);
      response.end();
    });
    const { client } = await startGateway({ pool: remotePool(upstream.baseUrl) });
    expect(await client.chat.completions.stream(ask).finalContent()).toBe("Hi");
  });
});

describe("failures of the provider", () => {
  const refusals: readonly [number, string, number, string][] = [
    [400, "upstream_rejected", 400, "max_tokens is too large"],
    [401, "upstream_failed", 502, "check the value of REMOTE_KEY"],
    [403, "upstream_failed", 502, "check the value of REMOTE_KEY"],
    [404, "upstream_failed", 502, "check baseUrl and upstreamModel"],
    [422, "upstream_rejected", 400, "max_tokens is too large"],
    [429, "upstream_rate_limited", 429, "max_tokens is too large"],
    [500, "upstream_failed", 502, "HTTP 500"],
    [503, "upstream_failed", 502, "HTTP 503"],
    [504, "upstream_timeout", 504, "HTTP 504"],
    [302, "upstream_failed", 502, "HTTP 302"],
  ];
  it.each(refusals)("HTTP %i becomes %s", async (upstreamStatus, code, status, phrase) => {
    const upstream = await startRawUpstream((response) => {
      response.writeHead(upstreamStatus, { "retry-after": "7", location: "http://127.0.0.1:1/" });
      response.end(JSON.stringify({ error: { message: `max_tokens is too large (key ${KEY})` } }));
    });
    const { client, log } = await startGateway({
      pool: remotePool(upstream.baseUrl, { apiKey: KEY, apiKeyEnv: "REMOTE_KEY" }),
    });
    for (const stream of [false, true]) {
      const failure = (await client.chat.completions
        .create({ ...ask, stream })
        .catch((error) => error)) as InstanceType<typeof OpenAI.APIError>;
      expect(failure).toMatchObject({ status, code, message: expect.stringContaining(phrase) });
      expect(failure.headers!.get("x-tutti-model")).toBe("remote");
      expect(failure.headers!.get("retry-after")).toBe("7");
      expect(JSON.stringify(failure.error)).not.toContain(KEY);
    }
    expect(log.length).toBe(2);
    expect(JSON.stringify(log)).not.toContain(KEY);
  });

  const answers: readonly [string, string, string][] = [
    ["a web page", "<html>It works!</html>", "is not JSON"],
    ["no choices", "{}", "no list of choices"],
    ["a list", "[]", "not a JSON object"],
    ["choices that are no objects", '{"choices": [1]}', "no list of choices"],
    ["nothing", "", "is not JSON"],
  ];
  it.each(answers)("200 with %s", async (_name, body, phrase) => {
    const upstream = await startRawUpstream((response) => void response.end(body));
    const { client } = await startGateway({ pool: remotePool(upstream.baseUrl) });
    await expect(client.chat.completions.create(ask)).rejects.toMatchObject({
      status: 502,
      code: "upstream_failed",
      message: expect.stringContaining(phrase),
    });
  });

  it("a provider that is not there", async () => {
    const { client } = await startGateway({ pool: remotePool("http://127.0.0.1:1/v1") });
    await expect(client.chat.completions.create(ask)).rejects.toMatchObject({
      status: 502,
      message: expect.stringMatching(/"remote" could not be reached.*check that the server/),
    });
  });

  it("a connection cut inside the answer", async () => {
    const upstream = await startRawUpstream((response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"choices": [');
      setTimeout(() => response.destroy(), 20);
    });
    const { client } = await startGateway({ pool: remotePool(upstream.baseUrl) });
    await expect(client.chat.completions.create(ask)).rejects.toMatchObject({
      status: 502,
      code: "upstream_failed",
    });
  });

  it.each([false, true])("a provider that stays silent (stream: %s)", async (stream) => {
    const upstream = await startRawUpstream(() => {});
    const { client } = await startGateway({ pool: remotePool(upstream.baseUrl, { timeoutMs: 100 }) });
    await expect(client.chat.completions.create({ ...ask, stream })).rejects.toMatchObject({
      status: 504,
      code: "upstream_timeout",
      message: expect.stringContaining("within 100 ms"),
    });
    await upstream.abandoned;
  });

  it("a stream request answered with JSON", async () => {
    const upstream = await startRawUpstream((response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"choices": []}');
    });
    const { client } = await startGateway({ pool: remotePool(upstream.baseUrl) });
    await expect(client.chat.completions.create({ ...ask, stream: true })).rejects.toMatchObject({
      status: 502,
      message: expect.stringContaining("received application/json"),
    });
  });
});

describe("failures after the stream has started", () => {
  const endings: readonly [string, (response: ServerResponse) => void, string, string][] = [
    ["garbage", (response) => void response.end("data: {not json\n\n"), "upstream_failed", "is not JSON"],
    [
      "wrong choices",
      (response) => void response.end('data: {"choices": 3}\n\n'),
      "upstream_failed",
      "no list of objects",
    ],
    [
      "an error event",
      (response) => void response.end('data: {"error": {"message": "out of memory"}}\n\n'),
      "upstream_failed",
      "out of memory",
    ],
    ["an early end", (response) => void response.end(), "upstream_failed", "ended before the answer did"],
    [
      "a cut connection",
      (response) => void setTimeout(() => response.destroy(), 20),
      "upstream_failed",
      "could not be reached",
    ],
    ["silence", () => {}, "upstream_timeout", "within 150 ms"],
  ];
  it.each(endings)("%s", async (_name, end, code, phrase) => {
    const upstream = await startRawUpstream((response) => {
      sse(response, `data: ${delta("Once upon")}\n\n`);
      end(response);
    });
    const gateway = await startGateway({ pool: remotePool(upstream.baseUrl, { timeoutMs: 150 }) });
    const { data: stream, response } = await gateway.client.chat.completions
      .create({ ...ask, stream: true })
      .withResponse();
    const pieces: string[] = [];
    const read = async () => {
      for await (const chunk of stream) pieces.push(chunk.choices[0]!.delta.content!);
    };
    await expect(read()).rejects.toMatchObject({ code, message: expect.stringContaining(phrase) });
    expect(pieces).toEqual(["Once upon"]);
    await until(() => gateway.log.length > 0);
    expect(gateway.log).toMatchObject([
      { event: "request", fields: { errorCode: code.toUpperCase(), isStream: true } },
    ]);
    const id = response.headers.get("x-tutti-decision-id");
    const decision = await (await fetch(`${gateway.url}/v1/decisions/${id}`)).json();
    expect(decision).toMatchObject({
      outcome: { status: "failed", error_code: code.toUpperCase(), usage_source: "estimated" },
    });
  });

  it("sends one error event and no [DONE]", async () => {
    const upstream = await startRawUpstream((response) => {
      sse(response, `data: ${delta("a")}\n\n`);
      response.end();
    });
    const { url } = await startGateway({ pool: remotePool(upstream.baseUrl) });
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...ask, stream: true }),
    });
    const events = (await response.text()).trim().split("\n\n");
    expect(events.length).toBe(2);
    expect(JSON.parse(events[1]!.slice("data: ".length))).toMatchObject({
      error: { type: "server_error", code: "upstream_failed", param: null },
    });
  });
});

describe("a client that goes away", () => {
  it("in the middle of a stream frees the provider", async () => {
    const upstream = await startRawUpstream((response) => sse(response, `data: ${delta("tick")}\n\n`));
    const gateway = await startGateway({ pool: remotePool(upstream.baseUrl) });
    const stream = await gateway.client.chat.completions.create({ ...ask, stream: true });
    for await (const chunk of stream) {
      expect(chunk.choices[0]!.delta.content).toBe("tick");
      stream.controller.abort();
    }
    await upstream.abandoned;
    await until(() => gateway.log.length > 0);
    expect(gateway.log).toMatchObject([
      { level: "info", event: "request", fields: { status: 499, errorCode: "CLIENT_CLOSED" } },
    ]);
  });

  it.each([false, true])("before the answer has begun frees the provider (stream: %s)", async (stream) => {
    const arrived = withResolvers();
    const upstream = await startRawUpstream(() => arrived.resolve());
    const gateway = await startGateway({ pool: remotePool(upstream.baseUrl) });
    const controller = new AbortController();
    const call = gateway.client.chat.completions.create({ ...ask, stream }, { signal: controller.signal });
    await arrived.promise;
    controller.abort();
    await expect(call).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await upstream.abandoned;
    await until(() => gateway.log.length > 0);
    expect(gateway.log).toMatchObject([
      { level: "info", fields: { status: 499, errorCode: "CLIENT_CLOSED" } },
    ]);
  });

  it("after the headers, without reading the body, frees the provider", async () => {
    const upstream = await startRawUpstream((response) => sse(response, `data: ${delta("tick")}\n\n`));
    const log: unknown[] = [];
    const info = (_event: string, fields?: object) => void log.push(fields);
    const app = createGateway({ pool: remotePool(upstream.baseUrl), logger: { ...silentLogger, info } });
    const controller = new AbortController();
    const response = await app.request("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...ask, stream: true }),
      signal: controller.signal,
    });
    expect(response.status).toBe(200);
    controller.abort();
    await upstream.abandoned;
    await until(() => log.length > 0);
    expect(log).toMatchObject([{ status: 499, errorCode: "CLIENT_CLOSED" }]);
  });

  it("reads slowly: the provider is slowed down instead of buffered", async () => {
    let taken = 0;
    let hasEnded = false;
    const upstream = {
      chat: () => Promise.reject(new Error("unused")),
      async *streamChat() {
        try {
          for (; taken < 100_000; taken++) {
            yield { choices: [{ index: 0, delta: { content: "x".repeat(1_000) }, finish_reason: null }] };
          }
        } finally {
          hasEnded = true;
        }
      },
    };
    const pricing = { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 1 };
    const { url } = await startGateway({
      pool: createPool([{ name: "remote", provider: "test", pricing, upstream }]),
    });
    const controller = new AbortController();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...ask, stream: true }),
      signal: controller.signal,
    });
    await response.body!.getReader().read();
    let before = -1;
    while (before !== taken) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // 100 MB were on offer; only what socket buffers hold has been taken.
    expect(taken).toBeLessThan(50_000);
    controller.abort();
    await until(() => hasEnded);
    expect(hasEnded).toBe(true);
  });
});
