/** Reading parts of a file by their place in it. */
import { readSync } from "node:fs";
import { messageOf, TuttiError } from "../support/errors.ts";
import { openToRead } from "../support/read-file.ts";

/** One read call takes at most 2 GiB; stay well below. */
const READ_BYTES = 1 << 28;

/** A descriptor, of a pipe or a device too: whether it is a file is for the caller to see. @throws {TuttiError} FILE_NOT_FOUND */
export function openForReading(path: string): number {
  try {
    return openToRead(path);
  } catch (cause) {
    throw new TuttiError("FILE_NOT_FOUND", `could not open ${path}: ${messageOf(cause)}`, {
      cause,
      details: { path },
      hint: "check the path and its permissions",
    });
  }
}

/**
 * Fills `bytes` from the file, beginning at byte `position` of it.
 *
 * @param tooShort makes the error of a file that ends earlier, given the byte at which it ends
 */
export function readAt(
  descriptor: number,
  bytes: Uint8Array,
  position: number,
  tooShort: (end: number) => Error,
): void {
  for (let done = 0; done < bytes.byteLength; ) {
    const length = Math.min(bytes.byteLength - done, READ_BYTES);
    const received = readSync(descriptor, bytes, done, length, position + done);
    if (received === 0) throw tooShort(position + done);
    done += received;
  }
}
