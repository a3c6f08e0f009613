/** The sections of the report that are read as text: numbers, decisions, definitions. */
import type { ReportDecision } from "./report-input.ts";
import { escapeHtml, isNumber, shown, shownInterval } from "./svg.ts";
import { ORACLE, section, type View } from "./view.ts";

const MAX_DECISIONS = 200;
const MAX_PROMPT_CHARACTERS = 400;
const MAX_SUMMARY_CHARACTERS = 90;

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

export function decisionSection(decisions: readonly ReportDecision[]): string {
  if (decisions.length === 0) return "";
  const listed = decisions.slice(0, MAX_DECISIONS);
  const count =
    listed.length < decisions.length
      ? `The first ${listed.length} of ${decisions.length} decisions`
      : `${listed.length} decisions`;
  return section(
    "Decisions, good and bad",
    `${count} of the default router, each with the scores that the models' answers got.`,
    `<p><input id="search" type="search" placeholder="Search prompts, models, benchmarks" aria-label="Search decisions"> <output id="found" class="soft"></output></p><div id="decisions">${listed.map(decisionItem).join("")}</div>`,
  );
}

function decisionItem({ id, benchmark, prompt, chosen, best, scores }: ReportDecision): string {
  const [own, highest] = [scores[chosen], scores[best]];
  const isBest = chosen === best || (isNumber(own) && isNumber(highest) && own >= highest);
  const verdict = isBest
    ? '<span class="good">as good as any</span>'
    : `<span class="bad">${escapeHtml(best)} was better</span>`;
  const rows = Object.entries(scores).map(
    ([model, score]) =>
      `<tr${model === chosen ? ' class="trained"' : ""}><th scope="row">${escapeHtml(model)}</th><td>${isNumber(score) ? String(Number(score.toFixed(3))) : "–"}</td></tr>`,
  );
  const summary = `<span class="tag">${escapeHtml(benchmark)}</span><span class="choice">${escapeHtml(chosen)} · ${verdict}</span><span class="soft excerpt">${escapeHtml(shortened(prompt, MAX_SUMMARY_CHARACTERS))}</span>`;
  return `<details><summary>${summary}</summary><p class="soft">${escapeHtml(id)}</p><pre>${escapeHtml(shortened(prompt, MAX_PROMPT_CHARACTERS))}</pre><table class="scores"><tbody>${rows.join("")}</tbody></table></details>`;
}

function shortened(content: string, characters: number): string {
  const letters = [...content];
  return letters.length <= characters ? content : `${letters.slice(0, characters).join("")}…`;
}

export function definitionSection(notes: readonly string[]): string {
  const items = [
    "Native score: the benchmark's own metric.",
    "Normalised score: 100 × (native − random) / (oracle − random). Random is the mean of the native scores of the models each taken alone; the oracle takes the best-judged answer to every prompt.",
    "Intervals: 95% percentile bootstrap over the prompts within each benchmark, with the same resamples for every router. The mean is the plain mean over benchmarks.",
    "Difference: mean normalised score of one router minus that of another, in every resample. A router beats another when the whole interval lies above zero.",
    ...notes,
  ];
  return `<footer><h2>How the numbers are defined</h2><ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul></footer>`;
}
