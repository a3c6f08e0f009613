/** The mock provider of the sampling benchmark, which ends with the process that starts it, and what a round with it came to. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { MeasuredCells } from "./subjects/answer-rounds.ts";

/** Answers that it works on at once. */
export const PLACES = 32;

/** @returns where it listens */
export async function startMockProvider(answerMs: number): Promise<string> {
  const script = join(import.meta.dirname, "subjects/mock-provider.mjs");
  const child = spawn(process.execPath, [script, String(PLACES), String(answerMs)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  for await (const port of createInterface({ input: child.stdout })) return `http://127.0.0.1:${port}`;
  throw new Error("the mock provider ended before it listened");
}

/** A round of the benchmark: seconds per 1000 answers, and the same as a rate, with the client's processor time. */
export function answersPerSecond(tookMs: number, answers: number, used: NodeJS.CpuUsage): MeasuredCells {
  return {
    seconds: tookMs / answers,
    cells: {
      "answers per second": (1000 * answers) / tookMs,
      "processor ms per answer": (used.user + used.system) / 1000 / answers,
    },
  };
}
