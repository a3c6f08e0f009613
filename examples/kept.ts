/** Results that are computed once and then read back, so that an example that was stopped goes on. */
import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "../src/support/atomic-file.ts";

/** @param path a JSON file, written whole or not at all */
export async function kept<T>(path: string, compute: () => Promise<T>): Promise<T> {
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as T;
  const made = await compute();
  writeFileAtomic(path, `${JSON.stringify(made)}\n`);
  return made;
}
