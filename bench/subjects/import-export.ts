/** One side of the import-export benchmark: each round does every operation at every size, each in a process of its own. */
import { conversations, placeOf } from "../import-export-work.ts";
import { growthExponent } from "../training-work.ts";
import { answerRounds, type MeasuredCells } from "./answer-rounds.ts";
import { type Once, once } from "./once.ts";

/** Arguments: "tutti" or "datasets", the operations, then the sizes, the headline first. */
const [side, ...rest] = process.argv.slice(2, process.argv.indexOf("--threads")) as [string, ...string[]];
const isSize = (argument: string): boolean => /^\d+$/.test(argument);
const operations = rest.filter((argument) => !isSize(argument));
const sizes = rest.filter(isSize).map(Number);

const doOnce = (operation: string, rows: number): Once =>
  side === "tutti"
    ? once("node", "import-export-once.ts", operation, String(rows))
    : once("python", "datasets_files.py", operation, placeOf(rows));

function round(): MeasuredCells {
  const cells: Record<string, number> = {};
  const headlines: Once[] = [];
  for (const operation of operations) {
    const measured = sizes.map((rows) => ({ rows, ...doOnce(operation, rows) }));
    headlines.push(measured[0]!);
    for (const { rows, seconds, peakRssBytes } of measured) {
      cells[`${operation}, ${rows}: rows per second`] = rows / seconds;
      cells[`${operation}, ${rows}: peak MB`] = peakRssBytes / 1e6;
    }
    if (sizes.length > 1) {
      cells[`${operation}: exponent of time`] = growthExponent(
        measured.map(({ rows, seconds }) => [rows, seconds] as const),
      );
    }
  }
  const peakRssBytes = Math.max(...headlines.map((one) => one.peakRssBytes));
  return { seconds: headlines[0]!.seconds, peakRssBytes, cells };
}

for (const rows of sizes) await conversations(rows);
await answerRounds({}, async () => round());
