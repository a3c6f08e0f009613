/** Tutti's side of `router-latency`: an exported router, opened as a gateway would, one prompt at a time and many at once. */
import { readFileSync } from "node:fs";
import { batchingRouter } from "../../src/routing/batching-router.ts";
import { ExportedRouter, type RouterPrecision } from "../../src/routing/export/index.ts";
import type { Router } from "../../src/routing/router.ts";
import {
  CANDIDATES,
  CONCURRENCY,
  cellName,
  exportFolder,
  PROMPT_TOKENS,
  type RouterWork,
  rateName,
  WORK_FILE,
} from "../router-work.ts";
import { answerRounds, type MeasuredCells } from "./answer-rounds.ts";

const [precision, repeats, , threads = "2"] = process.argv.slice(2) as [
  RouterPrecision,
  string,
  string,
  string?,
];
const work = JSON.parse(readFileSync(WORK_FILE, "utf8")) as RouterWork;

const routers = new Map<number, ExportedRouter>();
for (const candidates of CANDIDATES) {
  routers.set(
    candidates,
    await ExportedRouter.open(exportFolder(candidates, precision), { threads: Number(threads) }),
  );
}

/** Largest difference to the float32 scores over their spread. */
async function largestDifference(): Promise<number> {
  let worst = 0;
  for (const [candidates, router] of routers) {
    const prompts = PROMPT_TOKENS.map((tokens) => work.prompts[tokens]![0]!);
    const rows = await router.scores(prompts.map((prompt) => ({ id: "", prompt })));
    const expected = work.expected[candidates]!;
    const all = expected.flat();
    const spread = Math.max(...all) - Math.min(...all);
    for (const [row, scores] of expected.entries()) {
      for (const [column, score] of scores.entries()) {
        worst = Math.max(worst, Math.abs(rows[row]![column]! - score) / spread);
      }
    }
  }
  return worst;
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;

async function latencies(router: Router, prompts: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (let repeat = 0; repeat < Number(repeats); repeat++) {
    const prompt = prompts[repeat % prompts.length]!;
    const startedAt = performance.now();
    await router.scores([{ id: "", prompt }]);
    times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b);
}

/** Decisions per second of `callers` that ask again as soon as they are answered, on prompts of 128 tokens, 5 candidates. */
async function decisionsPerSecond(callers: number): Promise<number> {
  const router = batchingRouter(routers.get(5)!);
  const prompts = work.prompts[128]!;
  const decisions = Math.max(Number(repeats), callers);
  let asked = 0;
  const startedAt = performance.now();
  const call = async (): Promise<void> => {
    while (asked < decisions) await router.scores([{ id: "", prompt: prompts[asked++ % prompts.length]! }]);
  };
  await Promise.all(Array.from({ length: callers }, call));
  return (1000 * asked) / (performance.now() - startedAt);
}

async function round(): Promise<MeasuredCells> {
  const cells: Record<string, number> = {};
  for (const tokens of PROMPT_TOKENS) {
    for (const candidates of CANDIDATES) {
      const times = await latencies(routers.get(candidates)!, work.prompts[tokens]!);
      for (const [name, share] of [
        ["p50", 0.5],
        ["p99", 0.99],
      ] as const) {
        cells[cellName(name, tokens, candidates)] = percentile(times, share);
      }
    }
  }
  for (const callers of CONCURRENCY) cells[rateName(callers)] = await decisionsPerSecond(callers);
  return { seconds: cells[cellName("p50", 128, 5)]!, cells };
}

const difference = await largestDifference();
if (!(difference < (precision === "f32" ? 1e-4 : 0.15))) {
  process.stderr.write(`scores differ from the network's by ${difference} of their spread\n`);
  process.exit(1);
}
for (const router of routers.values()) {
  for (const tokens of PROMPT_TOKENS) await latencies(router, work.prompts[tokens]!.slice(0, 3));
}
await answerRounds({ scoreDifference: difference }, round);
