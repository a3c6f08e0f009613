/** Evaluating a router folder: choices of every method, comparisons, and what the report shows beside them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JudgedRecord } from "../judged/record.ts";
import type { ModelPricing } from "../pool/index.ts";
import type { Backend } from "../runtime/index.ts";
import { readMetrics, trainingPaths } from "../train/index.ts";
import { DomainBestRouter, KnnRouter } from "./baselines/index.ts";
import {
  analyseRouters,
  assessAll,
  bestSingleOf,
  type ExpectedOutcomes,
  evaluateRouters,
  expectAll,
  expectLengths,
  pricedCosts,
  type RoutedRecords,
  type RouterEvaluation,
  recordedCosts,
  routeAll,
  type TrainingOverlap,
  trainingOverlap,
} from "./evaluation/index.ts";
import { isOutcomeRouter } from "./outcome.ts";
import type { LearningCurves, renderEvaluationReport } from "./report/index.ts";
import { pickDecisions } from "./report-decisions.ts";
import type { Router } from "./router.ts";
import { type LoadedRouters, loadRouters, withCalibration } from "./router-folder.ts";

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
  /** Prices by candidate; without them costs are shown only where the records hold dollars. */
  readonly pricing?: Readonly<Record<string, ModelPricing>>;
  /** Shown in the report as they are. */
  readonly learning?: LearningCurves;
}

export async function evaluateFolder(
  inputs: EvaluationInputs,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  options: EvaluateFolderOptions,
): Promise<{ evaluation: RouterEvaluation; report: EvaluationReportInput }> {
  const { routed, outcomes, rawOutcomes } = await askRouters(inputs, records, candidates, options.onRouter);
  const lengths = inputs.lengths && (await expectLengths(inputs.lengths, records, candidates));
  const choices = Object.fromEntries(Object.entries(routed).map(([name, own]) => [name, own.choices]));
  const { default: served, models } = inputs.manifest;
  const comparisons = [...new Set([served, ...models])].flatMap((router) =>
    inputs.routers.filter(({ name }) => name !== router).map(({ name }) => ({ router, baseline: name })),
  );
  const bootstrap = { samples: options.samples, seed: options.seed };
  const ranking = evaluateRouters({
    records,
    candidates,
    choices,
    comparisons,
    bootstrapSamples: bootstrap.samples,
    seed: bootstrap.seed,
  });
  const bestSingle = trainedBestSingle(inputs.routers);
  const analysis = analyseRouters({
    records,
    candidates,
    choices,
    served: inputs.manifest.default,
    scores: Object.fromEntries(
      Object.entries(routed)
        .filter(([name]) => readsPrompts(name))
        .map(([name, own]) => [name, own.scores]),
    ),
    outcomes,
    rawOutcomes,
    ...(lengths && { completionTokens: lengths }),
    ...(bestSingle !== undefined && candidates.includes(bestSingle) && { bestSingle }),
    ...(options.pricing && { pricing: options.pricing }),
    bootstrap,
  });
  const evaluation = {
    ...ranking,
    analysis: { ...analysis, trainingOverlap: overlapWith(inputs, records) },
  };
  return { evaluation, report: reportInput(inputs, evaluation, records, candidates, routed, options) };
}

/** Folders that remember no trained prompts still hold those of the kNN router. */
function overlapWith(
  { trainedPrompts, routers }: EvaluationInputs,
  records: readonly JudgedRecord[],
): TrainingOverlap {
  if (trainedPrompts !== undefined)
    return trainingOverlap(records, "hashes", (record) => trainedPrompts.has(record));
  const knn = routers.find((router) => router instanceof KnnRouter);
  return trainingOverlap(records, knn ? "examples" : "unknown", (record) => knn?.holds(record) === true);
}

interface Answers {
  readonly routed: Readonly<Record<string, RoutedRecords>>;
  /** As the gateway expects them: after calibration, where the folder has curves for the method. */
  readonly outcomes: Readonly<Record<string, ExpectedOutcomes>>;
  readonly rawOutcomes: Readonly<Record<string, ExpectedOutcomes>>;
}

async function askRouters(
  inputs: EvaluationInputs,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  onRouter: EvaluateFolderOptions["onRouter"],
): Promise<Answers> {
  const routed: Record<string, RoutedRecords> = {};
  const outcomes: Record<string, ExpectedOutcomes> = {};
  const rawOutcomes: Record<string, ExpectedOutcomes> = {};
  for (const [index, router] of inputs.routers.entries()) {
    const { name } = router;
    onRouter?.(index, name);
    const served = withCalibration(inputs, router);
    if (!isOutcomeRouter(served)) {
      routed[name] = await routeAll(served, records, candidates);
      continue;
    }
    const { expected, ...own } = await assessAll(served, records, candidates);
    routed[name] = own;
    outcomes[name] = expected;
    if (served !== router && isOutcomeRouter(router))
      rawOutcomes[name] = await expectAll(router, records, candidates);
  }
  return { routed, outcomes, rawOutcomes };
}

/** Not one of the baselines that decide without looking: their curves say nothing. */
const readsPrompts = (name: string): boolean => name !== "random" && !name.startsWith("fixed:");

/** The best single model of the training data, from the table of means that the folder keeps of it. */
function trainedBestSingle(routers: readonly Router[]): string | undefined {
  const table = routers.find((router) => router instanceof DomainBestRouter);
  return table && table.table.rows.size > 0
    ? table.candidates[bestSingleOf(table.table.rows.values())]
    : undefined;
}

function reportInput(
  inputs: EvaluationInputs,
  evaluation: RouterEvaluation,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  routed: Readonly<Record<string, RoutedRecords>>,
  { pricing, learning }: EvaluateFolderOptions,
): EvaluationReportInput {
  const costs = pricing ? pricedCosts(records, candidates, pricing) : recordedCosts(records, candidates);
  const { decisions, note } = pickDecisions({
    records,
    candidates,
    ...routed[inputs.manifest.default]!,
    ...(costs && { costsUsd: costs.usd }),
  });
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
    ...(learning && { learning }),
    decisions,
    decisionsNote: note,
  };
}
