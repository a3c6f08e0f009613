/** The table as text: one row per method, best first, averaged over its runs. */
import type { RouterEvaluation } from "../../src/routing/evaluation/index.ts";

const fixed = (value: number): string => value.toFixed(1);

/** @param reference the method whose difference to every other is shown in the last column */
export function averagesTable(
  { averages = {}, benchmarks, differences }: RouterEvaluation,
  reference?: string,
): string {
  const names = Object.keys(benchmarks);
  const rows = Object.entries(averages).sort(([, a], [, b]) => b.normalised - a.normalised);
  const header = ["normalised", ...names, "mean", "95 % interval", "runs"];
  if (reference !== undefined) header.push(`${reference} minus it`);
  const body = rows.map(([method, result]) => {
    const difference = differences.find(
      ({ router, baseline }) => router === reference && baseline === method,
    );
    const { normalised, interval, runs } = result;
    const cells = [
      method,
      ...names.map((name) => fixed(result.benchmarks[name]!)),
      fixed(normalised),
      `[${interval.map(fixed).join(", ")}]`,
      `${fixed(Math.min(...runs))} to ${fixed(Math.max(...runs))}`,
    ];
    if (reference !== undefined) {
      cells.push(
        difference ? `${fixed(difference.mean)} [${difference.interval.map(fixed).join(", ")}]` : "",
      );
    }
    return cells;
  });
  const lines = [header, ...body];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join("  "),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
