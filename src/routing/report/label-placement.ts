/** Labels of points in a plot, placed so that they do not cover each other. */
import { line, text } from "../../plots/svg.ts";

export interface Spot {
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const CHARACTER = 6.9;
const LINE = 14;
const POINT_RADIUS = 6;

/**
 * Greedy: each label takes the free place nearest to its point, tried right, left, then ever further up and down.
 *
 * @param within labels stay inside
 * @param obstacles what labels must not cover besides the points
 */
export function placeLabels(
  spots: readonly Spot[],
  labels: readonly string[],
  within: Box,
  obstacles: readonly Spot[] = [],
): Box[] {
  const taken: Box[] = [
    ...spots.map((spot) => around(spot, POINT_RADIUS)),
    ...obstacles.map((spot) => around(spot, 1)),
  ];
  return spots.map((spot, index) => {
    const width = labels[index]!.length * CHARACTER;
    const places = [0, -1, 1, -2, 2, -3, 3, -4, 4].flatMap((lines) => {
      const top = spot.y - LINE / 2 + lines * LINE;
      return [spot.x + 9, spot.x - 9 - width, spot.x - width / 2]
        .filter((_, side) => side < 2 || lines !== 0)
        .map((left) => ({ left, right: left + width, top, bottom: top + LINE }));
    });
    const fits = (box: Box): boolean =>
      box.left >= within.left &&
      box.right <= within.right &&
      box.top >= within.top &&
      box.bottom <= within.bottom;
    const place =
      places.find((box) => fits(box) && !taken.some((other) => overlaps(box, other))) ??
      places.find(fits) ??
      places[0]!;
    taken.push(place);
    return place;
  });
}

/** The label in its box, with a thin line to the point when it stands above or below it. */
export function placedLabel(label: string, spot: Spot, box: Box, className: string): string {
  const isLeft = box.right < spot.x;
  const isBelow = box.top > spot.y;
  const isApart = isBelow || box.bottom < spot.y;
  const nearest = Math.min(box.right, Math.max(box.left, spot.x));
  const leader = isApart ? line(spot.x, spot.y, nearest, isBelow ? box.top + 2 : box.bottom, "grid") : "";
  return (
    leader +
    text(
      isLeft ? box.right : box.left,
      box.bottom - 3,
      label,
      `class="${className}"${isLeft ? ' text-anchor="end"' : ""}`,
    )
  );
}

const around = ({ x, y }: Spot, radius: number): Box => ({
  left: x - radius,
  right: x + radius,
  top: y - radius,
  bottom: y + radius,
});

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
