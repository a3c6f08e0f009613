/** Real parts for gateway tests: servers on free loopback ports, a router that anybody can predict, a log to read. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI from "openai";
import { onTestFinished } from "vitest";
import {
  createGateway,
  type GatewayOptions,
  type GatewayServer,
  serveGateway,
} from "../../src/gateway/index.ts";
import {
  createOpenAiCompatibleUpstream,
  createPool,
  createReplayUpstream,
  type Pool,
  type PoolModel,
  ReplayStore,
} from "../../src/pool/index.ts";
import type { Router } from "../../src/routing/router.ts";
import type { Logger } from "../../src/support/logger.ts";

/** Long prompts go to `large`, short ones to `small`. */
export const lengthRouter: Router = {
  name: "length",
  candidates: ["large", "small"],
  async scores(queries) {
    return queries.map(({ prompt }) => Float64Array.of(prompt.length / 100, 0.5));
  },
};

export const SHORT_PROMPT = "What is 2 + 2?";
export const LONG_PROMPT =
  "Prove that there are infinitely many primes, and explain every single step of the proof to me.";
/** Code points of one to four UTF-8 bytes, a joined emoji, white space at both ends. */
export const MIXED_ANSWER = "  4 \u2014 na\u00efve \u6f22\u5b57 \u{1f469}\u200d\u{1f4bb} \u{1d54f}\n\tdone. ";

export const records = [
  {
    prompt: SHORT_PROMPT,
    candidates: {
      large: { response: "The answer is four.", tokens: 5 },
      small: { response: MIXED_ANSWER },
    },
  },
  {
    prompt: LONG_PROMPT,
    candidates: {
      large: { response: "Suppose there were finitely many; multiply them all and add one.", tokens: 15 },
      small: { response: "I do not know.", tokens: 5 },
    },
  },
  {
    prompt: [
      { role: "user", content: "My name is Ada." },
      { role: "assistant", content: "Hello Ada." },
      { role: "user", content: "What is my name?" },
    ],
    candidates: { large: { response: "Ada." }, small: { response: "Ada!" } },
  },
];

const LARGE_PRICE = { inputCostUsdPerMillionTokens: 3, outputCostUsdPerMillionTokens: 10 };
const SMALL_PRICE = { inputCostUsdPerMillionTokens: 0.1, outputCostUsdPerMillionTokens: 0.4 };

export function replayPool(): Pool {
  const store = new ReplayStore(records);
  const model = (name: string, pricing: PoolModel["pricing"]): PoolModel => ({
    name,
    provider: "replay",
    pricing,
    upstream: createReplayUpstream({ name, candidate: name, store }),
  });
  return createPool([model("large", LARGE_PRICE), model("small", SMALL_PRICE)]);
}

/** A pool of one model called `remote` behind a base URL. */
export function remotePool(
  baseUrl: string,
  options: { upstreamModel?: string; apiKey?: string; apiKeyEnv?: string; timeoutMs?: number } = {},
): Pool {
  const upstream = createOpenAiCompatibleUpstream({
    name: "remote",
    baseUrl,
    upstreamModel: "model-at-provider",
    timeoutMs: 5_000,
    ...options,
  });
  return createPool([{ name: "remote", provider: "openai-compatible", pricing: LARGE_PRICE, upstream }]);
}

export interface LoggedEvent {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface RunningGateway extends GatewayServer {
  readonly client: OpenAI;
  readonly log: LoggedEvent[];
}

/** Serves a gateway until the test ends. */
export async function startGateway(options: Partial<GatewayOptions> = {}): Promise<RunningGateway> {
  const log: LoggedEvent[] = [];
  const at =
    (level: string) =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      log.push({ level, event, fields });
    };
  const logger: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const server = await serveGateway({
    app: createGateway({ pool: replayPool(), logger, ...options }),
    port: 0,
  });
  onTestFinished(() => server.close(0));
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
  return { ...server, client, log };
}

export interface RawUpstream {
  readonly baseUrl: string;
  /** Bodies and headers as they arrived. */
  readonly requests: {
    readonly body: Record<string, unknown>;
    readonly headers: IncomingMessage["headers"];
  }[];
  /** Resolves when the peer has closed a connection before its answer was complete. */
  readonly abandoned: Promise<void>;
}

/** A provider that behaves as badly as the test wants. */
export async function startRawUpstream(
  answer: (response: ServerResponse, body: Record<string, unknown>) => void | Promise<void>,
): Promise<RawUpstream> {
  const requests: RawUpstream["requests"] = [];
  const { promise: abandoned, resolve: onAbandoned } = withResolvers();
  const server = createServer((request, response) => {
    let text = "";
    response.on("close", () => {
      if (!response.writableFinished) onAbandoned();
    });
    request.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    request.on("end", () => {
      const body = JSON.parse(text) as Record<string, unknown>;
      requests.push({ body, headers: request.headers });
      void answer(response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, requests, abandoned };
}

/** Promise.withResolvers, which Node 20 lacks. */
export function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

/** Reads until the condition holds; the assertion that follows says what was missing. */
export async function until(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
}
