/** One file of a repository into the cache: resumed where it stopped, checked before it gets its name. */
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, TuttiError } from "../support/errors.ts";
import { digestOfFile } from "./digest.ts";
import type { RepositoryFile } from "./repository.ts";
import { checkNotInterrupted, request, retrySeconds, wait } from "./request.ts";
import type { HubSettings } from "./settings.ts";

export interface DownloadSource {
  readonly repository: string;
  readonly commit: string;
  readonly file: RepositoryFile;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of the file that are there. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Downloads into `path`. What is there is kept as `path`.incomplete between calls and processes.
 *
 * @throws {TuttiError} HUB_CHECKSUM_MISMATCH when the content is wrong twice, HUB_UNREACHABLE when the connection
 *   breaks again and again, FILE_WRITE_FAILED, and what {@link request} throws
 */
export async function downloadFile(
  settings: HubSettings,
  source: DownloadSource,
  path: string,
  options: DownloadOptions = {},
): Promise<void> {
  const incomplete = `${path}.incomplete`;
  mkdirSync(dirname(path), { recursive: true });
  const { name, digest } = source.file;
  for (let wrong = 0; ; wrong++) {
    await fetchAll(settings, source, incomplete, options);
    const received = await digestOfFile(incomplete, digest);
    if (received === digest.hex) break;
    rmSync(incomplete);
    if (wrong === 0) continue;
    throw new TuttiError(
      "HUB_CHECKSUM_MISMATCH",
      `${name} of ${source.repository} has checksum ${received}, expected ${digest.hex} (two downloads)`,
      {
        details: { repository: source.repository, file: name, received, expected: digest.hex },
        hint: "the server or a proxy changes files: try another network, or another HF_ENDPOINT",
      },
    );
  }
  await rename(incomplete, path);
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Brings `incomplete` to the file's size, over as many connections as it takes. */
async function fetchAll(
  settings: HubSettings,
  source: DownloadSource,
  incomplete: string,
  options: DownloadOptions,
): Promise<void> {
  const { sizeBytes } = source.file;
  if (sizeOf(incomplete) > sizeBytes) rmSync(incomplete);
  for (let failures = 0; ; ) {
    const before = sizeOf(incomplete);
    options.onBytes?.(before);
    if (before === sizeBytes && existsSync(incomplete)) return;
    const problem = await fetchRest(settings, source, incomplete, before, options);
    checkNotInterrupted(options.signal);
    if (sizeOf(incomplete) === sizeBytes) continue;
    // A connection that brought something counts as a fresh start.
    failures = sizeOf(incomplete) > before ? 1 : failures + 1;
    if (failures > settings.retries) throw broken(settings, source, problem);
    await wait(retrySeconds(settings, failures - 1, problem), options.signal);
  }
}

function broken({ endpoint }: HubSettings, { file, repository }: DownloadSource, problem: Error): TuttiError {
  const { host } = new URL(endpoint);
  return new TuttiError(
    "HUB_UNREACHABLE",
    `${host} stopped sending ${file.name} of ${repository}: ${messageOf(problem)}`,
    {
      details: { host, repository, file: file.name },
      hint: "what was downloaded is kept: run the same command again to go on",
    },
  );
}

/** One connection, from `start` on where the server can. Returns why it ended early, if it did. */
async function fetchRest(
  settings: HubSettings,
  { repository, commit, file }: DownloadSource,
  incomplete: string,
  start: number,
  { signal, onBytes }: DownloadOptions,
): Promise<Error> {
  const response = await requestFrom(settings, { repository, commit, file }, start, signal);
  if (response === "start is past the end") {
    rmSync(incomplete, { force: true });
    return new Error("the server has no such part of the file");
  }
  const isRest =
    response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${start}-`);
  const handle = await open(incomplete, isRest ? "a" : "w");
  try {
    let size = isRest ? start : 0;
    const problem = await readBody(response, settings.stallSeconds, signal, async (chunk) => {
      const part = chunk.subarray(0, file.sizeBytes - size);
      await write(handle, part, incomplete);
      size += part.length;
      onBytes?.(size);
      return size < file.sizeBytes;
    });
    return problem ?? new Error(`the file ended after ${size} of ${file.sizeBytes} bytes`);
  } finally {
    await handle.close();
  }
}

const encodePath = (name: string): string => name.split("/").map(encodeURIComponent).join("/");

async function requestFrom(
  settings: HubSettings,
  { repository, commit, file }: DownloadSource,
  start: number,
  signal: AbortSignal | undefined,
): Promise<Response | "start is past the end"> {
  try {
    return await request(settings, {
      path: `/${repository}/resolve/${commit}/${encodePath(file.name)}`,
      subject: `${file.name} of ${repository}`,
      // Compressed bodies could not be resumed.
      headers: { "accept-encoding": "identity", ...(start > 0 && { range: `bytes=${start}-` }) },
      signal,
    });
  } catch (error) {
    if (TuttiError.is(error) && error.details.status === 416) return "start is past the end";
    throw error;
  }
}

/** Hands the body on until `take` says enough. Returns what broke it off, or undefined. */
async function readBody(
  response: Response,
  stallSeconds: number,
  signal: AbortSignal | undefined,
  take: (chunk: Uint8Array) => Promise<boolean>,
): Promise<Error | undefined> {
  if (!response.body) return undefined;
  const reader = response.body.getReader();
  let broke: Error | undefined;
  const breakOff = (why: string): void => {
    broke = new Error(why);
    // The pending read ends; what was read stays.
    void reader.cancel(broke).catch(() => undefined);
  };
  const onAbort = (): void => breakOff("stopped");
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const timer = setTimeout(() => breakOff(`no byte within ${stallSeconds} s`), stallSeconds * 1000);
      const next = await reader.read().finally(() => clearTimeout(timer));
      if (next.done) return broke;
      if (!(await take(next.value))) {
        await reader.cancel();
        return undefined;
      }
    }
  } catch (error) {
    if (TuttiError.is(error)) throw error;
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function write(handle: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    await handle.writeFile(bytes);
  } catch (cause) {
    throw new TuttiError("FILE_WRITE_FAILED", `could not write ${path}: ${messageOf(cause)}`, {
      cause,
      details: { path },
      hint: "check free disk space and permissions of the cache folder (HF_HUB_CACHE)",
    });
  }
}
