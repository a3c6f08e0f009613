/** The evaluation as text for a terminal. */
import { alignRows } from "../../support/align-rows.ts";
import type { RouterCost } from "./cost-analysis.ts";
import type { ReliabilityAnalysis } from "./reliability-analysis.ts";
import type { Interval, RouterAnalysis, RouterEvaluation } from "./types.ts";

const number = (value: number): string => value.toFixed(1);
const interval = ([low, high]: Interval): string => `[${number(low)}, ${number(high)}]`;

/**
 * Normalised score per benchmark (native score in a second block), mean with its interval, best router first,
 * then every requested difference, and where there is an analysis, what the served router brings over the best single
 * model.
 */
export function formatEvaluationTable(evaluation: RouterEvaluation): string {
  const benchmarks = Object.keys(evaluation.benchmarks);
  const routers = Object.keys(evaluation.mean).sort(
    (a, b) => evaluation.mean[b]!.normalised - evaluation.mean[a]!.normalised,
  );
  const sizes = benchmarks.map((benchmark) => `n=${evaluation.benchmarks[benchmark]!.n}`);
  const block = (kind: "normalised" | "native"): string[][] => [
    [kind, ...benchmarks, ...(kind === "normalised" ? ["mean", "95 % interval"] : [])],
    ["", ...sizes, ...(kind === "normalised" ? ["", ""] : [])],
    ...routers.map((router) => [
      router,
      ...benchmarks.map((benchmark) => {
        const value = evaluation.benchmarks[benchmark]!.routers[router]![kind];
        return kind === "native" && Math.abs(value) < 10 ? value.toFixed(2) : number(value);
      }),
      ...(kind === "normalised"
        ? [number(evaluation.mean[router]!.normalised), interval(evaluation.mean[router]!.interval)]
        : []),
    ]),
  ];
  const differences = evaluation.differences.map(({ router, baseline, mean, interval: bounds }) => [
    `${router} - ${baseline}`,
    `${mean >= 0 ? "+" : ""}${number(mean)}`,
    interval(bounds),
    bounds[0] > 0 ? "better" : bounds[1] < 0 ? "worse" : "no difference shown",
  ]);
  const parts = [alignRows(block("normalised")), alignRows(block("native"))];
  if (differences.length > 0)
    parts.push(alignRows([["difference of means", "points", "95 % interval", ""], ...differences]));
  if (evaluation.analysis) parts.push(againstSingle(evaluation.analysis));
  return `${parts.join("\n\n")}\n`;
}

const relativeCost = ({ relativeToSingle, relativeInterval }: RouterCost): string =>
  relativeToSingle === undefined || relativeInterval === undefined
    ? ""
    : `, ${sign(100 * relativeToSingle, 0)} % [${relativeInterval.map((share) => sign(100 * share, 0)).join(", ")}]`;

const errorsOf = ({ eceEqualMass, brier }: ReliabilityAnalysis): string =>
  `ECE ${eceEqualMass.toFixed(3)}, Brier score ${brier.toFixed(3)}`;

const sign = (value: number, digits = 1): string => `${value > 0 ? "+" : ""}${value.toFixed(digits)}`;

function againstSingle({
  served,
  bestSingle,
  quality,
  againstSingle: all,
  costs,
  reliability,
  trainingOverlap,
}: RouterAnalysis): string {
  const [own, mean] = [all[served], quality[served]];
  if (own === undefined || mean === undefined) return "";
  const hindsight = bestSingle.chosenOn === "evaluation" ? ", chosen with hindsight" : "";
  const lines = [
    `${served} against ${bestSingle.model} alone (the best single model${hindsight})`,
    `  quality   ${number(mean.quality)} of 100, ${sign(own.difference)} points ${interval(own.interval)}; ${own.wins} prompts won, ${own.losses} lost, ${own.ties} equal`,
  ];
  if (own.gapRecovered !== undefined && own.gapInterval)
    lines.push(
      `  oracle    ${(100 * own.gapRecovered).toFixed(0)} % of the gap recovered [${own.gapInterval.map((share) => (100 * share).toFixed(0)).join(", ")}]`,
    );
  const cost = costs?.routers[served];
  if (costs && cost)
    lines.push(
      `  cost      $${cost.cost.toPrecision(3)} for 1000 prompts${relativeCost(cost)}${costs.estimatedShare > 0 ? `; ${(100 * costs.estimatedShare).toFixed(0)} % of the token counts are estimated` : ""}`,
    );
  const calibration = reliability?.[served];
  if (calibration)
    lines.push(
      `  trust     ${calibration.isCalibrated ? "calibrated" : "not calibrated"}: ${errorsOf(calibration)}${calibration.raw ? `; before: ${errorsOf(calibration.raw)}` : ""}`,
    );
  if (trainingOverlap?.trained)
    lines.push(`  seen      ${trainingOverlap.trained} of ${trainingOverlap.evaluated} prompts in training`);
  return lines.join("\n");
}
