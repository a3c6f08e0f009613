/** A lock between processes of one machine, by a file that names its holder; a dead holder's lock is taken over. */
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, TuttiError } from "../support/errors.ts";
import { readWholeFile } from "../support/read-file.ts";
import { wait } from "./request.ts";

const POLL_SECONDS = 0.2;
/** A process id. */
const LONGEST_HOLDER_BYTES = 64;
/** A lock file is written at once: one that is still empty after so long was left by a crash. */
const EMPTY_IS_STALE_MS = 5_000;

/**
 * Runs `action` while holding the lock.
 *
 * @param onWait called once when another process holds it
 * @throws {TuttiError} INTERRUPTED while waiting, and what `action` throws
 */
export async function withLock<T>(
  path: string,
  action: () => Promise<T>,
  {
    signal,
    onWait,
  }: { readonly signal?: AbortSignal | undefined; readonly onWait?: (() => void) | undefined } = {},
): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  for (let waits = 0; !take(path); waits++) {
    if (waits === 0) onWait?.();
    await wait(POLL_SECONDS, signal);
    if (isStale(path)) rmSync(path, { force: true });
  }
  try {
    return await action();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  writeSync(descriptor, String(process.pid));
  closeSync(descriptor);
  return true;
}

function isStale(path: string): boolean {
  try {
    const holder = readWholeFile(path, LONGEST_HOLDER_BYTES, (problem, cause) => {
      return cause instanceof Error ? cause : new Error(`${path}: ${problem}`);
    }).toString("utf8");
    if (holder === "") return Date.now() - statSync(path).mtimeMs > EMPTY_IS_STALE_MS;
    return !isAlive(Number(holder));
  } catch (error) {
    // Gone between the two calls: whoever held it is done.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw new TuttiError("FILE_CORRUPT", `${path} is no lock: ${messageOf(error)}`, {
      cause: error,
      details: { path },
      hint: "remove it when no other process is fetching models",
    });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
