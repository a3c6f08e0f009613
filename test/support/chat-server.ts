/** A real HTTP server that speaks chat completions, answering as a function says. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { createOpenAiCompatibleUpstream } from "../../src/pool/index.ts";

export interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly [parameter: string]: unknown;
}

export interface ChatAnswer {
  readonly text: string;
  readonly logprobs?: unknown;
  /** Other than 200 is an error. */
  readonly status?: number;
}

export interface JsonServer {
  readonly url: string;
  /** Bodies received, in order, by path. */
  readonly received: readonly { readonly path: string; readonly body: unknown }[];
}

/** Answers `POST path` with JSON; closed at the end of the test. */
export async function jsonServer(
  answer: (path: string, body: unknown, response: ServerResponse) => unknown,
): Promise<JsonServer> {
  const received: { path: string; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const path = request.url ?? "";
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    received.push({ path, body });
    const value = await answer(path, body, response);
    if (response.writableEnded) return;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(value));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

/** A judging model behind such a server. Prices: a dollar a thousand prompt tokens, ten a thousand of the answer. */
export async function scriptedModel(
  answer: (body: ChatBody) => ChatAnswer | Promise<ChatAnswer>,
  name = "judge",
) {
  const server = await jsonServer(async (_path, body, response) => {
    const { text, logprobs = null, status = 200 } = await answer(body as ChatBody);
    response.statusCode = status;
    if (status !== 200) return { error: { message: text } };
    return {
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: text }, logprobs, finish_reason: "stop" }],
      usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
    };
  });
  const upstream = createOpenAiCompatibleUpstream({
    name,
    baseUrl: server.url,
    upstreamModel: name,
    timeoutMs: 120_000,
  });
  const pricing = { inputCostUsdPerMillionTokens: 1000, outputCostUsdPerMillionTokens: 10_000 };
  return {
    model: { name, upstream, pricing },
    bodies: () => server.received.map(({ body }) => body as ChatBody),
  };
}
