/** Histograms of several series over one axis, as outlines that may lie over each other. */
import { escapeHtml, line, linearScale, pixel, shown, svg, text } from "./svg.ts";

export interface HistogramSeries {
  readonly label: string;
  /** Values in each bin; all series have the same bins. */
  readonly counts: readonly number[];
}

const WIDTH = 456;
const HEIGHT = 190;
const LEFT = 44;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 40;

/** Digits after the point that ticks of this distance need. */
const decimals = (tick: number): number => String(tick).split(".")[1]?.length ?? 0;

/**
 * Share of each series in every bin, in percent; series `i` has the class `m<i>`.
 *
 * @param range from the start of the first bin to the end of the last
 */
export function histogramPlot(
  title: string,
  series: readonly HistogramSeries[],
  range: readonly [number, number],
  axis: string,
): string {
  const shares = series.map(({ counts }) => {
    const total = counts.reduce((sum, count) => sum + count, 0) || 1;
    return counts.map((count) => (100 * count) / total);
  });
  const x = linearScale(range[0], range[1], LEFT, WIDTH - RIGHT);
  const y = linearScale(0, Math.max(1, ...shares.flat()), HEIGHT - BOTTOM, TOP);
  const grid = [
    ...y.ticks.map(
      (tick) =>
        line(LEFT, y(tick), WIDTH - RIGHT, y(tick), tick === 0 ? "axis" : "grid") +
        text(LEFT - 6, y(tick) + 4, `${shown(tick, decimals(tick))}%`, 'class="tick" text-anchor="end"'),
    ),
    ...x.ticks.map((tick) =>
      text(x(tick), HEIGHT - BOTTOM + 16, shown(tick, decimals(tick)), 'class="tick" text-anchor="middle"'),
    ),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, axis, 'class="tick" text-anchor="middle"'),
  ];
  const bodies = series.map(({ label, counts }, which) => {
    const width = (range[1] - range[0]) / counts.length;
    const bars = counts.map((count, bin) => {
      if (count === 0) return "";
      const [left, right] = [x(range[0] + bin * width), x(range[0] + (bin + 1) * width)];
      const top = y(shares[which]![bin]!);
      const from = Number((range[0] + bin * width).toPrecision(4));
      const to = Number((range[0] + (bin + 1) * width).toPrecision(4));
      const tooltip = `${label}: ${count} from ${from} to ${to}`;
      return `<rect x="${pixel(left)}" y="${pixel(top)}" width="${pixel(Math.max(0.5, right - left - 1))}" height="${pixel(HEIGHT - BOTTOM - top)}" class="m${which}" opacity="${series.length > 1 ? 0.55 : 0.85}"><title>${escapeHtml(tooltip)}</title></rect>`;
    });
    return bars.join("");
  });
  return svg(WIDTH, HEIGHT, title, [...grid, ...bodies].join(""));
}
