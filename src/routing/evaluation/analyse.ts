/** Everything that is said of routers beyond their ranking, from choices, scores and expectations. */
import type { JudgedRecord } from "../../judged/record.ts";
import type { ModelPricing } from "../../pool/pricing.ts";
import { absoluteScores, benchmarkRanges, candidateScores } from "../labels.ts";
import { compareWithSingle } from "./against-single.ts";
import { bestSingleModel } from "./best-single.ts";
import type { ExpectedOutcomes } from "./choose.ts";
import { choiceConfusion } from "./confusion.ts";
import { analyseCosts, type CostAnalysis, type CurveBasis } from "./cost-analysis.ts";
import { pricedCosts, recordedCosts } from "./costs.ts";
import { type Bootstrap, benchmarkWeights, weightedMean } from "./paired-bootstrap.ts";
import { analyseReliability } from "./reliability-analysis.ts";
import { averagePerformanceGapRecovered, callPerformanceThreshold, strongShareCurve } from "./strong-weak.ts";
import type { PairAnalysis, RouterAnalysis } from "./types.ts";

export interface AnalyseRoutersInput {
  readonly records: readonly JudgedRecord[];
  readonly candidates: readonly string[];
  /** Candidate index per record, by router, the oracle excepted. */
  readonly choices: Readonly<Record<string, Int32Array>>;
  /** The router that serves. */
  readonly served: string;
  /** Score rows of the routers whose curves are wanted, [prompt][candidate]. */
  readonly scores?: Readonly<Record<string, readonly Float64Array[]>>;
  /** Of routers that say what their numbers mean; these replace scores where costs are weighed. */
  readonly outcomes?: Readonly<Record<string, ExpectedOutcomes>>;
  /** Of calibrated routers that expect qualities by themselves: what they expect before calibration. */
  readonly rawOutcomes?: Readonly<Record<string, ExpectedOutcomes>>;
  /** Expected answer lengths in tokens, [prompt][candidate]; the same length is assumed of all without. */
  readonly completionTokens?: readonly Float64Array[];
  /** Chosen on training data; chosen with hindsight on `records` without. */
  readonly bestSingle?: string;
  /** Prices by candidate; without them dollars are taken from the records where all have them. */
  readonly pricing?: Readonly<Record<string, ModelPricing>>;
  readonly bootstrap: Bootstrap;
}

/**
 * @throws {TuttiError} RECORD_INVALID for a missing score; UNKNOWN_CANDIDATE when `pricing` lacks a candidate
 */
export function analyseRouters(input: AnalyseRoutersInput): RouterAnalysis {
  const { records, candidates, choices, bootstrap } = input;
  const quality = qualityRows(records, candidates);
  const benchmarks = records.map(({ benchmark }) => benchmark);
  const single = input.bestSingle ?? bestSingleModel(records, candidates);
  const column = candidates.indexOf(single);
  const achieved = (own: ArrayLike<number>): Float64Array =>
    Float64Array.from(quality, (row, prompt) => row[own[prompt]!]!);
  const oracle = Int32Array.from(quality, (row) => row.indexOf(Math.max(...row)));
  const { mean, against } = compareWithSingle({
    routers: Object.fromEntries(Object.entries(choices).map(([router, own]) => [router, achieved(own)])),
    single: Float64Array.from(quality, (row) => row[column]!),
    oracle: achieved(oracle),
    benchmarks,
    bootstrap,
  });
  const costs = costAnalysis(input, quality, oracle, column);
  const reliability = reliabilityOf(input, quality);
  const pair = pairAnalysis(input, quality, costs);
  return {
    models: candidates,
    served: input.served,
    quality: mean,
    bestSingle: { model: single, chosenOn: input.bestSingle === undefined ? "evaluation" : "training" },
    againstSingle: against,
    confusion: Object.fromEntries(
      Object.entries(choices).map(([router, own]) => [router, choiceConfusion(own, quality)]),
    ),
    ...(costs && { costs }),
    ...(reliability && { reliability }),
    ...(pair && { pair }),
  };
}

/** 0 to 100, [prompt][candidate]; see {@link RouterAnalysis}. */
function qualityRows(records: readonly JudgedRecord[], candidates: readonly string[]): Float64Array[] {
  const ranges = benchmarkRanges(records, candidates);
  return records.map((record) =>
    absoluteScores(candidateScores(record, candidates), ranges.get(record.benchmark)!).map(
      (score) => 100 * score,
    ),
  );
}

function reliabilityOf(
  { outcomes = {}, rawOutcomes = {} }: AnalyseRoutersInput,
  quality: readonly Float64Array[],
): RouterAnalysis["reliability"] {
  const shares = quality.map((row) => row.map((value) => value / 100));
  const entries = Object.entries(outcomes).map(([router, expected]) => {
    const raw = rawOutcomes[router];
    const own = analyseReliability(expected, shares);
    return [router, { ...own, ...(raw && { raw: analyseReliability(raw, shares) }) }] as const;
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** What a router's numbers are when cost is weighed against them: expected quality where there is one. */
function weighableScores({ scores = {}, outcomes = {} }: AnalyseRoutersInput) {
  const weighable: Record<string, { scores: readonly Float64Array[]; basis: CurveBasis }> = {};
  for (const [router, rows] of Object.entries(scores)) weighable[router] = { scores: rows, basis: "scores" };
  for (const [router, { quality, isCalibrated }] of Object.entries(outcomes)) {
    weighable[router] = {
      scores: quality.map((row) =>
        row.map((value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value)),
      ),
      basis: isCalibrated ? "calibrated" : "expected",
    };
  }
  return weighable;
}

function costAnalysis(
  input: AnalyseRoutersInput,
  quality: readonly Float64Array[],
  oracle: Int32Array,
  single: number,
): CostAnalysis | undefined {
  const { records, candidates, pricing, completionTokens } = input;
  const costs = pricing
    ? pricedCosts(records, candidates, pricing, completionTokens)
    : recordedCosts(records, candidates);
  if (costs === undefined || costs.usd.every((row) => row.every((usd) => usd === 0))) return undefined;
  const benchmarks = records.map(({ benchmark }) => benchmark);
  return analyseCosts({
    candidates,
    costs,
    ...(pricing && { expectedLengths: completionTokens ? "predicted" : "assumed" }),
    quality,
    weights: benchmarkWeights(benchmarks),
    benchmarks,
    choices: input.choices,
    oracle,
    single,
    weighable: weighableScores(input),
    bootstrap: input.bootstrap,
  });
}

/** The strong model is the dearer one, or without costs the better one. */
function pairAnalysis(
  input: AnalyseRoutersInput,
  quality: readonly Float64Array[],
  costs: CostAnalysis | undefined,
): PairAnalysis | undefined {
  const { candidates, records } = input;
  if (candidates.length !== 2) return undefined;
  const weights = benchmarkWeights(records.map(({ benchmark }) => benchmark));
  const column = (index: number): Float64Array => Float64Array.from(quality, (row) => row[index]!);
  const rank = candidates.map(
    (name, index) => costs?.models[name]?.cost ?? weightedMean(column(index), weights),
  );
  const strong = rank[0]! > rank[1]! ? 0 : 1;
  const scores = { strong: column(strong), weak: column(1 - strong) };
  const mean = (values: Float64Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [strongQuality, weakQuality] = [mean(scores.strong), mean(scores.weak)];
  if (strongQuality <= weakQuality) return undefined;
  const routers = Object.entries(weighableScores(input)).map(([router, { scores: rows }]) => {
    const curve = strongShareCurve(
      rows.map((row) => row[strong]! - row[1 - strong]!),
      scores,
    );
    const [cpt50, cpt80] = [0.5, 0.8].map((x) =>
      callPerformanceThreshold(curve, weakQuality, strongQuality, x),
    );
    return [
      router,
      {
        apgr: averagePerformanceGapRecovered(curve, weakQuality, strongQuality),
        ...(cpt50 !== undefined && { cpt50 }),
        ...(cpt80 !== undefined && { cpt80 }),
      },
    ] as const;
  });
  return {
    strong: candidates[strong]!,
    weak: candidates[1 - strong]!,
    strongQuality,
    weakQuality,
    routers: Object.fromEntries(routers),
  };
}
