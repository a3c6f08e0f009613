/** A forest plot: one row an estimate, a dot with its interval, reference lines behind. */
import { clipped, escapeHtml, line, linearScale, pixel, svg, text } from "./svg.ts";

export interface ForestRow {
  readonly label: string;
  readonly value: number;
  readonly interval?: readonly [number, number];
  /** Trained routers stand out from baselines. */
  readonly isTrained: boolean;
}

const WIDTH = 860;
const LABELS = 250;
const VALUES = 150;
const ROW = 24;
const AXIS = 34;

const shown = (value: number): string => value.toFixed(1);

/** @param references vertical lines with their names, such as 0 = random */
export function forestPlot(
  title: string,
  rows: readonly ForestRow[],
  references: readonly { readonly at: number; readonly name: string }[],
): string {
  const values = [
    ...rows.flatMap(({ value, interval }) => [value, ...(interval ?? [])]),
    ...references.map(({ at }) => at),
  ].filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || 1) * 0.05;
  const x = linearScale(low - margin, high + margin, LABELS, WIDTH - VALUES);
  const height = rows.length * ROW + AXIS + 18;
  const bottom = height - AXIS;
  const grid = x.ticks.map(
    (tick) =>
      line(x(tick), 18, x(tick), bottom, "grid") +
      text(x(tick), bottom + 16, String(tick), 'class="tick" text-anchor="middle"'),
  );
  const marks = references.map(
    ({ at, name }) =>
      line(x(at), 14, x(at), bottom, "reference") +
      text(x(at), 10, name, 'class="tick" text-anchor="middle"'),
  );
  const body = rows.map(({ label, value, interval, isTrained }, index) => {
    const y = 18 + index * ROW + ROW / 2;
    const kind = isTrained ? "trained" : "baseline";
    const range = interval ? line(x(interval[0]), y, x(interval[1]), y, `range ${kind}`) : "";
    const numbers = interval
      ? `${shown(value)}  [${shown(interval[0])}, ${shown(interval[1])}]`
      : shown(value);
    return [
      `<g><title>${escapeHtml(`${label}: ${numbers}`)}</title>`,
      text(LABELS - 14, y + 4, clipped(label, 34), `text-anchor="end" class="label ${kind}"`),
      range,
      `<circle cx="${pixel(x(value))}" cy="${pixel(y)}" r="4.5" class="dot ${kind}"/>`,
      text(WIDTH - VALUES + 14, y + 4, numbers, 'class="value"'),
      "</g>",
    ].join("");
  });
  return svg(WIDTH, height, title, [...grid, ...marks, ...body].join(""));
}
