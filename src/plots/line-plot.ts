/** Lines over one pair of axes, such as a loss over the steps of training. */
import { escapeHtml, line, linearScale, pixel, shown, svg, text } from "./svg.ts";

export interface LineSeries {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineAxes {
  readonly x: string;
  readonly y: string;
}

const WIDTH = 456;
const HEIGHT = 200;
const LEFT = 52;
const RIGHT = 8;
const TOP = 22;
const BOTTOM = 40;

/** Digits after the point that a tick needs. */
const decimals = (tick: number): number => String(tick).split(".")[1]?.length ?? 0;

/** Series `i` has the class `s<i>`. Points that are no numbers are left out. */
export function linePlot(title: string, series: readonly LineSeries[], axes: LineAxes): string {
  const clean = series.map(({ label, points }) => ({
    label,
    points: points.filter((point) => point.every(Number.isFinite)),
  }));
  const all = clean.flatMap(({ points }) => points);
  const range = (of: (point: readonly [number, number]) => number): [number, number] => {
    const values = all.map(of);
    return values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
  };
  const x = linearScale(...range(([first]) => first), LEFT, WIDTH - RIGHT);
  const y = linearScale(...range(([, second]) => second), HEIGHT - BOTTOM, TOP);
  const grid = [
    ...y.ticks.map(
      (tick) =>
        line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid") +
        text(LEFT - 6, y(tick) + 4, shown(tick, decimals(tick)), 'class="tick" text-anchor="end"'),
    ),
    ...x.ticks.map((tick) =>
      text(x(tick), HEIGHT - BOTTOM + 16, shown(tick, decimals(tick)), 'class="tick" text-anchor="middle"'),
    ),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, axes.x, 'class="tick" text-anchor="middle"'),
    text(LEFT, TOP - 9, axes.y, 'class="tick"'),
  ];
  const lines = clean.map(({ label, points }, which) => {
    const path = points.map(([px, py]) => `${pixel(x(px))},${pixel(y(py))}`).join(" ");
    return `<polyline points="${path}" class="cost-curve s${which}"><title>${escapeHtml(label)}</title></polyline>`;
  });
  return svg(WIDTH, HEIGHT, title, [...grid, ...lines].join(""));
}
