/** Bars: normalised score per router with intervals, and routing shares stacked to 100 %. */
import { clipped, escapeHtml, line, linearScale, pixel, svg, text } from "./svg.ts";

const ROW = 18;
const WIDTH = 420;
const LABELS = 150;

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly interval: readonly [number, number];
  readonly isTrained: boolean;
}

/** Horizontal bars from zero. */
export function barPlot(title: string, bars: readonly Bar[]): string {
  const values = bars.flatMap(({ value, interval }) => [value, ...interval]).filter(Number.isFinite);
  const x = linearScale(Math.min(0, ...values), Math.max(0, ...values), LABELS, WIDTH - 40);
  const height = bars.length * ROW + 24;
  const grid = x.ticks.map(
    (tick) =>
      line(x(tick), 0, x(tick), height - 20, "grid") +
      text(x(tick), height - 6, String(tick), 'class="tick" text-anchor="middle"'),
  );
  const body = bars.map(({ label, value, interval, isTrained }, index) => {
    const y = index * ROW;
    const [from, to] = [x(Math.min(0, value)), x(Math.max(0, value))];
    const kind = isTrained ? "trained" : "baseline";
    return [
      `<g><title>${escapeHtml(`${label}: ${value.toFixed(1)} [${interval[0].toFixed(1)}, ${interval[1].toFixed(1)}]`)}</title>`,
      text(LABELS - 8, y + 13, clipped(label, 22), `text-anchor="end" class="label small ${kind}"`),
      `<rect x="${pixel(from)}" y="${pixel(y + 3)}" width="${pixel(Math.max(0.5, to - from))}" height="${ROW - 7}" class="bar ${kind}"/>`,
      line(x(interval[0]), y + ROW / 2, x(interval[1]), y + ROW / 2, "whisker"),
      text(WIDTH - 2, y + 13, value.toFixed(0), 'text-anchor="end" class="value small"'),
      "</g>",
    ].join("");
  });
  return svg(WIDTH, height, title, [...grid, line(x(0), 0, x(0), height - 20, "axis"), ...body].join(""));
}

export interface ShareRow {
  readonly label: string;
  readonly shares: Readonly<Record<string, number>>;
  readonly isTrained: boolean;
}

/** One stacked bar a router; segments in the order of `models`, coloured by class m0, m1, ... */
export function sharePlot(title: string, rows: readonly ShareRow[], models: readonly string[]): string {
  const x = linearScale(0, 1, LABELS, WIDTH - 4);
  const body = rows.map(({ label, shares, isTrained }, index) => {
    const y = index * ROW;
    let start = 0;
    const segments = models.map((model, which) => {
      const share = shares[model] ?? 0;
      const from = start;
      start += share;
      if (share === 0) return "";
      return `<rect x="${pixel(x(from))}" y="${y + 3}" width="${pixel(x(start) - x(from))}" height="${ROW - 5}" class="m${which % 10}"><title>${escapeHtml(`${label}: ${(100 * share).toFixed(1)} % ${model}`)}</title></rect>`;
    });
    const kind = isTrained ? "trained" : "baseline";
    return (
      text(LABELS - 8, y + 13, clipped(label, 22), `text-anchor="end" class="label small ${kind}"`) +
      segments.join("")
    );
  });
  return svg(WIDTH, rows.length * ROW + 4, title, body.join(""));
}
