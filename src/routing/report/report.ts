/** The evaluation as one self-contained HTML page: no requests, readable without scripts, fit for print. */
import { createHash } from "node:crypto";
import { confusionSection } from "./confusion-section.ts";
import { costCurvesSection } from "./cost-curves-section.ts";
import { decisionSection } from "./decision-section.ts";
import { headline } from "./headline.ts";
import { learningSection } from "./learning-section.ts";
import {
  benchmarkSection,
  costSection,
  differenceSection,
  meanSection,
  shareSection,
  trainingSection,
} from "./plot-sections.ts";
import { reliabilitySection } from "./reliability-section.ts";
import type { EvaluationReport } from "./report-input.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { escapeHtml } from "./svg.ts";
import { definitionSection, limitsSection, tableSection } from "./table-sections.ts";
import { viewOf } from "./view.ts";

/**
 * The whole page. All text from data is escaped, and the page's own policy lets nothing run or load but its one
 * script and style, known by their hashes.
 */
export function renderEvaluationReport(report: EvaluationReport): string {
  const { title, subtitle, evaluation, costs } = report;
  const { analysis } = evaluation;
  const view = viewOf(evaluation);
  const sections = [
    analysis?.costs ? costCurvesSection(view, analysis) : "",
    meanSection(view),
    differenceSection(view),
    benchmarkSection(view),
    shareSection(view),
    analysis ? confusionSection(analysis) : "",
    analysis ? reliabilitySection(analysis) : "",
    costs && !analysis?.costs ? costSection(view, costs) : "",
    learningSection(report.learning),
    trainingSection(report.training ?? []),
    tableSection(view),
    decisionSection(report.decisions ?? [], report.decisionsNote),
    limitsSection(view),
  ].filter((part) => part !== "");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>${subtitle ? `<p class="soft subtitle">${escapeHtml(subtitle)}</p>` : ""}
${headline(evaluation)}
${contents(sections)}
${sections.join("\n")}
${definitionSection(view, report.notes ?? [])}
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

const hash = (content: string): string =>
  `'sha256-${createHash("sha256").update(content, "utf8").digest("base64")}'`;

const policy = (): string =>
  `default-src 'none'; script-src ${hash(SCRIPT)}; style-src ${hash(STYLE)}; base-uri 'none'; form-action 'none'`;

/** Links to the sections, from the headings that they begin with. */
function contents(sections: readonly string[]): string {
  const links = sections.flatMap((part) => {
    const [, id, title] = /^<section id="([a-z0-9-]+)"><h2>([^<]+)<\/h2>/.exec(part) ?? [];
    return id === undefined ? [] : [`<li><a href="#${id}">${title}</a></li>`];
  });
  return `<nav aria-label="Contents"><ul>${links.join("")}</ul></nav>`;
}
