export { type LearningCurves, readLearningCurves } from "./learning-section.ts";
export { renderEvaluationReport } from "./report.ts";
export type { EvaluationReport, ReportDecision } from "./report-input.ts";
