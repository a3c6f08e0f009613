import { PLACES } from "../mock-provider.ts";
import type { Benchmark, Subject } from "../subject.ts";

const ANSWER_MS = [0, 20, 200];
const MOST_ANSWERS = 10_000;
const LONGEST_ROUND_S = 20;
const STORES = ["sqlite", "postgres"];

/** A multiple of the 4 samples that each prompt gets. */
const answersAt = (answerMs: number): number =>
  Math.min(MOST_ANSWERS, answerMs === 0 ? MOST_ANSWERS : (1000 * PLACES * LONGEST_ROUND_S) / answerMs);

const subject = (client: string, script: string, answerMs: number): Subject => ({
  name: `${client} ${answerMs} ms`,
  runtime: "node",
  script: `subjects/${script}`,
  args: [String(answersAt(answerMs)), String(answerMs), client],
});

/**
 * 10,000 answers, or 20 seconds' worth (4 samples a prompt), from a mock provider in a process of its own with 32 places that takes
 * 0, 20 or 200 ms an answer: its own limit is 1,600 and 160 answers a second, and without a wait what its processor time allows.
 * Limit: a plain HTTP client that keeps all places busy and throws the answers away. The others: `sample` into a new store, work
 * queue and all, with the concurrency found by itself (64 at most); PostgreSQL is a server of its own with its usual settings.
 * Without a wait it is processor time that decides, of which client, mock and database each want their own core.
 */
export const benchmark: Benchmark = {
  name: "sampling",
  unit: "seconds per 1000 answers",
  subjects: ANSWER_MS.flatMap((answerMs) => [
    subject("limit", "sampling-limit.ts", answerMs),
    ...STORES.map((store) => subject(store, "tutti-sampling.ts", answerMs)),
  ]),
  ratios: ANSWER_MS.flatMap((answerMs) =>
    STORES.map((store): [string, string] => [`${store} ${answerMs} ms`, `limit ${answerMs} ms`]),
  ),
};
