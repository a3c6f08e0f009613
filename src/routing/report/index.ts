export { renderEvaluationReport } from "./report.ts";
export type { EvaluationReport, ReportDecision } from "./report-input.ts";
