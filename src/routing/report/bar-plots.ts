/** Bars: normalised score per router with intervals, and routing shares stacked to 100 %. */
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
} from "../../plots/svg.ts";

const ROW = 18;
const WIDTH = 456;
const LABELS = 206;
const VALUES = 34;
const LABEL_CHARACTERS = 31;

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly interval: readonly [number, number];
  readonly isTrained: boolean;
}

const rowLabel = (label: string, y: number, isTrained: boolean): string =>
  text(
    LABELS - 10,
    y + 13,
    clipped(label, LABEL_CHARACTERS),
    `text-anchor="end" class="label small ${isTrained ? "trained" : "baseline"}"`,
  );

/**
 * Horizontal bars from zero.
 *
 * @param range values that the axis covers, the same for plots that stand side by side
 */
export function barPlot(title: string, bars: readonly Bar[], range: readonly [number, number]): string {
  const x = linearScale(range[0], range[1], LABELS, WIDTH - VALUES);
  const height = bars.length * ROW + 24;
  const bottom = height - 20;
  const grid = x.ticks.map(
    (tick) =>
      line(x(tick), 0, x(tick), bottom, tick === 0 ? "axis" : "grid") +
      text(x(tick), height - 6, shown(tick, 0), 'class="tick" text-anchor="middle"'),
  );
  const body = bars.map(({ label, value, interval, isTrained }, index) => {
    const y = index * ROW;
    const middle = y + ROW / 2;
    const parts = [
      `<g><title>${escapeHtml(`${label}: ${shown(value)} ${shownInterval(interval)}`)}</title>`,
      rowLabel(label, y, isTrained),
      text(WIDTH, y + 13, shown(value, 0), 'text-anchor="end" class="value small"'),
    ];
    if (isNumber(value)) {
      const [from, to] = [x(Math.min(0, value)), x(Math.max(0, value))];
      parts.push(
        `<rect x="${pixel(from)}" y="${pixel(y + 3)}" width="${pixel(Math.max(0.5, to - from))}" height="${ROW - 6}" class="bar ${isTrained ? "trained" : "baseline"}"/>`,
      );
    }
    if (interval.every(isNumber)) parts.push(line(x(interval[0]), middle, x(interval[1]), middle, "whisker"));
    return `${parts.join("")}</g>`;
  });
  return svg(WIDTH, height, title, [...grid, ...body].join(""));
}

export interface ShareRow {
  readonly label: string;
  /** One share a model, in the order of the plot's models. */
  readonly shares: readonly number[];
  readonly isTrained: boolean;
}

/** One stacked bar a router; segment `i` has class `m<i>`. */
export function sharePlot(title: string, rows: readonly ShareRow[], models: readonly string[]): string {
  const x = linearScale(0, 1, LABELS, WIDTH);
  const body = rows.map(({ label, shares, isTrained }, index) => {
    const y = index * ROW;
    let start = 0;
    const segments = shares.map((share, which) => {
      const from = start;
      start += share;
      if (share === 0) return "";
      const tooltip = `${label}: ${shown(100 * share)}% ${models[which]}`;
      return `<rect x="${pixel(x(from))}" y="${y + 3}" width="${pixel(x(start) - x(from))}" height="${ROW - 5}" class="share m${which}"><title>${escapeHtml(tooltip)}</title></rect>`;
    });
    return rowLabel(label, y, isTrained) + segments.join("");
  });
  return svg(WIDTH, rows.length * ROW + 4, title, body.join(""));
}
