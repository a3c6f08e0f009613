export { type EvaluationReport, type ReportDecision, renderEvaluationReport } from "./report.ts";
