/** Examples of decisions, good and bad, that can be searched and filtered. */

import { section } from "../../plots/parts.ts";
import { dollars, escapeHtml, isNumber } from "../../plots/svg.ts";
import type { ReportDecision } from "./report-input.ts";

const MAX_DECISIONS = 200;
const MAX_PROMPT_CHARACTERS = 400;
const MAX_SUMMARY_CHARACTERS = 90;

/** `good`: no answer was better; `bad`: one was. */
type Verdict = "good" | "bad";

const VERDICTS: Readonly<Record<Verdict, string>> = { good: "as good as any", bad: "another was better" };

export function decisionSection(decisions: readonly ReportDecision[], note?: string): string {
  if (decisions.length === 0) return "";
  const listed = decisions.slice(0, MAX_DECISIONS);
  const count =
    listed.length < decisions.length
      ? `The first ${listed.length} of ${decisions.length} decisions`
      : listed.length === 1
        ? "One decision"
        : `${listed.length} decisions`;
  const controls = [
    '<input id="search" type="search" placeholder="Search" aria-label="Search decisions">',
    select("verdict", "good and bad", Object.entries(VERDICTS)),
    select(
      "benchmark",
      "all benchmarks",
      distinct(listed.map(({ benchmark }) => benchmark)).map((name) => [name, name]),
    ),
    select(
      "model",
      "all models",
      distinct(listed.map(({ chosen }) => chosen)).map((name) => [name, name]),
    ),
    `<output id="found" class="soft">${listed.length} shown</output>`,
  ];
  return section(
    "Decisions, good and bad",
    `${count} of the default router, each with the scores that the models' answers got.${note === undefined ? "" : ` ${note}`}`,
    `<div id="filters" hidden>${controls.join("")}</div><div id="decisions">${listed.map(decisionItem).join("")}</div>`,
  );
}

const distinct = (names: readonly string[]): string[] => [...new Set(names)].sort();

const select = (name: string, all: string, options: readonly (readonly [string, string])[]): string =>
  `<select data-filter="${name}" aria-label="${escapeHtml(`Show ${name}`)}"><option value="">${escapeHtml(all)}</option>${options
    .map(([value, label]) => `<option value="${escapeHtml(value)}">${escapeHtml(label)}</option>`)
    .join("")}</select>`;

function verdictOf({ chosen, best, scores }: ReportDecision): Verdict {
  const [own, highest] = [scores[chosen], scores[best]];
  return chosen === best || (isNumber(own) && isNumber(highest) && own >= highest) ? "good" : "bad";
}

function decisionItem(decision: ReportDecision): string {
  const { id, benchmark, prompt, chosen, best } = decision;
  const verdict = verdictOf(decision);
  const words = verdict === "good" ? VERDICTS.good : `${best} was better`;
  const summary = [
    `<span class="tag">${escapeHtml(benchmark)}</span>`,
    `<span class="choice">${escapeHtml(chosen)} · <span class="${verdict}">${escapeHtml(words)}</span></span>`,
    `<span class="soft excerpt"><bdi>${escapeHtml(shortened(prompt, MAX_SUMMARY_CHARACTERS))}</bdi></span>`,
  ];
  const data = `data-verdict="${verdict}" data-benchmark="${escapeHtml(benchmark)}" data-model="${escapeHtml(chosen)}"`;
  return `<details ${data}><summary>${summary.join("")}</summary><p class="soft">${escapeHtml(id)}</p><pre dir="auto">${escapeHtml(shortened(prompt, MAX_PROMPT_CHARACTERS))}</pre>${scoreTable(decision)}</details>`;
}

function scoreTable({ scores, expected, costsUsd, chosen }: ReportDecision): string {
  const heads = ["model", "score", ...(expected ? ["router's score"] : []), ...(costsUsd ? ["cost"] : [])];
  const rows = Object.entries(scores).map(([model, score]) => {
    const cost = costsUsd?.[model];
    const cells = [
      decimal(score),
      ...(expected ? [decimal(expected[model])] : []),
      ...(costsUsd ? [isNumber(cost) ? dollars(cost) : "–"] : []),
    ];
    return `<tr${model === chosen ? ' class="trained"' : ""}><th scope="row">${escapeHtml(model)}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  return `<table class="scores"><thead><tr>${heads.map((head) => `<th scope="col">${escapeHtml(head)}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

const decimal = (value: number | undefined): string =>
  isNumber(value) ? String(Number(value.toFixed(3))) : "–";

function shortened(content: string, characters: number): string {
  const letters = [...content.slice(0, 4 * characters)];
  return letters.length <= characters ? content : `${letters.slice(0, characters).join("")}…`;
}
