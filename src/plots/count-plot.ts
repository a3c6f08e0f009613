/** Horizontal bars of counts, largest at the top as given. */
import { clipped, escapeHtml, linearScale, pixel, svg, text } from "./svg.ts";

export interface CountBar {
  readonly label: string;
  readonly count: number;
}

const ROW = 18;
const WIDTH = 944;
const LABELS = 240;
const VALUES = 52;
const LABEL_CHARACTERS = 31;

export function countPlot(title: string, bars: readonly CountBar[]): string {
  const x = linearScale(0, Math.max(1, ...bars.map(({ count }) => count)), LABELS, WIDTH - VALUES);
  const body = bars.map(({ label, count }, index) => {
    const y = index * ROW;
    return [
      `<g><title>${escapeHtml(`${label}: ${count}`)}</title>`,
      text(LABELS - 10, y + 13, clipped(label, LABEL_CHARACTERS), 'text-anchor="end" class="label small"'),
      `<rect x="${LABELS}" y="${pixel(y + 3)}" width="${pixel(Math.max(0.5, x(count) - LABELS))}" height="${ROW - 6}" class="bar trained"/>`,
      text(WIDTH, y + 13, String(count), 'text-anchor="end" class="value small"'),
      "</g>",
    ].join("");
  });
  return svg(WIDTH, bars.length * ROW + 4, title, body.join(""));
}
