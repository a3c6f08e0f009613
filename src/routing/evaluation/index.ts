export { percentileInterval } from "../../statistics/interval.ts";
export { lengthControlledWinRate } from "../../statistics/length-controlled.ts";
export { type AgainstSingle, type AgainstSingleInput, compareWithSingle } from "./against-single.ts";
export { type AnalyseRoutersInput, analyseRouters } from "./analyse.ts";
export { bestSingleModel, bestSingleOf } from "./best-single.ts";
export { assignBins, type Binning } from "./binning.ts";
export {
  assessAll,
  chooseAll,
  type ExpectedOutcomes,
  expectAll,
  expectLengths,
  type RoutedRecords,
  routeAll,
} from "./choose.ts";
export { type ChoiceConfusion, choiceConfusion } from "./confusion.ts";
export type { CostAnalysis, CurveBasis, RouterCost, RouterCurve } from "./cost-analysis.ts";
export {
  chooseAtLambda,
  type GradedCosts,
  lambdaGrid,
  nonDecreasingHull,
  type OperatingPoint,
  operatingPoint,
  paretoFront,
  qualityAtCost,
  sweepLambda,
  zeroRouter,
} from "./cost-quality.ts";
export { type AnswerCosts, pricedCosts, recordedCosts } from "./costs.ts";
export {
  averageImprovementInQuality,
  type CostRange,
  costSaving,
  paretoDistance,
  performanceGain,
} from "./curve-measures.ts";
export { type EvaluateRoutersInput, evaluateRouters, normalisedScore, ORACLE } from "./evaluate.ts";
export { type EvaluateRunsInput, evaluateRuns, type RunsEvaluation } from "./evaluate-runs.ts";
export { type Metric, oracleChoices, prepareMetric } from "./metrics.ts";
export { type Bootstrap, benchmarkWeights, bootstrapMeans, weightedMean } from "./paired-bootstrap.ts";
export { type BrierDecomposition, brierDecomposition, brierScore, logLoss } from "./proper-scores.ts";
export {
  expectedCalibrationError,
  type ReliabilityBin,
  type ReliabilityOptions,
  reliabilityBins,
  wilsonInterval,
} from "./reliability.ts";
export type { ReliabilityAnalysis, RouterReliability } from "./reliability-analysis.ts";
export { arenaScore } from "./router-arena.ts";
export {
  averagePerformanceGapRecovered,
  callPerformanceThreshold,
  evenShareCurve,
  type PairScores,
  performanceGapRecovered,
  type StrongSharePoint,
  strongShareCurve,
} from "./strong-weak.ts";
export { formatEvaluationTable } from "./table.ts";
export { overlapWarning, type TrainingOverlap, trainingOverlap } from "./training-overlap.ts";
export type { BenchmarkResult, Interval, PairAnalysis, RouterAnalysis, RouterEvaluation } from "./types.ts";
