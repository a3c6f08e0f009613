/** Quality against cost: a point a router, labels placed so that they do not cover each other. */

import { clipped, escapeHtml, line, linearScale, pixel, shown, svg, text } from "../../plots/svg.ts";
import { type Box, placedLabel, placeLabels, type Spot } from "./label-placement.ts";

const WIDTH = 940;
const HEIGHT = 380;
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 20, 26, 46];

export interface CostPoint {
  readonly label: string;
  readonly cost: number;
  readonly quality: number;
  readonly isTrained: boolean;
}

export function costPlot(points: readonly CostPoint[], unit: string): string {
  const costs = points.map(({ cost }) => cost);
  const qualities = points.map(({ quality }) => quality);
  const [low, high] = [Math.min(0, ...qualities), Math.max(0, ...qualities)];
  const margin = (high - low || 1) * 0.08;
  const x = linearScale(0, Math.max(...costs) * 1.08 || 1, LEFT, WIDTH - RIGHT);
  const y = linearScale(low - margin, high + margin, HEIGHT - BOTTOM, TOP);
  const axes = [
    ...y.ticks.map(
      (tick) =>
        line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid") +
        text(LEFT - 8, y(tick) + 4, shown(tick, 0), 'class="tick" text-anchor="end"'),
    ),
    ...x.ticks.map((tick) =>
      text(x(tick), HEIGHT - BOTTOM + 18, String(tick), 'class="tick" text-anchor="middle"'),
    ),
    text((LEFT + WIDTH) / 2, HEIGHT - 6, unit, 'class="tick" text-anchor="middle"'),
    text(0, 11, "mean normalised score", 'class="tick"'),
  ];
  const spots = points.map(({ cost, quality }) => ({ x: x(cost), y: y(quality) }));
  const labels = placeLabels(
    spots,
    points.map(({ label }) => clipped(label, 32)),
    { left: LEFT, right: WIDTH, top: 14, bottom: HEIGHT - BOTTOM + 4 },
  );
  const body = points.map((point, index) => draw(point, spots[index]!, labels[index]!, unit));
  return svg(WIDTH, HEIGHT, "Mean normalised score against cost", [...axes, ...body].join(""));
}

function draw({ label, cost, quality, isTrained }: CostPoint, spot: Spot, box: Box, unit: string): string {
  const kind = isTrained ? "trained" : "baseline";
  return [
    `<g><title>${escapeHtml(`${label}: ${shown(quality)} at ${cost.toPrecision(3)} ${unit}`)}</title>`,
    `<circle cx="${pixel(spot.x)}" cy="${pixel(spot.y)}" r="5" class="dot ${kind}"/>`,
    placedLabel(clipped(label, 32), spot, box, `label small ${kind}`),
    "</g>",
  ].join("");
}
