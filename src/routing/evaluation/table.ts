/** The evaluation as text for a terminal. */
import type { Interval, RouterEvaluation } from "./types.ts";

const number = (value: number): string => value.toFixed(1);
const interval = ([low, high]: Interval): string => `[${number(low)}, ${number(high)}]`;

function align(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/**
 * Normalised score per benchmark (native score in a second block), mean with its interval, best router first,
 * then every requested difference.
 */
export function formatEvaluationTable(evaluation: RouterEvaluation): string {
  const benchmarks = Object.keys(evaluation.benchmarks);
  const routers = Object.keys(evaluation.mean).sort(
    (a, b) => evaluation.mean[b]!.normalised - evaluation.mean[a]!.normalised,
  );
  const sizes = benchmarks.map((benchmark) => `n=${evaluation.benchmarks[benchmark]!.n}`);
  const block = (kind: "normalised" | "native"): string[][] => [
    [kind, ...benchmarks, ...(kind === "normalised" ? ["mean", "95 % interval"] : [])],
    ["", ...sizes, ...(kind === "normalised" ? ["", ""] : [])],
    ...routers.map((router) => [
      router,
      ...benchmarks.map((benchmark) => {
        const value = evaluation.benchmarks[benchmark]!.routers[router]![kind];
        return kind === "native" && Math.abs(value) < 10 ? value.toFixed(2) : number(value);
      }),
      ...(kind === "normalised"
        ? [number(evaluation.mean[router]!.normalised), interval(evaluation.mean[router]!.interval)]
        : []),
    ]),
  ];
  const differences = evaluation.differences.map(({ router, baseline, mean, interval: bounds }) => [
    `${router} - ${baseline}`,
    `${mean >= 0 ? "+" : ""}${number(mean)}`,
    interval(bounds),
    bounds[0] > 0 ? "better" : bounds[1] < 0 ? "worse" : "no difference shown",
  ]);
  const parts = [align(block("normalised")), align(block("native"))];
  if (differences.length > 0)
    parts.push(align([["difference of means", "points", "95 % interval", ""], ...differences]));
  return `${parts.join("\n\n")}\n`;
}
