/** What a report shows. */
import type { RouterEvaluation } from "../evaluation/index.ts";
import type { TrainingCurve } from "./curve-plots.ts";
import type { LearningCurves } from "./learning-section.ts";

export interface ReportDecision {
  readonly id: string;
  readonly benchmark: string;
  readonly prompt: string;
  readonly chosen: string;
  /** The candidate whose answer was judged best. */
  readonly best: string;
  readonly scores: Readonly<Record<string, number>>;
  /** What the router made of each candidate before any answered. */
  readonly expected?: Readonly<Record<string, number>>;
  readonly costsUsd?: Readonly<Record<string, number>>;
}

export interface EvaluationReport {
  readonly title: string;
  readonly subtitle?: string;
  readonly evaluation: RouterEvaluation;
  /** Sentences added to the definitions at the end. */
  readonly notes?: readonly string[];
  readonly training?: readonly TrainingCurve[];
  readonly learning?: LearningCurves;
  /** The first 200 are shown. */
  readonly decisions?: readonly ReportDecision[];
  /** How the decisions were picked, a sentence. */
  readonly decisionsNote?: string;
  /** One cost a router, for evaluations without an analysis of costs. */
  readonly costs?: {
    readonly unit: string;
    readonly perPrompt: Readonly<Record<string, number>>;
  };
}
