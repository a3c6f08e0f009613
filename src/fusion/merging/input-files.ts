/** The files that a merge reads: which they are, whether they stay the same, and their hashes. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { Worker } from "node:worker_threads";
import { TuttiError } from "../../support/errors.ts";

/** What tells without reading a file that it is the same as before. */
export interface FileStamp {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export function stampsOf(paths: readonly string[]): FileStamp[] {
  return paths.map((path) => {
    const { size, mtimeMs } = statSync(path);
    return { name: basename(path), sizeBytes: size, modifiedMs: mtimeMs };
  });
}

/** The hashing takes as long as the reading of a slow disk: it is done by a thread of its own. */
const HASHER = `
const { createHash } = require("node:crypto");
const { createReadStream } = require("node:fs");
const { parentPort, workerData } = require("node:worker_threads");
(async () => {
  const digests = [];
  for (const path of workerData) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
    digests.push(hash.digest("hex"));
  }
  parentPort.postMessage(digests);
})();
`;

export interface Hashing {
  /** SHA-256 of each file, in order. @throws {TuttiError} FILE_CORRUPT when one cannot be read */
  readonly digests: Promise<readonly string[]>;
  readonly stop: () => Promise<unknown>;
}

/** Begins to hash the files beside whatever else is done. */
export function startHashing(paths: readonly string[]): Hashing {
  const worker = new Worker(HASHER, { eval: true, workerData: paths });
  const digests = new Promise<readonly string[]>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", (cause) =>
      reject(
        new TuttiError("FILE_CORRUPT", `could not hash the models' files: ${cause.message}`, {
          cause,
          hint: "check that the files can be read, and run it again",
        }),
      ),
    );
  });
  // Nobody may be waiting yet when it fails.
  digests.catch(() => undefined);
  return { digests, stop: () => worker.terminate() };
}
