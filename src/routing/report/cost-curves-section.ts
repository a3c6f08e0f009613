/** Quality against dollars: curves of routers, the single models, and the hull that needs no router. */

import { type DataTable, dataTable, figure, legend, section } from "../../plots/parts.ts";
import {
  clipped,
  dollars,
  escapeHtml,
  type LinearScale,
  line,
  linearScale,
  logScale,
  pixel,
  shown,
  signed,
  svg,
  text,
} from "../../plots/svg.ts";
import type { CostAnalysis, CurveBasis, OperatingPoint, RouterAnalysis } from "../evaluation/index.ts";
import { placedLabel, placeLabels } from "./label-placement.ts";
import type { View } from "./view.ts";

const WIDTH = 940;
const HEIGHT = 500;
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 20, 30, 48];
/** Lines that one can still tell apart. */
const MAX_CURVES = 5;
/** Prices further apart than this are drawn on a logarithmic axis. */
const LOG_RATIO = 12;
const LABEL_CHARACTERS = 30;

export function costCurvesSection(view: View, analysis: RouterAnalysis): string {
  const { costs, served, bestSingle } = analysis;
  if (costs === undefined) return "";
  const named = drawnCurves(view, costs, served);
  const marks = [
    ...named.map((label, index) => ({ mark: `m${index}`, label })),
    { mark: "hull-mark", label: "single models and their hull: what needs no router" },
  ];
  const oracle = `An oracle would reach ${shown(costs.oracle.quality)} at ${dollars(costs.oracle.cost)}.`;
  return section(
    "What does quality cost?",
    `Each curve is one router as a dollar weighs more and more in its choice, from quality alone (right) to the cheapest model (left). Large dots are the routers as they serve without a policy, which is by score; where expected quality alone would choose otherwise, a curve does not end in its dot. A curve earns its keep where it lies above the dashed hull. ${oracle} ${provenance(costs)} ${weighing(costs)}`,
    legend(marks) +
      figure(costCurvesPlot(costs, named)) +
      dataTable(curveTable(costs, bestSingle.model)) +
      pairTable(analysis),
  );
}

/** The served router first, then the other trained ones, then by AIQ. */
function drawnCurves({ trained }: View, { curves }: CostAnalysis, served: string): string[] {
  const rank = (name: string): number => (name === served ? 2 : trained.has(name) ? 1 : 0);
  return Object.keys(curves)
    .sort((a, b) => rank(b) - rank(a) || curves[b]!.aiq - curves[a]!.aiq)
    .slice(0, MAX_CURVES);
}

function provenance({ source, estimatedShare }: CostAnalysis): string {
  if (source === "recorded") return "Costs are the dollars recorded with the answers.";
  if (estimatedShare === 0) return "Costs are recorded tokens at the prices of the pool file.";
  const share = estimatedShare > 0.995 ? "all" : `${shown(100 * estimatedShare, 0)}%`;
  return `Costs are tokens at the prices of the pool file; ${share} of the token counts are estimated from the length of the text.`;
}

/** What the curves weigh against what; evaluations of earlier versions do not tell. */
function weighing({ curves, expectedLengths }: CostAnalysis): string {
  const named = (basis: CurveBasis): string[] =>
    Object.keys(curves).filter((name) => curves[name]!.basis === basis);
  const [calibrated, expected, scores] = [named("calibrated"), named("expected"), named("scores")];
  const clauses = [
    ...(calibrated.length > 0 ? ["calibrated quality"] : []),
    ...(expected.length > 0 ? [`quality that was not calibrated for ${expected.join(", ")}`] : []),
    ...(scores.length > 0 ? [`bare scores for ${scores.join(", ")}`] : []),
  ];
  const lengths =
    expectedLengths === "predicted"
      ? "Before an answer, the same predicted lengths are expected whichever router chooses."
      : expectedLengths === "assumed"
        ? "Before an answer, the same length is assumed of every model."
        : "";
  return clauses.length === 0 ? lengths : `What is weighed: ${clauses.join("; ")}. ${lengths}`;
}

function costCurvesPlot(costs: CostAnalysis, named: readonly string[]): string {
  const models = Object.entries(costs.models);
  const curves = named.map((name) => costs.curves[name]!.points);
  const served = named.flatMap((name) => (costs.routers[name] ? [costs.routers[name]] : []));
  const all: OperatingPoint[] = [...models.map(([, point]) => point), ...curves.flat(), ...served];
  const { x, y } = scales(all);
  const at = (point: OperatingPoint) => ({ x: x(point.cost), y: y(point.quality) });
  const spots = models.map(([, point]) => at(point));
  const labels = models.map(([name]) => clipped(name, LABEL_CHARACTERS));
  const obstacles = [...curves.flat(), ...served].map(at);
  const boxes = placeLabels(
    spots,
    labels,
    { left: LEFT, right: WIDTH, top: 16, bottom: HEIGHT - BOTTOM },
    obstacles,
  );
  const end = { cost: costs.aiqRange.high, quality: costs.zeroRouter.at(-1)!.quality };
  const body = [
    ...axes(x, y),
    polyline([...costs.zeroRouter, end], x, y, "hull"),
    ...curves.map((points, index) => polyline(points, x, y, `cost-curve s${index}`)),
    ...models.map(([name, point], index) => {
      const spot = spots[index]!;
      const tooltip = `${name} alone: ${shown(point.quality)} at ${dollars(point.cost)}`;
      return `<g><title>${escapeHtml(tooltip)}</title><circle cx="${pixel(spot.x)}" cy="${pixel(spot.y)}" r="4.5" class="dot baseline"/>${placedLabel(labels[index]!, spot, boxes[index]!, "label small")}</g>`;
    }),
    ...named.map((name, index) => {
      const point = costs.routers[name];
      if (point === undefined) return "";
      const tooltip = `${name} as it serves: ${shown(point.quality)} at ${dollars(point.cost)}`;
      return `<circle cx="${pixel(x(point.cost))}" cy="${pixel(y(point.quality))}" r="6.5" class="dot m${index}"><title>${escapeHtml(tooltip)}</title></circle>`;
    }),
  ];
  const summary = named
    .map((name) => {
      const points = costs.curves[name]!.points;
      return `${name} goes from ${shown(points[0]!.quality)} at ${dollars(points[0]!.cost)} to ${shown(points.at(-1)!.quality)} at ${dollars(points.at(-1)!.cost)}`;
    })
    .join("; ");
  return svg(WIDTH, HEIGHT, `Quality against dollars for a thousand prompts. ${summary}.`, body.join(""));
}

function scales(points: readonly OperatingPoint[]): { x: LinearScale; y: LinearScale } {
  const costs = points.map(({ cost }) => cost);
  const qualities = points.map(({ quality }) => quality);
  const [cheapest, dearest] = [Math.min(...costs), Math.max(...costs)];
  const [low, high] = [Math.min(...qualities), Math.max(...qualities)];
  const margin = (high - low || 1) * 0.08;
  const isLog = cheapest > 0 && dearest / cheapest > LOG_RATIO;
  return {
    x: isLog
      ? logScale(cheapest / 1.2, dearest * 1.15, LEFT, WIDTH - RIGHT)
      : linearScale(0, dearest * 1.08 || 1, LEFT, WIDTH - RIGHT),
    y: linearScale(low - margin, high + margin, HEIGHT - BOTTOM, TOP),
  };
}

const axes = (x: LinearScale, y: LinearScale): string[] => [
  ...y.ticks.map(
    (tick) =>
      line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid") +
      text(LEFT - 8, y(tick) + 4, String(tick), 'class="tick" text-anchor="end"'),
  ),
  ...x.ticks.map((tick) =>
    text(x(tick), HEIGHT - BOTTOM + 18, `$${tick}`, 'class="tick" text-anchor="middle"'),
  ),
  text((LEFT + WIDTH) / 2, HEIGHT - 6, "US dollars for 1,000 prompts", 'class="tick" text-anchor="middle"'),
  text(0, 11, "quality, 0 to 100", 'class="tick"'),
];

/** What lies between two points is reached by mixing them, which is straight in dollars but not on a logarithmic axis. */
const PARTS = 24;

const mixed = (points: readonly OperatingPoint[]): OperatingPoint[] =>
  points.flatMap((to, index) => {
    const from = points[index - 1];
    if (from === undefined) return [to];
    const parts = Math.abs(Math.log(to.cost / from.cost)) > 0.1 ? PARTS : 1;
    return Array.from({ length: parts }, (_, part) => {
      const share = (part + 1) / parts;
      return {
        cost: from.cost + share * (to.cost - from.cost),
        quality: from.quality + share * (to.quality - from.quality),
      };
    });
  });

function polyline(points: readonly OperatingPoint[], x: LinearScale, y: LinearScale, kind: string): string {
  const moves = mixed(points).map(
    ({ cost, quality }, index) => `${index === 0 ? "M" : "L"}${pixel(x(cost))} ${pixel(y(quality))}`,
  );
  return `<path d="${moves.join("")}" class="${kind}"/>`;
}

function curveTable(costs: CostAnalysis, single: string): DataTable {
  const { low, high } = costs.aiqRange;
  const singleCost = costs.models[single]?.cost;
  const relative = (cost: number | undefined): string =>
    cost === undefined || !singleCost ? "–" : `${signed(100 * (cost / singleCost - 1), 0)}%`;
  const curves = Object.entries(costs.curves).sort(([, a], [, b]) => b.aiq - a.aiq);
  return {
    heads: [
      "router or model",
      "quality",
      "$ for 1,000",
      "cost against best single",
      `AIQ, ${dollars(low)} to ${dollars(high)}`,
      "PerfGain",
      "CostSave",
      "ParetoDist",
      "arena score",
    ],
    rows: [
      ...curves.map(([name, { aiq, performanceGain, costSaving, paretoDistance }]) => {
        const own = costs.routers[name];
        return [
          name,
          shown(own?.quality),
          own ? dollars(own.cost) : "–",
          relative(own?.cost),
          shown(aiq),
          `${signed(100 * performanceGain)}%`,
          costSaving === undefined ? "never as good" : `${shown(100 * costSaving, 0)}%`,
          paretoDistance.toFixed(3),
          own ? shown(100 * own.arenaScore) : "–",
        ];
      }),
      ["zero router (hull of the models)", "–", "–", "–", shown(costs.zeroRouterAiq), "–", "–", "–", "–"],
      ...Object.entries(costs.models).map(([name, point]) => [
        `${name} alone`,
        shown(point.quality),
        dollars(point.cost),
        relative(point.cost),
        "–",
        "–",
        "–",
        "–",
        "–",
      ]),
      [
        "oracle",
        shown(costs.oracle.quality),
        dollars(costs.oracle.cost),
        relative(costs.oracle.cost),
        "–",
        "–",
        "–",
        "–",
        "–",
      ],
    ],
  };
}

/** RouteLLM's measures, where two models are routed between. */
function pairTable({ pair }: RouterAnalysis): string {
  if (pair === undefined) return "";
  const percent = (share: number | undefined): string =>
    share === undefined ? "never" : `${shown(100 * share)}%`;
  const rows = Object.entries(pair.routers)
    .sort(([, a], [, b]) => b.apgr - a.apgr)
    .map(
      ([name, { apgr, cpt50, cpt80 }]) =>
        `<tr><th scope="row">${escapeHtml(name)}</th><td>${shown(apgr, 3)}</td><td>${percent(cpt50)}</td><td>${percent(cpt80)}</td></tr>`,
    );
  return `<h3>${escapeHtml(`Between ${pair.strong} (${shown(pair.strongQuality)}) and ${pair.weak} (${shown(pair.weakQuality)})`)}</h3><p class="soft">APGR: area under the recovered share of the gap as more prompts go to the stronger model; random routing has 0.5. CPT(x): share of prompts that must go there to recover x of the gap.</p><div class="scroll"><table><thead><tr><th scope="col">router</th><th scope="col">APGR</th><th scope="col">CPT(50%)</th><th scope="col">CPT(80%)</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}
