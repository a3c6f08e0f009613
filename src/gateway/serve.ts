/** Puts a gateway on a port, and takes it off again without cutting answers short. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { TuttiError } from "../support/errors.ts";
import type { GatewayApp } from "./gateway-env.ts";

export interface ServeOptions {
  readonly app: GatewayApp;
  /** Default 127.0.0.1: reachable from this machine only. The gateway does not ask clients for credentials. */
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port: number;
}

export interface GatewayServer {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Stops accepting, waits up to `graceMs` (default 10,000) for answers under way, then cuts what is left. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Starts listening.
 *
 * @throws {TuttiError} LISTEN_FAILED when the port is taken or the host is not ours
 */
export async function serveGateway({ app, host = "127.0.0.1", port }: ServeOptions): Promise<GatewayServer> {
  // The adapter's faster Request and Response would replace the global ones of the whole process.
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(
        new TuttiError("LISTEN_FAILED", `could not listen on ${host}:${port}: ${cause.message}`, {
          cause,
          details: { host, port },
          hint:
            cause.code === "EADDRINUSE"
              ? "choose another port, or end the program that holds it"
              : "check host and port",
        }),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${shownHost}:${address.port}`,
    host,
    port: address.port,
    close: (graceMs = 10_000) => closeGracefully(server, graceMs),
  };
}

function closeGracefully(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A kept-alive connection whose answer has ended would otherwise hold the server open.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const grace = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(grace);
      resolve();
    });
    server.closeIdleConnections();
  });
}
