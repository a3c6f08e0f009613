/** The checksums by which the hub knows files. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import type { Digest } from "./repository.ts";

/** The checksum of a file in hex; git puts "blob SIZE\0" in front of the content. */
export async function digestOfFile(path: string, { algorithm }: Pick<Digest, "algorithm">): Promise<string> {
  const hash =
    algorithm === "sha256"
      ? createHash("sha256")
      : createHash("sha1").update(`blob ${statSync(path).size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
