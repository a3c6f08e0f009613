/** What a report shows. */
import type { RouterEvaluation } from "../evaluation/index.ts";
import type { TrainingCurve } from "./curve-plots.ts";

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
  /** Sentences added to the definitions at the end. */
  readonly notes?: readonly string[];
  readonly training?: readonly TrainingCurve[];
  /** The first 200 are shown. */
  readonly decisions?: readonly ReportDecision[];
  readonly costs?: {
    readonly unit: string;
    readonly perPrompt: Readonly<Record<string, number>>;
  };
}
