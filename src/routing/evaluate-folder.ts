/** Evaluating a router folder: choices of every method, comparisons, and what the report shows beside them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type JudgedRecord, promptText } from "../judged/record.ts";
import type { Backend } from "../runtime/index.ts";
import { readMetrics, trainingPaths } from "../train/index.ts";
import { chooseAll, evaluateRouters, oracleChoices, type RouterEvaluation } from "./evaluation/index.ts";
import { candidateScores } from "./labels.ts";
import type { renderEvaluationReport } from "./report/index.ts";
import { type LoadedRouters, loadRouters } from "./router-folder.ts";

export type EvaluationReportInput = Parameters<typeof renderEvaluationReport>[0];

export interface EvaluationInputs extends LoadedRouters {
  readonly folder: string;
}

export function readEvaluationInputs(folder: string, backend?: Backend): EvaluationInputs {
  return { ...loadRouters(folder, backend), folder };
}

export interface EvaluateFolderOptions {
  readonly samples: number;
  readonly seed: number;
  readonly onRouter?: (done: number, name: string) => void;
}

/** Decisions listed in a report, spread evenly over the records. */
const REPORTED_DECISIONS = 150;

export async function evaluateFolder(
  inputs: EvaluationInputs,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  options: EvaluateFolderOptions,
): Promise<{ evaluation: RouterEvaluation; report: EvaluationReportInput }> {
  const choices: Record<string, Int32Array> = {};
  for (const [index, router] of inputs.routers.entries()) {
    options.onRouter?.(index, router.name);
    choices[router.name] = await chooseAll(router, records, candidates);
  }
  const trained = inputs.manifest.models;
  const comparisons = trained.flatMap((router) =>
    inputs.routers.filter(({ name }) => name !== router).map(({ name }) => ({ router, baseline: name })),
  );
  const evaluation = evaluateRouters({
    records,
    candidates,
    choices,
    comparisons,
    bootstrapSamples: options.samples,
    seed: options.seed,
  });
  return { evaluation, report: reportInput(inputs, evaluation, records, candidates, choices) };
}

function reportInput(
  inputs: EvaluationInputs,
  evaluation: RouterEvaluation,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  choices: Readonly<Record<string, Int32Array>>,
): EvaluationReportInput {
  const best = oracleChoices(records, candidates);
  const shown = choices[inputs.manifest.default]!;
  const stride = Math.max(1, Math.floor(records.length / REPORTED_DECISIONS));
  const domainReaders = inputs.routers
    .filter(({ readsDomain }) => readsDomain === true)
    .map(({ name }) => name);
  return {
    title: "Router evaluation",
    subtitle: `${records.length} prompts, ${candidates.length} candidate models, ${inputs.routers.length} routers`,
    evaluation,
    notes: domainReaders.map(
      (name) => `${name} is told which benchmark a prompt comes from; the others see the prompt alone.`,
    ),
    training: inputs.manifest.models.flatMap((name) => {
      const path = trainingPaths(join(inputs.folder, name, "training")).metricsPath;
      return existsSync(path) ? [{ name, steps: readMetrics(path) }] : [];
    }),
    decisions: records
      .map((record, index) => ({ record, index }))
      .filter(({ index }) => index % stride === 0)
      .map(({ record, index }) => ({
        id: record.id,
        benchmark: record.benchmark,
        prompt: promptText(record.prompt),
        chosen: candidates[shown[index]!]!,
        best: candidates[best[index]!]!,
        scores: Object.fromEntries(
          [...candidateScores(record, candidates)].map((score, column) => [candidates[column]!, score]),
        ),
      })),
  };
}
