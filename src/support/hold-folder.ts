/**
 * A folder for one process at a time on a machine: held by an address that the system takes back when the process ends, however it
 * ends, so that nothing has to be cleaned up after `kill -9`. Processes of other machines, or in other containers, are not seen.
 */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, TuttiError } from "./errors.ts";

const DIGITS = 32;

/** Names of Linux that begin with a zero byte, and pipes of Windows, end with their process. Elsewhere nothing is held. */
function addressOf(folder: string): string | undefined {
  const name = `tutti-${createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, DIGITS)}`;
  if (process.platform === "linux") return `\0${name}`;
  return process.platform === "win32" ? join("\\\\?\\pipe", tmpdir(), name) : undefined;
}

const listening = (server: Server, address: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, resolve);
  });

/**
 * Holds a folder until the process ends or lets go of it.
 *
 * @returns lets go
 * @throws {TuttiError} INVALID_ARGUMENT when another process holds it
 */
export async function holdFolder(folder: string): Promise<() => Promise<void>> {
  const address = addressOf(folder);
  if (address === undefined) return async () => undefined;
  const server = createServer((socket) => socket.destroy());
  try {
    await listening(server, address);
  } catch (cause) {
    throw new TuttiError("INVALID_ARGUMENT", `${folder} is held by another process: ${messageOf(cause)}`, {
      cause,
      details: { folder },
      hint: "wait until it has finished, or give this one a folder of its own",
    });
  }
  // It must not keep the process alive.
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}
