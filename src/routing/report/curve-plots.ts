/** Lines and points: training curves, and quality against cost. */
import { escapeHtml, line, linearScale, pixel, svg, text } from "./svg.ts";

const WIDTH = 420;
const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 10, 10, 34];

function axes(
  x: ReturnType<typeof linearScale>,
  y: ReturnType<typeof linearScale>,
  xLabel: string,
  yLabel: string,
  width: number,
): string {
  const floor = HEIGHT - BOTTOM;
  return [
    ...x.ticks.map((tick) => text(x(tick), floor + 15, String(tick), 'class="tick" text-anchor="middle"')),
    ...y.ticks.map(
      (tick) =>
        line(LEFT, y(tick), width - RIGHT, y(tick), "grid") +
        text(LEFT - 6, y(tick) + 4, String(tick), 'class="tick" text-anchor="end"'),
    ),
    text((LEFT + width) / 2, HEIGHT - 4, xLabel, 'class="tick" text-anchor="middle"'),
    text(4, TOP + 2, yLabel, 'class="tick"'),
  ].join("");
}

export interface TrainingCurve {
  readonly name: string;
  readonly steps: readonly { readonly step: number; readonly loss: number; readonly validation?: number }[];
}

/** Loss by step: every step faint, a running mean strong; validation scores as labelled dots. */
export function trainingPlot({ name, steps }: TrainingCurve): string {
  if (steps.length === 0) return "";
  const losses = steps.map(({ loss }) => loss);
  const x = linearScale(0, Math.max(1, steps.at(-1)!.step), LEFT, WIDTH - RIGHT);
  const y = linearScale(Math.min(...losses), Math.max(...losses), HEIGHT - BOTTOM, TOP + 12);
  const path = (values: readonly number[]): string =>
    values
      .map((value, index) => `${index === 0 ? "M" : "L"}${pixel(x(steps[index]!.step))} ${pixel(y(value))}`)
      .join("");
  let mean = losses[0]!;
  const smooth = losses.map((loss) => {
    mean += 0.05 * (loss - mean);
    return mean;
  });
  const dots = steps
    .map((step, index) => ({ step, value: smooth[index]! }))
    .filter(({ step }) => step.validation !== undefined)
    .map(
      ({ step, value }) =>
        `<circle cx="${pixel(x(step.step))}" cy="${pixel(y(value))}" r="3.5" class="dot trained"><title>${escapeHtml(`step ${step.step}: validation ${step.validation!.toFixed(3)}`)}</title></circle>`,
    );
  const body = `<path d="${path(losses)}" class="curve faint"/><path d="${path(smooth)}" class="curve"/>${dots.join("")}`;
  return svg(WIDTH, HEIGHT, `Training loss of ${name}`, axes(x, y, "step", "loss", WIDTH) + body);
}

export interface CostPoint {
  readonly label: string;
  readonly cost: number;
  readonly quality: number;
  readonly isTrained: boolean;
}

export function costPlot(points: readonly CostPoint[], unit: string): string {
  const width = 860;
  const x = linearScale(0, Math.max(...points.map(({ cost }) => cost)) * 1.15 || 1, LEFT, width - RIGHT);
  const qualities = points.map(({ quality }) => quality);
  const y = linearScale(Math.min(0, ...qualities), Math.max(...qualities), HEIGHT - BOTTOM, TOP + 12);
  const body = points.map(({ label, cost, quality, isTrained }) => {
    const kind = isTrained ? "trained" : "baseline";
    return `<circle cx="${pixel(x(cost))}" cy="${pixel(y(quality))}" r="5" class="dot ${kind}"><title>${escapeHtml(`${label}: ${quality.toFixed(1)} at ${cost.toPrecision(3)} ${unit}`)}</title></circle>${text(x(cost) + 8, y(quality) + 4, label, `class="label small ${kind}"`)}`;
  });
  return svg(
    width,
    HEIGHT,
    "Quality against cost",
    axes(x, y, unit, "mean normalised score", width) + body.join(""),
  );
}
