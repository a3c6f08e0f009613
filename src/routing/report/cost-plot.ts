/** Quality against cost: a point a router, labels placed so that they do not cover each other. */
import { clipped, escapeHtml, line, linearScale, pixel, shown, svg, text } from "./svg.ts";

const WIDTH = 940;
const HEIGHT = 380;
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 20, 26, 46];
const CHARACTER = 6.9;
const LINE = 14;

export interface CostPoint {
  readonly label: string;
  readonly cost: number;
  readonly quality: number;
  readonly isTrained: boolean;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
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
  );
  const body = points.map((point, index) => draw(point, spots[index]!, labels[index]!, unit));
  return svg(WIDTH, HEIGHT, "Mean normalised score against cost", [...axes, ...body].join(""));
}

function draw(
  { label, cost, quality, isTrained }: CostPoint,
  spot: { readonly x: number; readonly y: number },
  box: Box,
  unit: string,
): string {
  const kind = isTrained ? "trained" : "baseline";
  const isLeft = box.right < spot.x;
  const isBelow = box.top > spot.y;
  const isApart = isBelow || box.bottom < spot.y;
  const leader = isApart
    ? line(spot.x, spot.y, nearest(spot.x, box), isBelow ? box.top + 2 : box.bottom, "grid")
    : "";
  return [
    `<g><title>${escapeHtml(`${label}: ${shown(quality)} at ${cost.toPrecision(3)} ${unit}`)}</title>`,
    leader,
    `<circle cx="${pixel(spot.x)}" cy="${pixel(spot.y)}" r="5" class="dot ${kind}"/>`,
    text(
      isLeft ? box.right : box.left,
      box.bottom - 3,
      clipped(label, 32),
      `class="label small ${kind}"${isLeft ? ' text-anchor="end"' : ""}`,
    ),
    "</g>",
  ].join("");
}

const nearest = (x: number, { left, right }: Box): number => Math.min(right, Math.max(left, x));

/** Greedy: each label takes the free place nearest to its point, tried right, left, then ever further up and down. */
function placeLabels(
  spots: readonly { readonly x: number; readonly y: number }[],
  labels: readonly string[],
): Box[] {
  const taken: Box[] = spots.map((spot) => around(spot.x, spot.y, 6));
  return spots.map((spot, index) => {
    const width = labels[index]!.length * CHARACTER;
    const places = [0, -1, 1, -2, 2, -3, 3, -4, 4].flatMap((lines) => {
      const top = spot.y - LINE / 2 + lines * LINE;
      return [spot.x + 9, spot.x - 9 - width].map((left) => ({
        left,
        right: left + width,
        top,
        bottom: top + LINE,
      }));
    });
    const fits = (box: Box): boolean =>
      box.left >= LEFT && box.right <= WIDTH && box.top >= 14 && box.bottom <= HEIGHT - BOTTOM + 4;
    const place =
      places.find((box) => fits(box) && !taken.some((other) => overlaps(box, other))) ?? places[0]!;
    taken.push(place);
    return place;
  });
}

const around = (x: number, y: number, radius: number): Box => ({
  left: x - radius,
  right: x + radius,
  top: y - radius,
  bottom: y + radius,
});

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
