/** The report of a selection as text and as a self-contained page. */
import { countPlot } from "../../plots/count-plot.ts";
import { histogramPlot } from "../../plots/histogram-plot.ts";
import { renderPage } from "../../plots/page.ts";
import { type DataTable, dataTable, figure, grid, legend, numbersOf, section } from "../../plots/parts.ts";
import { shown } from "../../plots/svg.ts";
import { type Distribution, histogram, quantile } from "../../statistics/distribution.ts";
import { type SelectionReport, selectionReport, selectionValues } from "./selection-report.ts";
import type { Selection } from "./selector.ts";

const BINS = 24;

const countsTable = (counts: Readonly<Record<string, number>>, what: string): DataTable => ({
  heads: [what, "count"],
  rows: Object.entries(counts).map(([name, count]) => [name, String(count)]),
});

const bars = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).map(([label, count]) => ({ label, count }));

function distributionTable(
  rows: readonly (readonly [string, Distribution | undefined])[],
  digits: number,
): DataTable {
  return {
    heads: ["", "count", "mean", "deviation", "least", "5%", "25%", "median", "75%", "95%", "most"],
    rows: rows.flatMap(([name, found]) => {
      if (found === undefined) return [];
      const { count, mean, deviation, least, quantile5, quantile25, median, quantile75, quantile95, most } =
        found;
      const numbers = [mean, deviation, least, quantile5, quantile25, median, quantile75, quantile95, most];
      return [[name, String(count), ...numbers.map((value) => shown(value, digits))]];
    }),
  };
}

/** Both sides over one axis, which leaves out the highest half percent so that a few long answers do not flatten the rest. */
function sidesPlot(
  title: string,
  sides: readonly (readonly [string, readonly number[]])[],
  axis: string,
): string {
  const all = Float64Array.from(sides.flatMap(([, values]) => values)).sort();
  if (all.length === 0) return "";
  const [low, high] = [quantile(all, 0.005), quantile(all, 0.995)];
  const range: readonly [number, number] = high > low ? [low, high] : [low - 0.5, low + 0.5];
  const series = sides.map(([label, values]) => ({
    label,
    counts: histogram(values, range[0], range[1], BINS).map(({ count }) => count),
  }));
  return histogramPlot(title, series, range, axis);
}

/** The page: counts, shares and distributions, drawn and as tables. */
export function renderSelectionPage(selection: Selection, title: string): string {
  const report = selectionReport(selection);
  const values = selectionValues(selection);
  const { rejected, lengthUnit } = report;
  const both = rejected !== undefined;
  const sides = <Value>(chosen: Value, other: Value): [string, Value][] =>
    both
      ? [
          ["chosen", chosen],
          ["rejected", other],
        ]
      : [["answer", chosen]];
  const scoresOf = (answers: typeof values.chosen) =>
    answers.flatMap(({ score }) => (score === null ? [] : [score]));
  const plots = [
    {
      heading: `Length in ${lengthUnit}`,
      plot: sidesPlot("Lengths", sides(values.chosenLengths, values.rejectedLengths), lengthUnit),
    },
    {
      heading: "Score",
      plot: sidesPlot("Scores", sides(scoresOf(values.chosen), scoresOf(values.rejected)), "score"),
    },
    ...(both
      ? [
          {
            heading: "Gap of the scores",
            plot: sidesPlot("Gaps", [["gap", values.gaps]], "chosen minus rejected"),
          },
        ]
      : []),
  ].filter(({ plot }) => plot !== "");
  const domainTable: DataTable = {
    heads: ["domain", "prompts", "prompts kept", "rows"],
    rows: Object.entries(report.domains).map(([name, { prompts, promptsKept, rows }]) => [
      name,
      String(prompts),
      String(promptsKept),
      String(rows),
    ]),
  };
  const sections = [
    section(
      "Domains",
      "Prompts that came in, prompts that gave at least one row, and the rows.",
      dataTable(domainTable),
    ),
    section("Sources", "Answers of each model in the training set.", sourcesTable(report)),
    section(
      "Lengths and scores",
      longerNote(report),
      (both
        ? legend([
            { mark: "m0", label: "chosen" },
            { mark: "m1", label: "rejected" },
          ])
        : "") +
        grid(plots) +
        numbersOf(distributionTable(sides(report.chosen.lengths, rejected?.lengths), 0)) +
        numbersOf(
          distributionTable([...sides(report.chosen.scores, rejected?.scores), ["gap", report.gaps]], 4),
        ),
    ),
    section(
      "Why answers were left out",
      "One decision an answer, or a pair of answers that was weighed as such.",
      figure(countPlot("Drops by reason", bars(report.drops)), countsTable(report.drops, "reason")),
    ),
  ];
  return renderPage({
    title,
    subtitle: `${report.rows} rows of ${report.promptsKept} of ${report.prompts} prompts, selected by ${selectorWords(report)}`,
    body: sections.join("\n"),
  });
}

/** The rule and its options as a reader would say them: "same-source, least gap 0.01, is verified". */
function selectorWords({ selector: { name, options } }: SelectionReport): string {
  const words = Object.entries(options)
    .filter(([, value]) => value !== false && value !== null)
    .map(([option, value]) => {
      const spaced = option.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      return value === true ? spaced : `${spaced} ${String(value)}`;
    });
  return [name, ...words].join(", ");
}

function sourcesTable({ chosen, rejected }: SelectionReport): string {
  const percent = (share: number | undefined): string => `${shown(100 * (share ?? 0))}%`;
  const names = new Set([...Object.keys(chosen.sourceShares), ...Object.keys(rejected?.sourceShares ?? {})]);
  return dataTable({
    heads: ["model", rejected ? "of the chosen" : "of the answers", ...(rejected ? ["of the rejected"] : [])],
    rows: [...names].map((name) => [
      name,
      percent(chosen.sourceShares[name]),
      ...(rejected ? [percent(rejected.sourceShares[name])] : []),
    ]),
  });
}

const longerNote = ({ longerChosenShare }: SelectionReport): string =>
  longerChosenShare === undefined
    ? "Of the answers in the training set."
    : `The chosen answer is the longer one in ${shown(100 * longerChosenShare)}% of the pairs; far from half, length is part of what they teach.`;

/** The report for a terminal. */
export function formatSelectionReport(report: SelectionReport): string {
  const lines = [
    `${report.selector.name}: ${report.rows} rows of ${report.promptsKept} of ${report.prompts} prompts`,
    ...Object.entries(report.domains).map(
      ([name, { prompts, promptsKept, rows }]) =>
        `  ${name}: ${rows} rows, ${promptsKept} of ${prompts} prompts`,
    ),
    "sources",
    ...Object.entries(report.chosen.sourceShares).map(
      ([name, share]) =>
        `  ${name}: ${(100 * share).toFixed(1)}%${report.rejected ? ` chosen, ${(100 * (report.rejected.sourceShares[name] ?? 0)).toFixed(1)}% rejected` : ""}`,
    ),
    ...(report.longerChosenShare === undefined
      ? []
      : [`chosen answer is the longer one: ${(100 * report.longerChosenShare).toFixed(1)}%`]),
    "dropped",
    ...Object.entries(report.drops).map(([reason, count]) => `  ${reason}: ${count}`),
  ];
  return lines.join("\n");
}
