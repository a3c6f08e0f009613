/** A provider on a free loopback port: real HTTP, answers as the test scripts them. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  /** Milliseconds since the server began. */
  readonly atMs: number;
}

export interface ProviderServer {
  /** Without a path. */
  readonly origin: string;
  readonly requests: ReceivedRequest[];
  /** Connections that clients have opened. */
  readonly connections: { count: number };
}

export type Answer = (
  request: ReceivedRequest,
  response: ServerResponse,
  index: number,
) => void | Promise<void>;

/** Serves until the test ends. */
export async function startProvider(answer: Answer): Promise<ProviderServer> {
  const requests: ReceivedRequest[] = [];
  const connections = { count: 0 };
  const startedMs = performance.now();
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    request.on("end", () => {
      const received = {
        path: request.url ?? "",
        headers: request.headers,
        body: JSON.parse(text) as Record<string, unknown>,
        atMs: performance.now() - startedMs,
      };
      requests.push(received);
      void answer(received, response, requests.length - 1);
    });
  });
  server.on("connection", (_: Socket) => connections.count++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, connections };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** A chat completion as providers send it. */
export function completion(text: string, finishReason = "stop"): Record<string, unknown> {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_755_000_000,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: finishReason }],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
  };
}

export const USER_MESSAGE = [{ role: "user", content: "Say OK." }];

/** A signal that nobody aborts. */
export const neverAborted = (): AbortSignal => new AbortController().signal;
