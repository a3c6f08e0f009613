/** The sections of the report that are plots. */

import { forestPlot } from "../../plots/forest-plot.ts";
import { figure, grid, legend, numbersOf, section } from "../../plots/parts.ts";
import { escapeHtml, isNumber, shown, shownInterval, signed } from "../../plots/svg.ts";
import { barPlot, sharePlot } from "./bar-plots.ts";
import { costPlot } from "./cost-plot.ts";
import { type TrainingCurve, trainingPlot } from "./curve-plots.ts";
import type { EvaluationReport } from "./report-input.ts";
import { ORACLE, type View } from "./view.ts";

const SHARE_COLOURS = 10;

export function meanSection({ evaluation, routers, trained }: View): string {
  const rows = routers.map((router) => ({
    label: router,
    value: evaluation.mean[router]!.normalised,
    interval: evaluation.mean[router]!.interval,
    stands: trained.has(router),
  }));
  const plot = forestPlot("Mean normalised score by router", rows, {
    axis: "mean normalised score",
    references: [
      { at: 0, name: "random" },
      { at: 100, name: "oracle" },
    ],
  });
  return section(
    "Which router is best?",
    "Mean normalised score over the benchmarks with 95% intervals. Trained routers are in colour.",
    figure(plot, {
      heads: ["router", "mean normalised score", "95% interval"],
      rows: rows.map(({ label, value, interval }) => [label, shown(value), shownInterval(interval)]),
    }),
  );
}

export function differenceSection({ evaluation, trained }: View): string {
  if (trained.size === 0) return "";
  const bounds = evaluation.differences.flatMap(({ mean, interval }) => [mean, ...interval]);
  const plots = [...trained].map((router) => {
    const rows = evaluation.differences
      .filter((difference) => difference.router === router)
      .sort((a, b) => a.mean - b.mean)
      .map(({ baseline, mean, interval }) => ({
        label: baseline,
        value: mean,
        interval,
        stands: interval[0] > 0,
      }));
    const title = `${router} minus each other router`;
    const plot = forestPlot(title, rows, {
      axis: `points by which ${router} is ahead`,
      references: [{ at: 0, name: "no difference" }],
      include: bounds,
    });
    const table = {
      heads: ["compared with", "points ahead", "95% interval"],
      rows: rows.map(({ label, value, interval }) => [label, signed(value), shownInterval(interval)]),
    };
    return `<h3>${escapeHtml(title)}</h3>${figure(plot, table)}`;
  });
  return section(
    "Is the difference real?",
    "Differences of the mean normalised score on the same resampled prompts. Rows in colour have their whole interval above zero; for every other row no gain was shown.",
    plots.join(""),
  );
}

export function benchmarkSection({ evaluation, routers, trained }: View): string {
  const benchmarks = Object.entries(evaluation.benchmarks).map(([benchmark, { n, routers: results }]) => ({
    benchmark,
    n,
    bars: routers.flatMap((router) => {
      const result = results[router];
      if (result === undefined) return [];
      const { normalised, interval } = result;
      return [{ label: router, value: normalised, interval, isTrained: trained.has(router) }];
    }),
  }));
  const values = benchmarks
    .flatMap(({ bars }) => bars.flatMap(({ value, interval }) => [value, ...interval]))
    .filter(isNumber);
  const range = [Math.min(0, ...values), Math.max(100, ...values)] as const;
  const cells = benchmarks.map(({ benchmark, n, bars }) => ({
    heading: `${escapeHtml(benchmark)} <span class="soft">${n} ${n === 1 ? "prompt" : "prompts"}</span>`,
    plot: barPlot(`Normalised scores on ${benchmark}`, bars, range),
  }));
  return section(
    "Where does it win?",
    "Normalised score on each benchmark, all on one scale, with 95% intervals.",
    grid(cells) +
      numbersOf({
        heads: ["benchmark and router", "normalised score", "95% interval"],
        rows: benchmarks.flatMap(({ benchmark, bars }) =>
          bars.map(({ label, value, interval }) => [
            `${benchmark}: ${label}`,
            shown(value),
            shownInterval(interval),
          ]),
        ),
      }),
  );
}

export function shareSection({ evaluation, routers, trained }: View): string {
  const models = modelsByTraffic(evaluation.benchmarks);
  const named = models.length > SHARE_COLOURS ? models.slice(0, SHARE_COLOURS - 1) : models;
  const labels =
    named.length < models.length ? [...named, `${models.length - named.length} other models`] : named;
  const plots = Object.entries(evaluation.benchmarks).map(([benchmark, { routers: results }]) => {
    const rows = [...routers, ORACLE].flatMap((router) => {
      const result = results[router];
      if (result === undefined || isFixed(router)) return [];
      const shares = named.map((model) => result.shares[model] ?? 0);
      if (named.length < models.length)
        shares.push(models.slice(named.length).reduce((sum, model) => sum + (result.shares[model] ?? 0), 0));
      return [{ label: router, shares, isTrained: trained.has(router) }];
    });
    return { benchmark, rows };
  });
  const cells = plots.map(({ benchmark, rows }) => ({
    heading: escapeHtml(benchmark),
    plot: sharePlot(`Routing shares on ${benchmark}`, rows, labels),
  }));
  return section(
    "Who gets the traffic?",
    "Share of prompts that each router sends to each model; routers that always take one model are left out. Where several answers are equally good, the oracle takes the first model.",
    legend(labels.map((label, index) => ({ mark: `m${index}`, label }))) +
      grid(cells) +
      numbersOf({
        heads: ["benchmark and router", ...labels],
        rows: plots.flatMap(({ benchmark, rows }) =>
          rows.map(({ label, shares }) => [
            `${benchmark}: ${label}`,
            ...shares.map((share) => `${shown(100 * share)}%`),
          ]),
        ),
      }),
  );
}

const isFixed = (router: string): boolean => router.startsWith("fixed:");

/** In the order of the data, unless there are more models than colours: then those with most traffic first. */
function modelsByTraffic(benchmarks: View["evaluation"]["benchmarks"]): string[] {
  const traffic = new Map<string, number>();
  for (const { routers } of Object.values(benchmarks))
    for (const [router, { shares }] of Object.entries(routers))
      for (const [model, share] of Object.entries(shares))
        traffic.set(model, (traffic.get(model) ?? 0) + (isFixed(router) ? 0 : share));
  const models = [...traffic.keys()];
  return models.length > SHARE_COLOURS ? models.sort((a, b) => traffic.get(b)! - traffic.get(a)!) : models;
}

export function costSection(
  { evaluation, routers, trained }: View,
  { unit, perPrompt }: NonNullable<EvaluationReport["costs"]>,
): string {
  const points = [...routers, ORACLE].flatMap((router) => {
    const [cost, quality] = [perPrompt[router], evaluation.mean[router]?.normalised];
    return isNumber(cost) && isNumber(quality)
      ? [{ label: router, cost, quality, isTrained: trained.has(router) }]
      : [];
  });
  if (points.length === 0) return "";
  return section(
    "What does it cost?",
    `Mean normalised score against cost (${unit}). Up is better, left is cheaper.`,
    figure(costPlot(points, unit), {
      heads: ["router", unit, "mean normalised score"],
      rows: points.map(({ label, cost, quality }) => [label, cost.toPrecision(3), shown(quality)]),
    }),
  );
}

export function trainingSection(curves: readonly TrainingCurve[]): string {
  if (curves.length === 0) return "";
  const cells = curves.map((curve) => ({ heading: escapeHtml(curve.name), plot: trainingPlot(curve) }));
  return section(
    "How did training go?",
    "Loss of every step (faint) with its moving mean; below it the negative routing loss on the validation prompts, higher is better.",
    grid(cells),
  );
}
