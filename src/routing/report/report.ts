/** The evaluation as one self-contained HTML page. */
import { contents, renderPage } from "../../plots/page.ts";
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
  const body = [
    headline(evaluation),
    contents(sections),
    sections.join("\n"),
    definitionSection(view, report.notes ?? []),
  ].join("\n");
  return renderPage({ title, subtitle, body, script: SCRIPT });
}
