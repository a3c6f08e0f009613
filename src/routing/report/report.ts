/** The evaluation as one self-contained HTML page: no requests, readable without scripts, fit for print. */
import type { RouterEvaluation } from "../evaluation/index.ts";
import { barPlot, sharePlot } from "./bar-plots.ts";
import { costPlot, type TrainingCurve, trainingPlot } from "./curve-plots.ts";
import { forestPlot } from "./forest-plot.ts";
import { headline } from "./headline.ts";
import { SCRIPT, STYLE } from "./style.ts";
import { escapeHtml } from "./svg.ts";

export interface ReportDecision {
  readonly id: string;
  readonly benchmark: string;
  readonly prompt: string;
  readonly chosen: string;
  /** The candidate whose answer was judged best. */
  readonly best: string;
  readonly scores: Readonly<Record<string, number>>;
}

export interface EvaluationReport {
  readonly title: string;
  readonly subtitle?: string;
  readonly evaluation: RouterEvaluation;
  readonly notes?: readonly string[];
  readonly training?: readonly TrainingCurve[];
  readonly decisions?: readonly ReportDecision[];
  readonly costs?: { readonly unit: string; readonly perPrompt: Readonly<Record<string, number>> };
}

const MAX_DECISIONS = 200;
const MAX_PROMPT_CHARACTERS = 400;

const section = (title: string, lead: string, body: string): string =>
  `<section><h2>${escapeHtml(title)}</h2><p class="soft">${lead}</p>${body}</section>`;

const figure = (body: string, caption = ""): string =>
  `<figure>${body}${caption === "" ? "" : `<figcaption>${caption}</figcaption>`}</figure>`;

/** Routers best first; the oracle is left out where it would only stretch the axis. */
function ranked(evaluation: RouterEvaluation): string[] {
  return Object.keys(evaluation.mean)
    .filter((router) => router !== "oracle")
    .sort((a, b) => evaluation.mean[b]!.normalised - evaluation.mean[a]!.normalised);
}

/** The whole page. All text from data is escaped. */
export function renderEvaluationReport(report: EvaluationReport): string {
  const { evaluation } = report;
  const trained = new Set(evaluation.differences.map(({ router }) => router));
  const routers = ranked(evaluation);
  const parts = [
    meanSection(evaluation, routers, trained),
    differenceSection(evaluation),
    benchmarkSection(evaluation, routers, trained),
    shareSection(evaluation, routers, trained),
    report.costs ? costSection(report, routers, trained) : "",
    report.training && report.training.length > 0 ? trainingSection(report.training) : "",
    tableSection(evaluation, routers, trained),
    report.decisions && report.decisions.length > 0 ? decisionSection(report.decisions) : "",
    definitions(report.notes ?? []),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(report.title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(report.title)}</h1>${report.subtitle ? `<p class="soft">${escapeHtml(report.subtitle)}</p>` : ""}
${headline(evaluation)}
${parts.join("\n")}
</main><script>${SCRIPT}</script></body></html>
`;
}

function meanSection(
  evaluation: RouterEvaluation,
  routers: readonly string[],
  trained: ReadonlySet<string>,
): string {
  const rows = routers.map((router) => ({
    label: router,
    value: evaluation.mean[router]!.normalised,
    interval: evaluation.mean[router]!.interval,
    isTrained: trained.has(router),
  }));
  const plot = forestPlot("Mean normalised score by router", rows, [
    { at: 0, name: "random" },
    { at: 100, name: "oracle" },
  ]);
  return section(
    "Which router is best?",
    "Mean normalised score over the benchmarks, with 95 % intervals over prompts. Trained routers are in colour.",
    figure(plot),
  );
}

function differenceSection(evaluation: RouterEvaluation): string {
  const plots = [...new Set(evaluation.differences.map(({ router }) => router))].map((router) => {
    const rows = evaluation.differences
      .filter((difference) => difference.router === router)
      .map(({ baseline, mean, interval }) => ({
        label: `against ${baseline}`,
        value: mean,
        interval,
        isTrained: interval[0] > 0,
      }));
    return figure(
      forestPlot(`${router} against every other router`, rows, [{ at: 0, name: "no difference" }]),
    );
  });
  if (plots.length === 0) return "";
  return section(
    "Is the difference real?",
    "Paired differences of the means on the same resampled prompts. Where the interval reaches left of zero, no gain was shown; rows with a shown gain are in colour.",
    plots.join(""),
  );
}

function benchmarkSection(
  evaluation: RouterEvaluation,
  routers: readonly string[],
  trained: ReadonlySet<string>,
): string {
  const cells = Object.entries(evaluation.benchmarks).map(([benchmark, { n, routers: results }]) => {
    const bars = routers.map((router) => ({
      label: router,
      value: results[router]!.normalised,
      interval: results[router]!.interval,
      isTrained: trained.has(router),
    }));
    return `<div><h3>${escapeHtml(benchmark)} <span class="soft">${n} prompts</span></h3>${barPlot(`Normalised scores on ${benchmark}`, bars)}</div>`;
  });
  return section(
    "Where does it win?",
    "Normalised score on each benchmark. Small benchmarks have wide intervals.",
    `<div class="grid-2">${cells.join("")}</div>`,
  );
}

function shareSection(
  evaluation: RouterEvaluation,
  routers: readonly string[],
  trained: ReadonlySet<string>,
): string {
  const models = [
    ...new Set(
      Object.values(evaluation.benchmarks).flatMap(({ routers: results }) =>
        Object.values(results).flatMap(({ shares }) => Object.keys(shares)),
      ),
    ),
  ];
  const shown = routers.filter((router) => !router.startsWith("fixed:"));
  const cells = Object.entries(evaluation.benchmarks).map(([benchmark, { routers: results }]) => {
    const rows = [...shown, "oracle"]
      .filter((router) => results[router])
      .map((router) => ({ label: router, shares: results[router]!.shares, isTrained: trained.has(router) }));
    return `<div><h3>${escapeHtml(benchmark)}</h3>${sharePlot(`Routing shares on ${benchmark}`, rows, models)}</div>`;
  });
  const legend = models.map(
    (model, index) =>
      `<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" rx="2" class="m${index % 10}"/></svg>${escapeHtml(model)}</li>`,
  );
  return section(
    "Who gets the traffic?",
    "Share of prompts that each router sends to each model.",
    `<ul class="legend">${legend.join("")}</ul><div class="grid-2">${cells.join("")}</div>`,
  );
}

function costSection(
  report: EvaluationReport,
  routers: readonly string[],
  trained: ReadonlySet<string>,
): string {
  const { unit, perPrompt } = report.costs!;
  const points = routers
    .filter((router) => perPrompt[router] !== undefined)
    .map((router) => ({
      label: router,
      cost: perPrompt[router]!,
      quality: report.evaluation.mean[router]!.normalised,
      isTrained: trained.has(router),
    }));
  return points.length === 0
    ? ""
    : section(
        "What does it cost?",
        `Mean normalised score against ${escapeHtml(unit)}.`,
        figure(costPlot(points, unit)),
      );
}

function trainingSection(curves: readonly TrainingCurve[]): string {
  const cells = curves.map((curve) => `<div><h3>${escapeHtml(curve.name)}</h3>${trainingPlot(curve)}</div>`);
  return section(
    "How did training go?",
    "Loss of every step (faint) and its running mean; dots are validations, their scores in the tooltips.",
    `<div class="grid-2">${cells.join("")}</div>`,
  );
}

function tableSection(
  evaluation: RouterEvaluation,
  routers: readonly string[],
  trained: ReadonlySet<string>,
): string {
  const benchmarks = Object.keys(evaluation.benchmarks);
  const heads = ["router", ...benchmarks, "mean"].map(
    (name) => `<th scope="col"><button type="button">${escapeHtml(name)}</button></th>`,
  );
  const rows = [...routers, ...(evaluation.mean.oracle ? ["oracle"] : [])].map((router) => {
    const cells = benchmarks.map((benchmark) => {
      const { native, normalised } = evaluation.benchmarks[benchmark]!.routers[router]!;
      return `<td data-v="${normalised.toFixed(4)}">${native.toFixed(native < 10 ? 2 : 1)} <span class="soft">${normalised.toFixed(0)}</span></td>`;
    });
    const mean = evaluation.mean[router]!.normalised;
    return `<tr${trained.has(router) ? ' class="trained"' : ""}><td>${escapeHtml(router)}</td>${cells.join("")}<td data-v="${mean.toFixed(4)}">${mean.toFixed(1)}</td></tr>`;
  });
  const table = `<div class="scroll"><table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
  return section(
    "All numbers",
    "Native score of each benchmark with the normalised score beside it. Click a column to sort.",
    table,
  );
}

function decisionSection(decisions: readonly ReportDecision[]): string {
  const items = decisions.slice(0, MAX_DECISIONS).map(({ id, benchmark, prompt, chosen, best, scores }) => {
    const gap = (scores[best] ?? 0) - (scores[chosen] ?? 0);
    const verdict =
      gap <= 0
        ? '<span class="good">as good as the best</span>'
        : `<span class="bad">${escapeHtml(best)} was better</span>`;
    const shown =
      prompt.length > MAX_PROMPT_CHARACTERS ? `${prompt.slice(0, MAX_PROMPT_CHARACTERS)}…` : prompt;
    const list = Object.entries(scores)
      .map(([model, score]) => `${model}: ${Number(score.toFixed(3))}`)
      .join("\n");
    return `<details><summary><span class="tag">${escapeHtml(benchmark)}</span> ${escapeHtml(chosen)}: ${verdict} <span class="soft">${escapeHtml(shown.slice(0, 70))}</span></summary><pre>${escapeHtml(`${id}\n\n${shown}\n\n${list}`)}</pre></details>`;
  });
  const search =
    '<p><input id="search" type="search" placeholder="Search prompts, models, benchmarks" aria-label="Search decisions"></p>';
  return section(
    "Decisions, good and bad",
    `${items.length} prompts with the default router's choice and how every model was judged.`,
    `${search}<div id="decisions">${items.join("")}</div>`,
  );
}

function definitions(notes: readonly string[]): string {
  const items = [
    "Native score: the benchmark's own metric. Normalised score: 100 × (native − random) / (oracle − random), where random is the mean of the fixed models and the oracle takes the best-judged answer of every prompt.",
    "Intervals: 95 % percentile bootstrap over prompts within each benchmark, the same resamples for every router; the mean is the plain mean over benchmarks.",
    ...notes,
  ];
  return `<section><h2>How the numbers are defined</h2>${items.map((item) => `<p class="soft">${escapeHtml(item)}</p>`).join("")}</section>`;
}
