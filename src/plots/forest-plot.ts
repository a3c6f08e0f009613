/** A forest plot: one row an estimate, a dot with its interval, reference lines behind. */
import {
  clipped,
  escapeHtml,
  isNumber,
  line,
  linearScale,
  pixel,
  shown,
  shownInterval,
  svg,
  text,
} from "./svg.ts";

export interface ForestRow {
  readonly label: string;
  readonly value: number;
  readonly interval: readonly [number, number];
  /** Drawn in the accent colour. */
  readonly stands: boolean;
}

export interface ForestOptions {
  /** Vertical lines with their names, such as 0 = random. */
  readonly references: readonly { readonly at: number; readonly name: string }[];
  /** What the axis measures. */
  readonly axis: string;
  /** Values that the axis has to reach besides those of the rows, to give several plots one scale. */
  readonly include?: readonly number[];
  /** Digits after the point of values and intervals. @default 1 */
  readonly digits?: number;
}

const WIDTH = 940;
const LABELS = 288;
const VALUES = 170;
const ROW = 24;
const TOP = 20;
const AXIS = 42;
const LABEL_CHARACTERS = 32;

export function forestPlot(title: string, rows: readonly ForestRow[], options: ForestOptions): string {
  const values = [
    ...rows.flatMap(({ value, interval }) => [value, ...interval]),
    ...options.references.map(({ at }) => at),
    ...(options.include ?? []),
  ].filter(isNumber);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || 1) * 0.04;
  const x = linearScale(low - margin, high + margin, LABELS, WIDTH - VALUES);
  const height = TOP + rows.length * ROW + AXIS;
  const bottom = height - AXIS;
  const grid = x.ticks.map(
    (tick) =>
      line(x(tick), TOP, x(tick), bottom, "grid") +
      text(x(tick), bottom + 16, shown(tick, decimals(tick)), 'class="tick" text-anchor="middle"'),
  );
  const marks = options.references.map(
    ({ at, name }) =>
      line(x(at), TOP - 4, x(at), bottom, "reference") +
      text(x(at), TOP - 9, name, 'class="tick" text-anchor="middle"'),
  );
  const axis = text(
    (LABELS + WIDTH - VALUES) / 2,
    height - 6,
    options.axis,
    'class="tick" text-anchor="middle"',
  );
  const body = rows.map((row, index) => drawRow(row, TOP + index * ROW + ROW / 2, x, options.digits ?? 1));
  return svg(WIDTH, height, title, [...grid, ...marks, axis, ...body].join(""));
}

function drawRow(
  { label, value, interval, stands }: ForestRow,
  y: number,
  x: (value: number) => number,
  digits: number,
): string {
  const kind = stands ? "trained" : "baseline";
  const numbers = `${shown(value, digits)} ${shownInterval(interval, digits)}`;
  return [
    `<g><title>${escapeHtml(`${label}: ${numbers}`)}</title>`,
    text(LABELS - 16, y + 4.5, clipped(label, LABEL_CHARACTERS), `text-anchor="end" class="label ${kind}"`),
    interval.every(isNumber) ? line(x(interval[0]), y, x(interval[1]), y, `range ${kind}`) : "",
    isNumber(value) ? `<circle cx="${pixel(x(value))}" cy="${pixel(y)}" r="4.5" class="dot ${kind}"/>` : "",
    text(WIDTH - VALUES + 60, y + 4.5, shown(value, digits), `text-anchor="end" class="${kind} number"`),
    text(WIDTH, y + 4.5, shownInterval(interval, digits), 'text-anchor="end" class="value"'),
    "</g>",
  ].join("");
}

/** Digits after the point that a tick needs. */
const decimals = (tick: number): number => String(tick).split(".")[1]?.length ?? 0;
