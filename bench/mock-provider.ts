/** Starts the mock provider of the sampling benchmark; it ends with this process. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PLACES = 32;
export const ANSWER_MS = 50;

/** @returns where it listens */
export async function startMockProvider(): Promise<string> {
  const script = join(import.meta.dirname, "subjects/mock-provider.mjs");
  const child = spawn(process.execPath, [script, String(PLACES), String(ANSWER_MS)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  for await (const port of createInterface({ input: child.stdout })) return `http://127.0.0.1:${port}`;
  throw new Error("the mock provider ended before it listened");
}
