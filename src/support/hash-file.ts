/** Hashing files without holding them in memory. */
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Feeds a file to `hash`; returns the digest in hex. */
export async function hashFile(path: string, hash: Hash): Promise<string> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
