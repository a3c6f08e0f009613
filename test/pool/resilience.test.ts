/** Retries, limits, timeouts and connections against a real server. */
import { describe, expect, it } from "vitest";
import {
  type CallOptions,
  createOpenAiCompatibleUpstream,
  createResilientUpstream,
  DEFAULT_RETRIES,
  type RateLimits,
  type RetryPolicy,
} from "../../src/pool/index.ts";
import type { TuttiError } from "../../src/support/errors.ts";
import {
  type Answer,
  completion,
  neverAborted,
  sendJson,
  startProvider,
  USER_MESSAGE,
} from "./provider-server.ts";

const request = { messages: USER_MESSAGE, parameters: {} };
const QUICK = { ...DEFAULT_RETRIES, firstWaitMs: 2 };

async function resilient(
  answer: Answer,
  {
    retries = {},
    limits = {},
    timeoutMs = 5_000,
  }: {
    retries?: Partial<RetryPolicy>;
    limits?: RateLimits;
    timeoutMs?: number;
  } = {},
) {
  const provider = await startProvider(answer);
  const inner = createOpenAiCompatibleUpstream({
    name: "m",
    baseUrl: `${provider.origin}/v1`,
    upstreamModel: "m",
    timeoutMs,
  });
  return {
    provider,
    upstream: createResilientUpstream(inner, { name: "m", limits, retries: { ...QUICK, ...retries } }),
  };
}

/** Call options that keep what happened on the way. */
function watched(): CallOptions & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    signal: neverAborted(),
    onAttempt: () => seen.push("attempt"),
    onRetry: ({ code }: TuttiError) => seen.push(code),
  };
}

const failingUntil =
  (count: number, status: number, headers: Record<string, string> = {}): Answer =>
  (_request, response, index) =>
    index < count
      ? sendJson(response, status, { error: { message: "not now" } }, headers)
      : sendJson(response, 200, completion("OK"));

describe("retries", () => {
  it("go on until an answer comes, and tell of each failure", async () => {
    const { provider, upstream } = await resilient(failingUntil(3, 503));
    const options = watched();
    const answer = await upstream.chat(request, options);
    expect(answer.choices[0]!.message).toMatchObject({ content: "OK" });
    expect(provider.requests.length).toBe(4);
    expect(options.seen).toEqual(["attempt", ...Array(3).fill(["UPSTREAM_FAILED", "attempt"]).flat()]);
  });

  it("end with the last failure after the last attempt", async () => {
    const { provider, upstream } = await resilient(failingUntil(99, 429), { retries: { maxAttempts: 3 } });
    await expect(upstream.chat(request, watched())).rejects.toMatchObject({ code: "UPSTREAM_RATE_LIMITED" });
    expect(provider.requests.length).toBe(3);
  });

  it("do not repeat what stays wrong", async () => {
    const { provider, upstream } = await resilient(failingUntil(99, 400));
    await expect(upstream.chat(request, watched())).rejects.toMatchObject({ code: "UPSTREAM_REJECTED" });
    expect(provider.requests.length).toBe(1);
  });

  it("do not wait on an account without means", async () => {
    const { provider, upstream } = await resilient((_request, response) =>
      sendJson(response, 429, { error: { message: "You exceeded your quota", code: "insufficient_quota" } }),
    );
    await expect(upstream.chat(request, watched())).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      hint: expect.stringContaining("quota"),
    });
    expect(provider.requests.length).toBe(1);
  });

  it.each([
    ["retry-after in seconds", { "retry-after": "0.3" }],
    ["retry-after-ms", { "retry-after-ms": "300" }],
  ])("wait as long as %s says", async (_name, headers) => {
    const { provider, upstream } = await resilient(failingUntil(1, 429, headers));
    await upstream.chat(request, watched());
    expect(provider.requests[1]!.atMs - provider.requests[0]!.atMs).toBeGreaterThan(295);
  });

  it("understand retry-after as a date", async () => {
    const date = new Date(Date.now() + 90_000).toUTCString();
    const { provider, upstream } = await resilient(failingUntil(1, 429, { "retry-after": date }));
    await expect(upstream.chat(request, watched())).rejects.toMatchObject({
      details: { retryAfterSeconds: expect.any(Number) },
    });
    expect(provider.requests.length).toBe(1);
  });
});

describe("time", () => {
  it("of an attempt is followed by another attempt", async () => {
    const { upstream } = await resilient(
      (_request, response, index) => {
        if (index > 0) sendJson(response, 200, completion("late"));
      },
      { timeoutMs: 100 },
    );
    const options = watched();
    await upstream.chat(request, options);
    expect(options.seen).toEqual(["attempt", "UPSTREAM_TIMEOUT", "attempt"]);
  });

  it("in total ends attempts and waits alike", async () => {
    const { upstream } = await resilient(failingUntil(99, 500), {
      retries: { totalTimeoutMs: 200, firstWaitMs: 50, maxAttempts: 20 },
    });
    const startedMs = performance.now();
    await expect(upstream.chat(request, watched())).rejects.toMatchObject({
      code: "UPSTREAM_TIMEOUT",
      details: { totalTimeoutMs: 200 },
    });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it("ends at once when the caller aborts, even between attempts", async () => {
    const { upstream } = await resilient(failingUntil(99, 503, { "retry-after": "30" }));
    const controller = new AbortController();
    const call = upstream.chat(request, {
      signal: controller.signal,
      onRetry: () => setTimeout(() => controller.abort(new Error("enough")), 20),
    });
    await expect(call).rejects.toThrow("enough");
  });
});

describe("limits", () => {
  it("hold back calls beyond the allowed concurrency", async () => {
    let [open, most] = [0, 0];
    const { upstream } = await resilient(
      (_request, response) => {
        most = Math.max(most, ++open);
        setTimeout(() => {
          open--;
          sendJson(response, 200, completion("OK"));
        }, 20);
      },
      { limits: { concurrency: 3 } },
    );
    await Promise.all(Array.from({ length: 12 }, () => upstream.chat(request, watched())));
    expect(most).toBe(3);
  });

  it("count a stream until it is read to its end", async () => {
    const { provider, upstream } = await resilient(
      (_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const choice = { index: 0, delta: { content: "a" }, finish_reason: "stop" };
        response.end(`data: ${JSON.stringify({ choices: [choice] })}\n\ndata: [DONE]\n\n`);
      },
      { limits: { concurrency: 1 } },
    );
    const stream = upstream.streamChat(request, watched())[Symbol.asyncIterator]();
    await stream.next();
    const second = upstream.streamChat(request, watched())[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(provider.requests.length).toBe(1);
    await stream.next();
    await second;
    expect(provider.requests.length).toBe(2);
  });

  it("a stream is tried again until its first part, and not after it", async () => {
    const { provider, upstream } = await resilient((_request, response, index) => {
      if (index === 0) return sendJson(response, 503, {});
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "a" } }] })}\n\n`);
      setTimeout(() => response.destroy(), 20);
    });
    const texts: unknown[] = [];
    const read = async () => {
      for await (const { choices } of upstream.streamChat(request, watched())) texts.push(choices[0]!.delta);
    };
    await expect(read()).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
    expect(texts).toEqual([{ content: "a" }]);
    expect(provider.requests.length).toBe(2);
  });
});

it("connections are used again", async () => {
  const { provider, upstream } = await resilient((_request, response, index) =>
    index % 5 === 4 ? sendJson(response, 503, { error: "busy" }) : sendJson(response, 200, completion("OK")),
  );
  for (let call = 0; call < 40; call++) await upstream.chat(request, watched());
  expect(provider.requests.length).toBeGreaterThanOrEqual(49);
  // One, or a second where the first was still being cleared.
  expect(provider.connections.count).toBeLessThanOrEqual(2);
});
