/** Reliability diagrams: what was predicted against what came of it. */

import { dataTable, grid, numbersOf, section } from "../../plots/parts.ts";
import { escapeHtml, line, linearScale, pixel, shown, svg, text } from "../../plots/svg.ts";
import type { ReliabilityAnalysis, RouterAnalysis, RouterReliability } from "../evaluation/index.ts";

const SIZE = 456;
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 14, 24, 44];

export function reliabilitySection({ reliability }: RouterAnalysis): string {
  const routers = shownRouters(reliability ?? {});
  if (routers.length === 0) return "";
  const cells = routers.map(({ name, kind, own }) => ({
    heading: `${escapeHtml(name)} <span class="soft">${kind}</span>`,
    plot: diagram(`${name}, ${kind}`, own),
  }));
  const scores = dataTable({
    heads: [
      "router",
      "ECE",
      "ECE, equal width",
      "Brier score",
      "miscalibration",
      "resolution",
      "uncertainty",
      "log loss",
    ],
    rows: routers.map(({ name, kind, own }) => [
      `${name}, ${kind}`,
      ...[
        own.eceEqualMass,
        own.eceEqualWidth,
        own.brier,
        own.brierReliability,
        own.brierResolution,
        own.brierUncertainty,
        own.logLoss,
      ].map((value) => shown(value, 3)),
    ]),
  });
  const bins = {
    heads: ["router and range predicted", "predicted", "observed", "95% interval", "pairs"],
    rows: routers.flatMap(({ name, kind, own }) =>
      own.bins.map(({ low, high, predicted, observed, interval, count }) => [
        `${name}, ${kind}: ${shown(low, 2)} to ${shown(high, 2)}`,
        shown(predicted, 3),
        shown(observed, 3),
        `[${shown(interval[0], 3)}, ${shown(interval[1], 3)}]`,
        String(count),
      ]),
    ),
  };
  return section(
    "Can its probabilities be believed?",
    "Expected quality of an answer against what answers with that expectation were worth, over every prompt and model, in ten bins of equal size with 95% intervals. On the diagonal the router is right on average; above it, answers are better than it expects. ECE is the mean distance from the diagonal. A router that is calibrated serves with the corrected expectations; what it expected before is shown beside them where it expects qualities by itself.",
    grid(cells) + numbersOf(bins) + scores,
  );
}

interface ShownRouter {
  readonly name: string;
  readonly kind: "calibrated" | "not calibrated" | "before calibration";
  readonly own: ReliabilityAnalysis;
}

/** Routers with a diagram from before calibration come first, so that the two stand side by side. */
function shownRouters(reliability: Readonly<Record<string, RouterReliability>>): ShownRouter[] {
  const pairs: ShownRouter[] = [];
  const others: ShownRouter[] = [];
  for (const [name, own] of Object.entries(reliability)) {
    const now: ShownRouter = { name, kind: own.isCalibrated ? "calibrated" : "not calibrated", own };
    if (own.raw === undefined) others.push(now);
    else pairs.push(now, { name, kind: "before calibration", own: own.raw });
  }
  return [...pairs, ...others];
}

function diagram(name: string, { bins, eceEqualMass, pairs }: ReliabilityAnalysis): string {
  const x = linearScale(0, 1, LEFT, SIZE - RIGHT);
  const y = linearScale(0, 1, SIZE - BOTTOM, TOP);
  const axes = x.ticks.map(
    (tick) =>
      line(LEFT, y(tick), SIZE - RIGHT, y(tick), "grid") +
      text(LEFT - 8, y(tick) + 4, shown(tick, 1), 'class="tick" text-anchor="end"') +
      text(x(tick), SIZE - BOTTOM + 18, shown(tick, 1), 'class="tick" text-anchor="middle"'),
  );
  const points = bins.map(({ predicted, observed, interval, count }) => {
    const at = x(predicted);
    const tooltip = `predicted ${shown(predicted, 2)}, observed ${shown(observed, 2)} [${shown(interval[0], 2)}, ${shown(interval[1], 2)}], ${count} answers`;
    return `<g><title>${escapeHtml(tooltip)}</title>${line(at, y(interval[0]), at, y(interval[1]), "range trained")}<circle cx="${pixel(at)}" cy="${pixel(y(observed))}" r="4.5" class="dot trained"/></g>`;
  });
  const path = bins.map(
    ({ predicted, observed }, index) =>
      `${index === 0 ? "M" : "L"}${pixel(x(predicted))} ${pixel(y(observed))}`,
  );
  const body = [
    ...axes,
    line(x(0), y(0), x(1), y(1), "reference"),
    `<path d="${path.join("")}" class="curve thin"/>`,
    ...points,
    text((LEFT + SIZE) / 2, SIZE - 8, "predicted quality", 'class="tick" text-anchor="middle"'),
    text(0, 11, "observed quality", 'class="tick"'),
  ];
  const summary = `Reliability of ${name}: expected calibration error ${shown(eceEqualMass, 3)} over ${pairs} pairs of prompt and model`;
  return svg(SIZE, SIZE, summary, body.join(""));
}
