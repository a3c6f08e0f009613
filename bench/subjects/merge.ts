/** One side of the merge benchmark: each round merges by every method at every size, each in a process of its own. */
import { modelsToMerge } from "../merge-work.ts";
import { answerRounds, type MeasuredCells } from "./answer-rounds.ts";
import { type Once, once } from "./once.ts";

/** Arguments: "tutti" or "mergekit", the methods with commas between, then the sizes, the headline of both first. */
const [side, methods, ...sizes] = process.argv.slice(2, process.argv.indexOf("--threads")) as [
  string,
  string,
  ...string[],
];
const threads = process.argv.at(-1)!;

const mergeOnce = (method: string, size: string): Once =>
  side === "tutti"
    ? once("node", "merge-once.ts", method, size)
    : once("python", "mergekit_merge.py", method, modelsToMerge(size), "--threads", threads);

function round(): MeasuredCells {
  const cells: Record<string, number> = {};
  let headline: Once | undefined;
  for (const size of sizes) {
    for (const method of methods.split(",")) {
      const measured = mergeOnce(method, size);
      headline ??= measured;
      cells[`${method}, ${size}: seconds`] = measured.seconds;
      cells[`${method}, ${size}: peak MB`] = measured.peakRssBytes / 1e6;
    }
  }
  return { ...headline!, cells };
}

for (const size of sizes) modelsToMerge(size);
// A peer that is not there is said before the rounds.
if (side === "mergekit") once("python", "mergekit_merge.py", "linear", "--check");
await answerRounds({}, async () => round());
