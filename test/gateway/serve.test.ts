import { describe, expect, it } from "vitest";
import { createGateway, serveGateway } from "../../src/gateway/index.ts";
import { createPool } from "../../src/pool/index.ts";
import { replayPool, until } from "./support.ts";

const post = (url: string, stream: boolean) =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "slow", messages: [{ role: "user", content: "Hi" }], stream }),
  });

/** A gateway whose only model answers when told to. */
async function serveSlow() {
  let isStarted = false;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const upstream = {
    async chat() {
      isStarted = true;
      await released;
      return {
        choices: [{ index: 0, message: { role: "assistant", content: "late" }, finish_reason: "stop" }],
      };
    },
    async *streamChat() {
      yield { choices: [{ index: 0, delta: { content: "la" }, finish_reason: null }] };
      isStarted = true;
      await released;
      yield { choices: [{ index: 0, delta: { content: "te" }, finish_reason: "stop" }] };
    },
  };
  const pricing = { inputCostUsdPerMillionTokens: 0, outputCostUsdPerMillionTokens: 0 };
  const app = createGateway({ pool: createPool([{ name: "slow", provider: "test", pricing, upstream }]) });
  const server = await serveGateway({ app, port: 0 });
  return { server, release: () => release(), hasStarted: () => until(() => isStarted) };
}

describe("serveGateway", () => {
  it("listens on the loopback address and says where", async () => {
    const server = await serveGateway({ app: createGateway({ pool: replayPool() }), port: 0 });
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    await server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });

  it("names a taken port", async () => {
    const app = createGateway({ pool: replayPool() });
    const first = await serveGateway({ app, port: 0 });
    await expect(serveGateway({ app, port: first.port })).rejects.toMatchObject({
      code: "LISTEN_FAILED",
      message: expect.stringContaining(`127.0.0.1:${first.port}`),
      hint: "choose another port, or end the program that holds it",
    });
    await first.close();
  });

  it.each([false, true])("finishes answers under way before it closes (stream: %s)", async (stream) => {
    const { server, release, hasStarted } = await serveSlow();
    const answer = post(server.url, stream).then((response) => response.text());
    await hasStarted();
    let isClosed = false;
    const closing = server.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(isClosed).toBe(false);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    release();
    expect(await answer).toContain(stream ? "[DONE]" : "late");
    await closing;
  });

  it("cuts answers that outlast the grace", async () => {
    const { server, release, hasStarted } = await serveSlow();
    const answer = post(server.url, false);
    answer.catch(() => {});
    await hasStarted();
    await server.close(50);
    await expect(answer).rejects.toThrow();
    release();
  });

  it("leaves the process's Request and Response alone", async () => {
    const before = [globalThis.Request, globalThis.Response];
    const server = await serveGateway({ app: createGateway({ pool: replayPool() }), port: 0 });
    expect([globalThis.Request, globalThis.Response]).toEqual(before);
    await server.close();
  });
});
