/** Files whose names come from elsewhere: opened without waiting, read up to a limit, and nothing but files. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { messageOf } from "./errors.ts";

/** Makes the caller's own error of a problem, said as the end of a sentence that begins with the file's name. */
export type Refuse = (problem: string, cause?: unknown) => Error;

/** A pipe opened without this flag waits for a writer that may never come. Windows has neither. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Whether a folder is there. Never throws: of a path that cannot be followed, opening it says why. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** A descriptor for reading; of what is not a file too, which `fstatSync` tells. Throws what the system says. */
export function openToRead(path: string): number {
  return openSync(path, READ_FLAGS);
}

function fill(descriptor: number, maximumBytes: number, refuse: Refuse): Buffer {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw refuse("is not a file");
  if (stat.size > maximumBytes)
    throw refuse(`is ${stat.size} bytes long, more than the ${maximumBytes} allowed`);
  const bytes = Buffer.alloc(stat.size);
  for (let done = 0; done < bytes.byteLength; ) {
    const received = readSync(descriptor, bytes, done, bytes.byteLength - done, done);
    if (received === 0) throw refuse(`ends at byte ${done}, expected ${stat.size}`);
    done += received;
  }
  return bytes;
}

/** The whole content of an open file of at most `maximumBytes`, which is closed. */
export function readOpenFile(descriptor: number, maximumBytes: number, refuse: Refuse): Buffer {
  let refusal: Error | undefined;
  try {
    return fill(descriptor, maximumBytes, (problem) => {
      refusal = refuse(problem);
      return refusal;
    });
  } catch (cause) {
    throw cause === refusal ? cause : refuse(`could not be read: ${messageOf(cause)}`, cause);
  } finally {
    closeSync(descriptor);
  }
}

/** The whole content of a file of at most `maximumBytes`. */
export function readWholeFile(path: string, maximumBytes: number, refuse: Refuse): Buffer {
  let descriptor: number;
  try {
    descriptor = openToRead(path);
  } catch (cause) {
    throw refuse(`could not be read: ${messageOf(cause)}`, cause);
  }
  return readOpenFile(descriptor, maximumBytes, refuse);
}
