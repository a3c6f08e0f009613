/** The sections of the report that are read as text: numbers, limits, definitions. */

import { section } from "../../plots/parts.ts";
import { escapeHtml, isNumber, shown, shownInterval } from "../../plots/svg.ts";
import type { RouterAnalysis, TrainingOverlap } from "../evaluation/index.ts";
import { ORACLE, type View } from "./view.ts";

export function tableSection({ evaluation, routers, trained }: View): string {
  const benchmarks = Object.keys(evaluation.benchmarks);
  const heads = ["router", ...benchmarks, "mean", "95% interval"].map(
    (name) => `<th scope="col"><button type="button">${escapeHtml(name)}</button></th>`,
  );
  const rows = [...routers, ...(evaluation.mean[ORACLE] ? [ORACLE] : [])].map((router) => {
    const { normalised: mean, interval } = evaluation.mean[router]!;
    const cells = benchmarks.map((benchmark) => {
      const result = evaluation.benchmarks[benchmark]!.routers[router];
      const native = shown(result?.native, isNumber(result?.native) && Math.abs(result.native) < 10 ? 2 : 1);
      return `<td data-value="${sortKey(result?.normalised)}">${native}<span class="soft normalised">${shown(result?.normalised, 0)}</span></td>`;
    });
    return `<tr${trained.has(router) ? ' class="trained"' : ""}><th scope="row">${escapeHtml(router)}</th>${cells.join("")}<td data-value="${sortKey(mean)}">${shown(mean)}</td><td class="soft" data-value="${sortKey(interval[0])}">${shownInterval(interval)}</td></tr>`;
  });
  return section(
    "All numbers",
    "The native score of each benchmark, and in grey the normalised score. Choose a heading to sort by it.",
    `<div class="scroll"><table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`,
  );
}

/** Rows without a number sort last. */
const sortKey = (value: number | undefined): string => (isNumber(value) ? value.toFixed(4) : "-1e9");

/** What the figures on this page can and cannot carry. */
export function limitsSection({ evaluation, trained }: View): string {
  const { analysis, benchmarks, differences } = evaluation;
  const overlap = analysis?.trainingOverlap;
  const prompts = Object.values(benchmarks).reduce((sum, { n }) => sum + n, 0);
  const names = Object.keys(benchmarks).join(", ");
  const says = [
    `How routers compare on ${prompts} prompts of ${names}. Every router saw the same prompts, and none was shown the answers when it chose.`,
    ...(overlap?.trained === 0 ? [unseen(overlap)] : []),
    "Which differences are more than the luck of these prompts: those whose interval lies above or below zero.",
    ...(analysis?.bestSingle.chosenOn === "training"
      ? [
          `${analysis.bestSingle.model} was picked as the best single model on training data, as one would have had to.`,
        ]
      : []),
  ];
  const silent = [
    ...(overlap?.trained === undefined || overlap.trained === 0
      ? []
      : [
          "How good the router is on prompts it has not seen: it was trained on some of these, with the scores of their answers.",
        ]),
    ...(overlap?.source === "unknown"
      ? [
          "Whether the router was trained on these prompts: its folder does not tell. If it was, it looks better here than it is.",
        ]
      : []),
    "How the router does on other traffic: routers learn kinds of prompts, and for new kinds they guess.",
    "How much luck was in training, or how often the judges were mistaken that scored the answers: the intervals hold the luck of the prompts only.",
    "That the oracle can be reached: it picks among single answers after the fact, and part of the way to it is luck of the draw that no router can foresee.",
    ...(differences.length > 5
      ? [
          `That every interval is right: of ${differences.length} differences at 95%, some miss the truth by chance, so a narrow win over one baseline is weak evidence.`,
        ]
      : []),
    ...(trained.size > 1
      ? ["Which of several trained routers will be best: the best of them was found on these prompts."]
      : []),
    ...(analysis?.bestSingle.chosenOn === "evaluation"
      ? [
          `How the best single model does elsewhere: ${analysis.bestSingle.model} was picked on these very prompts, which flatters it, so gains over it are, if anything, understated.`,
        ]
      : []),
    ...(analysis?.costs
      ? [
          "What a setting picked from a cost curve will bring: picked after looking, it does a little worse on new prompts.",
          "What running the router, retries and caching add: costs are those of the answers alone.",
        ]
      : []),
  ];
  const list = (items: readonly string[]): string =>
    `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>`;
  return section(
    "What these figures say and do not say",
    "To be read before a figure is passed on.",
    `<div class="grid-2"><div><h3>They say</h3>${list(says)}</div><div><h3>They do not say</h3>${list(silent)}</div></div>`,
  );
}

const unseen = ({ source }: TrainingOverlap): string =>
  source === "hashes"
    ? "None of these prompts is among those that the router was trained on."
    : "None of these prompts is among the examples that the router keeps of its training.";

/** Definitions of what the evaluation holds. */
export function definitionSection({ evaluation }: View, notes: readonly string[]): string {
  const items = [
    "Native score: the benchmark's own metric.",
    "Normalised score: 100 × (native − random) / (oracle − random). Random is the mean of the native scores of the models each taken alone; the oracle takes the best-judged answer to every prompt.",
    "Intervals: 95% percentile bootstrap over the prompts within each benchmark, with the same resamples for every router. The mean is the plain mean over benchmarks.",
    "Difference: mean normalised score of one router minus that of another, in every resample. A router beats another when the whole interval lies above zero.",
    ...analysisDefinitions(evaluation.analysis),
    ...notes,
  ];
  return `<footer><h2>How the numbers are defined</h2><ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul></footer>`;
}

function analysisDefinitions(analysis: RouterAnalysis | undefined): string[] {
  if (analysis === undefined) return [];
  return [
    "Quality: the score of the chosen answer on its benchmark's scale put to 0–100 (scores within 0–1 times 100, others from the lowest to the highest score of the benchmark), averaged over prompts and then over benchmarks. Unlike the normalised score it is not compared with random choices.",
    "Share of what perfect choices would add: (router − best single model) / (oracle − best single model).",
    ...(analysis.costs
      ? [
          "Cost curve: the router takes the highest of quality − λ × expected cost, where quality is what it expects after calibration, or its score where it expects none; expected cost is the prompt's tokens and a length that the folder predicts, the same prediction for every router, or one length for all models, at the list price. What is charged is what the chosen answer really took.",
          "Hull: what can be reached by choosing between single models at random; RouterBench calls it the zero router. AIQ (RouterBench): mean height of a curve's non-decreasing hull over the range of costs given in the table.",
          "PerfGain and CostSave (LLMRouterBench): highest quality of any setting, and largest saving of a setting no worse than the best single model, both relative to that model. ParetoDist: mean distance of the settings to the Pareto front of all curves and models, both axes scaled to 0–1. Arena score: RouterArena's formula, on this page's quality.",
        ]
      : []),
    ...(analysis.reliability
      ? [
          "ECE: mean distance of predicted from observed quality over bins. Brier score = miscalibration − resolution + uncertainty, up to a small term for differences within bins. Intervals of the bins are Wilson's, counting each prompt once.",
        ]
      : []),
  ];
}
