/** The checksums by which the hub knows files. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { hashFile } from "../support/hash-file.ts";
import type { Digest } from "./repository.ts";

/** The checksum of a file in hex; git puts "blob SIZE\0" in front of the content. */
export async function digestOfFile(path: string, { algorithm }: Pick<Digest, "algorithm">): Promise<string> {
  return hashFile(
    path,
    algorithm === "sha256"
      ? createHash("sha256")
      : createHash("sha1").update(`blob ${statSync(path).size}\0`),
  );
}
