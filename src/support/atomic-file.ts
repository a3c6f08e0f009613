/** Atomic file writes: a reader sees the old content or the new one, never a part, even after `kill -9`. */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, TuttiError } from "./errors.ts";

/**
 * Writes the parts one after another to a temporary file beside `path`, syncs it to disk and renames it over
 * `path`. Missing parent folders are made.
 *
 * @throws {TuttiError} FILE_WRITE_FAILED when the disk refuses; the old file is left as it was
 */
export function writeFileAtomic(path: string, ...parts: ReadonlyArray<string | Uint8Array>): void {
  writePartsAtomic(path, parts);
}

/**
 * The same for parts that are made one after another, each written before the next is asked for, so that a file larger
 * than the memory can be written. An error thrown while making a part leaves the old file and is thrown on.
 *
 * @throws {TuttiError} FILE_WRITE_FAILED when the disk refuses
 */
export function writePartsAtomic(path: string, parts: Iterable<string | Uint8Array>): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const descriptor = openSync(temporary, "w");
    try {
      for (const part of parts) {
        const bytes = typeof part === "string" ? Buffer.from(part, "utf8") : part;
        for (let offset = 0; offset < bytes.byteLength; ) {
          // One write call takes at most 2 GiB on Linux; stay well below.
          offset += writeSync(descriptor, bytes, offset, Math.min(bytes.byteLength - offset, 1 << 28));
        }
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    if (TuttiError.is(cause)) throw cause;
    throw new TuttiError("FILE_WRITE_FAILED", `could not write ${path}: ${messageOf(cause)}`, {
      cause,
      details: { path },
      hint: "check free disk space and permissions of the folder",
    });
  }
}
