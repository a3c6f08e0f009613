/** What routers cost and what their curves look like beside single models, the zero router and the oracle. */

import { percentileInterval } from "../../statistics/interval.ts";
import {
  type GradedCosts,
  type OperatingPoint,
  operatingPoint,
  sweepLambda,
  zeroRouter,
} from "./cost-quality.ts";
import type { AnswerCosts } from "./costs.ts";
import {
  averageImprovementInQuality,
  type CostRange,
  costSaving,
  paretoDistance,
  performanceGain,
} from "./curve-measures.ts";
import { type Bootstrap, bootstrapMeans } from "./paired-bootstrap.ts";
import { arenaScore } from "./router-arena.ts";
import type { Interval } from "./types.ts";

/** Costs are US dollars for a thousand prompts, each benchmark weighing the same; qualities are 0 to 100. */
export interface CostAnalysis {
  readonly source: AnswerCosts["source"];
  readonly estimatedShare: number;
  /** Where the lengths behind expected costs are from, the same for every router; absent where costs were recorded. */
  readonly expectedLengths?: "predicted" | "assumed";
  /** Each router as it serves, without regard to cost. */
  readonly routers: Readonly<Record<string, RouterCost>>;
  readonly models: Readonly<Record<string, OperatingPoint>>;
  readonly oracle: OperatingPoint;
  /** Curves of routers whose scores can be weighed against cost, by lambda. */
  readonly curves: Readonly<Record<string, RouterCurve>>;
  /** Corners of the hull of the single models. */
  readonly zeroRouter: readonly OperatingPoint[];
  readonly zeroRouterAiq: number;
  /** The range of costs behind every AIQ. */
  readonly aiqRange: CostRange;
}

export interface RouterCost extends OperatingPoint {
  /** Cost relative to the best single model, less one; -0.2 is a fifth cheaper. Absent when that model is free. */
  readonly relativeToSingle?: number;
  readonly relativeInterval?: Interval;
  /** RouterArena's score, 0 to 1. */
  readonly arenaScore: number;
}

/** What a dollar is weighed against: calibrated quality, quality that the router expects by itself, or bare scores. */
export type CurveBasis = "calibrated" | "expected" | "scores";

export interface RouterCurve {
  readonly basis: CurveBasis;
  readonly points: readonly OperatingPoint[];
  readonly aiq: number;
  readonly performanceGain: number;
  /** Absent when no setting is as good as the best single model. */
  readonly costSaving?: number;
  readonly paretoDistance: number;
}

export interface CostAnalysisInput {
  readonly candidates: readonly string[];
  readonly costs: AnswerCosts;
  /** 0 to 100, [prompt][candidate] */
  readonly quality: readonly Float64Array[];
  readonly weights: Float64Array;
  readonly benchmarks: readonly string[];
  readonly choices: Readonly<Record<string, Int32Array>>;
  readonly oracle: Int32Array;
  readonly single: number;
  readonly expectedLengths?: "predicted" | "assumed";
  /** What is weighed against the expected costs, for routers whose curve is wanted. */
  readonly weighable: Readonly<
    Record<string, { readonly scores: readonly Float64Array[]; readonly basis: CurveBasis }>
  >;
  readonly bootstrap: Bootstrap;
}

const PROMPTS = 1000;

/** At least one answer has to cost something. */
export function analyseCosts(input: CostAnalysisInput): CostAnalysis {
  const { candidates, costs, choices, quality, weights } = input;
  const perThousand = costs.usd.map((row) => row.map((usd) => PROMPTS * usd));
  const graded: GradedCosts = { quality, costs: perThousand, weights };
  const fixed = (candidate: number): OperatingPoint =>
    operatingPoint(new Int32Array(weights.length).fill(candidate), graded);
  const models = Object.fromEntries(candidates.map((name, candidate) => [name, fixed(candidate)]));
  const single = fixed(input.single);
  const hull = zeroRouter(Object.values(models));
  const aiqRange = { low: 0, high: Math.max(...Object.values(models).map(({ cost }) => cost)) };
  const points = Object.entries(input.weighable).map(
    ([router, { scores }]) => [router, sweepLambda(scores, costs.expectedUsd, graded)] as const,
  );
  const compared = [...Object.values(models), ...points.flatMap(([, own]) => own)];
  const curves: Record<string, RouterCurve> = {};
  for (const [router, own] of points) {
    const saving = costSaving(own, single);
    curves[router] = {
      basis: input.weighable[router]!.basis,
      points: own,
      aiq: averageImprovementInQuality(own, aiqRange),
      performanceGain: performanceGain(own, single),
      ...(saving !== undefined && { costSaving: saving }),
      paretoDistance: paretoDistance(own, compared),
    };
  }
  return {
    source: costs.source,
    estimatedShare: costs.estimatedShare,
    ...(input.expectedLengths && { expectedLengths: input.expectedLengths }),
    routers: routerCosts(choices, perThousand, graded, input),
    models,
    oracle: operatingPoint(input.oracle, graded),
    curves,
    zeroRouter: hull,
    zeroRouterAiq: averageImprovementInQuality(hull, aiqRange),
    aiqRange,
  };
}

function routerCosts(
  choices: Readonly<Record<string, Int32Array>>,
  perThousand: readonly Float64Array[],
  graded: GradedCosts,
  { single, benchmarks, bootstrap }: CostAnalysisInput,
): Record<string, RouterCost> {
  const names = Object.keys(choices);
  const columns = names.map((name) => perThousand.map((row, prompt) => row[choices[name]![prompt]!]!));
  const resampled = bootstrapMeans(
    [perThousand.map((row) => row[single]!), ...columns],
    benchmarks,
    bootstrap,
  );
  const singleCost = operatingPoint(new Int32Array(perThousand.length).fill(single), graded).cost;
  const result: Record<string, RouterCost> = {};
  for (const [index, name] of names.entries()) {
    const point = operatingPoint(choices[name]!, graded);
    result[name] = {
      ...point,
      ...(singleCost > 0 && {
        relativeToSingle: point.cost / singleCost - 1,
        relativeInterval: percentileInterval(
          resampled[index + 1]!.map((cost, sample) => cost / resampled[0]![sample]! - 1),
        ),
      }),
      arenaScore: arenaScore(point.quality / 100, point.cost),
    };
  }
  return result;
}
