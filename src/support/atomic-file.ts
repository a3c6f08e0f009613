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
  const file = new AtomicFile(path);
  try {
    for (const part of parts) file.write(part);
    file.commit();
  } finally {
    file.discard();
  }
}

/**
 * A file that grows beside `path` and takes its place when it is committed. Until then, and if it is discarded, whatever stood
 * at `path` stays.
 */
export class AtomicFile {
  private readonly path: string;
  private readonly temporary: string;
  private descriptor: number | undefined;

  /** @throws {TuttiError} FILE_WRITE_FAILED when the disk refuses */
  constructor(path: string) {
    this.path = path;
    this.temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
    this.attempt(() => {
      mkdirSync(dirname(path), { recursive: true });
      this.descriptor = openSync(this.temporary, "w");
    });
  }

  /** @throws {TuttiError} FILE_WRITE_FAILED */
  write(part: string | Uint8Array): void {
    const bytes = typeof part === "string" ? Buffer.from(part, "utf8") : part;
    this.attempt(() => {
      for (let offset = 0; offset < bytes.byteLength; ) {
        // One write call takes at most 2 GiB on Linux; stay well below.
        offset += writeSync(this.descriptor!, bytes, offset, Math.min(bytes.byteLength - offset, 1 << 28));
      }
    });
  }

  /** Syncs the file to disk and renames it. @throws {TuttiError} FILE_WRITE_FAILED */
  commit(): void {
    this.attempt(() => {
      const descriptor = this.descriptor!;
      fsyncSync(descriptor);
      this.descriptor = undefined;
      closeSync(descriptor);
      renameSync(this.temporary, this.path);
    });
  }

  /** Removes the file, unless it was committed. */
  discard(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
    rmSync(this.temporary, { force: true });
  }

  private attempt(action: () => void): void {
    try {
      action();
    } catch (cause) {
      this.discard();
      throw new TuttiError("FILE_WRITE_FAILED", `could not write ${this.path}: ${messageOf(cause)}`, {
        cause,
        details: { path: this.path },
        hint: "check free disk space and permissions of the folder",
      });
    }
  }
}
