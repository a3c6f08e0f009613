/** Loss and validation score by training step. */
import {
  escapeHtml,
  isNumber,
  type LinearScale,
  line,
  linearScale,
  pixel,
  shown,
  svg,
  text,
} from "../../plots/svg.ts";

const WIDTH = 456;
const [LEFT, RIGHT] = [46, 12];
const LOSS_PANEL = { top: 22, bottom: 178 };
const VALIDATION_PANEL = { top: 218, bottom: 290 };
const FOOT = 38;
/** More points than pixels only make the page heavy. */
const MAX_POINTS = 400;

export interface TrainingStep {
  readonly step: number;
  readonly loss: number;
  readonly validation?: number;
}

export interface TrainingCurve {
  readonly name: string;
  readonly steps: readonly TrainingStep[];
}

interface Point {
  readonly step: number;
  readonly value: number;
}

/** Loss of every step faint, its moving mean strong; validation scores in a panel of their own. */
export function trainingPlot({ name, steps }: TrainingCurve): string {
  const losses = steps.filter(({ loss }) => isNumber(loss)).map(({ step, loss }) => ({ step, value: loss }));
  if (losses.length === 0) return '<p class="soft">No losses were recorded.</p>';
  const validations = steps.flatMap(({ step, validation }) =>
    isNumber(validation) ? [{ step, value: validation }] : [],
  );
  const x = linearScale(losses[0]!.step, losses.at(-1)!.step, LEFT, WIDTH - RIGHT);
  const y = panelScale(losses, LOSS_PANEL);
  const body = [
    panel(y, "loss", LOSS_PANEL.top),
    path(thinned(losses), x, y, "curve faint"),
    path(thinned(movingMean(losses)), x, y, "curve"),
  ];
  let floor = LOSS_PANEL.bottom;
  if (validations.length > 0) {
    floor = VALIDATION_PANEL.bottom;
    body.push(validationPanel(validations, x));
  }
  body.push(
    ...x.ticks.map((tick) => text(x(tick), floor + 17, String(tick), 'class="tick" text-anchor="middle"')),
    text((LEFT + WIDTH - RIGHT) / 2, floor + FOOT - 4, "step", 'class="tick" text-anchor="middle"'),
  );
  return svg(WIDTH, floor + FOOT, `Training of ${name}: loss and validation by step`, body.join(""));
}

function validationPanel(points: readonly Point[], x: LinearScale): string {
  const y = panelScale(points, VALIDATION_PANEL);
  const dots = points.map(
    ({ step, value }) =>
      `<circle cx="${pixel(x(step))}" cy="${pixel(y(value))}" r="3.5" class="dot trained"><title>${escapeHtml(`step ${step}: validation ${shown(value, 3)}`)}</title></circle>`,
  );
  return panel(y, "validation", VALIDATION_PANEL.top) + path(points, x, y, "curve thin") + dots.join("");
}

function panelScale(points: readonly Point[], { top, bottom }: typeof LOSS_PANEL): LinearScale {
  const values = points.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || 1) * 0.05;
  return linearScale(low - margin, high + margin, bottom, top);
}

const panel = (y: LinearScale, label: string, top: number): string =>
  [
    ...y.ticks.map(
      (tick) =>
        line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid") +
        text(LEFT - 7, y(tick) + 4, String(tick), 'class="tick" text-anchor="end"'),
    ),
    text(0, top - 9, label, 'class="tick"'),
  ].join("");

function path(points: readonly Point[], x: LinearScale, y: LinearScale, className: string): string {
  const moves = points.map(
    ({ step, value }, index) => `${index === 0 ? "M" : "L"}${pixel(x(step))} ${pixel(y(value))}`,
  );
  return `<path d="${moves.join("")}" class="${className}"/>`;
}

/** Mean over a centred window of a twentieth of the run. */
function movingMean(points: readonly Point[]): Point[] {
  const reach = Math.max(1, Math.round(points.length / 40));
  const sums = [0];
  for (const { value } of points) sums.push(sums.at(-1)! + value);
  return points.map(({ step }, index) => {
    const [from, to] = [Math.max(0, index - reach), Math.min(points.length, index + reach + 1)];
    return { step, value: (sums[to]! - sums[from]!) / (to - from) };
  });
}

function thinned(points: readonly Point[]): readonly Point[] {
  const stride = Math.ceil(points.length / MAX_POINTS);
  return stride <= 1
    ? points
    : points.filter((_, index) => index % stride === 0 || index === points.length - 1);
}
