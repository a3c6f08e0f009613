/**
 * One exchange over HTTP on kept connections. By `node:http`, since `fetch` takes several times as much processor time a call,
 * which is what limits how many answers one process can sample.
 */
import { Agent as HttpAgent, type IncomingMessage, request as overHttp } from "node:http";
import { Agent as HttpsAgent, request as overHttps } from "node:https";
import { pipeline, type Readable } from "node:stream";
import { constants, createBrotliDecompress, createGunzip } from "node:zlib";
import { version } from "../support/version.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** Never sent twice: over a connection of its own, since a kept one may be closed when the request has arrived. */
  readonly isSentOnce?: boolean | undefined;
  /** Aborting ends the exchange and its connection; an answer that was read to its end keeps both. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** The first value of a header, by its name in lower case. */
  header(name: string): string | undefined;
  /** Unpacked. A connection that ends too early is an error of the stream. */
  readonly body: Readable;
}

/** Servers that say nothing close idle connections after five seconds or more. */
const IDLE_MS = 4_000;
const http = new HttpAgent({ keepAlive: true, timeout: IDLE_MS });
const https = new HttpsAgent({ keepAlive: true, timeout: IDLE_MS });

/** What a server that reads no request any more does to a connection that looked idle. */
const CLOSED_MEANWHILE = new Set(["ECONNRESET", "EPIPE"]);

/**
 * Resolves with the answer once its headers have come, whatever its status; redirects are not followed. A kept connection that
 * the server closed in the meantime is replaced by another.
 *
 * @throws the signal's reason, or the connection's error
 */
export async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  for (;;) {
    request.signal.throwIfAborted();
    const sent = await send(request);
    if (!(sent instanceof StaleConnection)) return sent;
  }
}

class StaleConnection {}

function send(request: HttpRequest): Promise<HttpAnswer | StaleConnection> {
  const { method, body, signal } = request;
  const url = new URL(request.url);
  const isSecure = url.protocol === "https:";
  const headers = {
    "user-agent": `tutti/${version}`,
    "accept-encoding": "gzip, br",
    ...request.headers,
    ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }),
  };
  return new Promise((resolve, reject) => {
    const [kept, ask] = isSecure ? [https, overHttps] : [http, overHttp];
    const asking = ask(url, { method, headers, agent: request.isSentOnce ? false : kept });
    const onAbort = (): void => void asking.destroy(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    asking.once("close", () => signal.removeEventListener("abort", onAbort));
    asking.once("response", (response) => resolve(answerOf(response)));
    asking.on("error", (error: NodeJS.ErrnoException) => {
      const isStale = asking.reusedSocket && CLOSED_MEANWHILE.has(error.code ?? "") && !signal.aborted;
      if (isStale) resolve(new StaleConnection());
      else reject(error);
    });
    asking.end(body);
  });
}

function answerOf(response: IncomingMessage): HttpAnswer {
  return {
    status: response.statusCode ?? 0,
    header: (name) => {
      const value = response.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    body: unpacked(response),
  };
}

/** Each part is given as soon as it has come, so that streams of events stay streams. */
function unpacked(response: IncomingMessage): Readable {
  const encoding = response.headers["content-encoding"]?.trim().toLowerCase();
  const unpack =
    encoding === "gzip" || encoding === "x-gzip"
      ? createGunzip({ flush: constants.Z_SYNC_FLUSH })
      : encoding === "br"
        ? createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH })
        : undefined;
  if (unpack === undefined) return response;
  // Errors come out of the unpacked end; the pipeline destroys the other.
  return pipeline(response, unpack, () => undefined);
}

/** The text of a body; stops, and lets go of the connection, where there are more than `limitBytes` bytes. */
export function readText(
  body: Readable,
  limitBytes: number,
): Promise<{ readonly text: string; readonly isComplete: boolean }> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let sizeBytes = 0;
    body.on("data", (part: Buffer) => {
      sizeBytes += part.byteLength;
      if (sizeBytes <= limitBytes) return void parts.push(part);
      resolve({ text: textOf(parts), isComplete: false });
      body.destroy();
    });
    body.once("end", () => resolve({ text: textOf(parts), isComplete: true }));
    body.once("error", reject);
    body.once("close", () => reject(new Error("the connection was closed before the answer had ended")));
  });
}

const decoder = new TextDecoder();
/** As UTF-8, without a byte order mark. */
const textOf = (parts: readonly Buffer[]): string =>
  decoder.decode(parts.length === 1 ? parts[0] : Buffer.concat(parts));
