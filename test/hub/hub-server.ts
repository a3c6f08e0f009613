/** A server that speaks the hub's protocol for one repository, and misbehaves on request. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
export const REPOSITORY = "band/tiny";

export interface HubFile {
  readonly content: Buffer;
  /** Large files are known by SHA-256 and sent by another host, behind a redirect. */
  readonly isLarge?: boolean;
}

/** Answers a request instead of the server, or returns false to let it be. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface SeenRequest {
  readonly host: "hub" | "storage";
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface HubServer {
  readonly endpoint: string;
  readonly seen: SeenRequest[];
  readonly faults: { hub?: Fault; storage?: Fault };
  /** What the hub says of its files; replaced to tell lies. */
  describe: () => unknown;
  close(): Promise<void>;
}

const gitSha1 = (content: Buffer): string =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
export const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

const listen = (server: Server): Promise<string> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });

export function sendFile(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start > 0 && start >= content.length) {
    response.writeHead(416).end();
  } else if (start > 0) {
    const range = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { "content-length": content.length - start, "content-range": range });
    response.end(content.subarray(start));
  } else {
    response.writeHead(200, { "content-length": content.length }).end(content);
  }
}

/** Sends so many bytes of the answer that was asked for, then cuts the connection. */
export function sendPart(
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  bytes: number,
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const range = `bytes ${start}-${content.length - 1}/${content.length}`;
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": content.length - start,
    ...(start > 0 && { "content-range": range }),
  });
  response.write(content.subarray(start, start + bytes), () => setTimeout(() => response.destroy(), 20));
}

export async function startHub(files: Readonly<Record<string, HubFile>>): Promise<HubServer> {
  const seen: SeenRequest[] = [];
  const faults: HubServer["faults"] = {};
  const note = (host: SeenRequest["host"], { url = "", headers }: IncomingMessage): void => {
    seen.push({ host, path: url, range: headers.range, authorization: headers.authorization });
  };
  const storage = createServer((request, response) => {
    note("storage", request);
    if (faults.storage?.(request, response)) return;
    const name = decodeURIComponent(request.url!.slice(1));
    sendFile(request, response, files[name]!.content);
  });
  const storageAddress = await listen(storage);
  const prefix = `/${REPOSITORY}/resolve/${COMMIT}/`;
  const server = createServer((request, response) => {
    note("hub", request);
    if (faults.hub?.(request, response)) return;
    const path = request.url!;
    if (path.startsWith(`/api/models/${REPOSITORY}/revision/`)) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(hub.describe()));
      return;
    }
    const name = decodeURIComponent(path.slice(prefix.length));
    const file = path.startsWith(prefix) ? files[name] : undefined;
    if (!file) response.writeHead(404).end();
    else if (file.isLarge)
      response.writeHead(302, { location: `${storageAddress}/${encodeURIComponent(name)}` }).end();
    else sendFile(request, response, file.content);
  });
  const hub: HubServer = {
    endpoint: await listen(server),
    seen,
    faults,
    describe: () => ({
      sha: COMMIT,
      siblings: Object.entries(files).map(([rfilename, { content, isLarge }]) => ({
        rfilename,
        size: content.length,
        blobId: gitSha1(content),
        ...(isLarge && { lfs: { sha256: sha256(content), size: content.length } }),
      })),
    }),
    async close() {
      for (const each of [server, storage]) {
        each.closeAllConnections();
        await new Promise((resolve) => each.close(resolve));
      }
    },
  };
  return hub;
}
