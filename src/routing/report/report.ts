/** The evaluation as one self-contained HTML page: no requests, readable without scripts, fit for print. */
import { headline } from "./headline.ts";
import {
  benchmarkSection,
  costSection,
  differenceSection,
  meanSection,
  shareSection,
  trainingSection,
} from "./plot-sections.ts";
import type { EvaluationReport } from "./report-input.ts";
import { SCRIPT, STYLE } from "./style.ts";
import { escapeHtml } from "./svg.ts";
import { decisionSection, definitionSection, tableSection } from "./table-sections.ts";
import { viewOf } from "./view.ts";

/** The whole page. All text from data is escaped. */
export function renderEvaluationReport(report: EvaluationReport): string {
  const { title, subtitle, evaluation, costs } = report;
  const view = viewOf(evaluation);
  const sections = [
    headline(evaluation),
    meanSection(view),
    differenceSection(view),
    benchmarkSection(view),
    shareSection(view),
    costs ? costSection(view, costs) : "",
    trainingSection(report.training ?? []),
    tableSection(view),
    decisionSection(report.decisions ?? []),
    definitionSection(report.notes ?? []),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>${subtitle ? `<p class="soft subtitle">${escapeHtml(subtitle)}</p>` : ""}
${sections.filter((part) => part !== "").join("\n")}
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}
