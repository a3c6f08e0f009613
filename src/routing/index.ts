export { KnnRouter, type Neighbour, trainBaselines } from "./baselines/index.ts";
export { lookaheadDefaults } from "./defaults.ts";
export { type Embedder, EncoderEmbedder, TfidfLsaEmbedder } from "./embedding/index.ts";
export {
  type AnalyseRoutersInput,
  analyseRouters,
  arenaScore,
  averageImprovementInQuality,
  averagePerformanceGapRecovered,
  bestSingleModel,
  brierDecomposition,
  callPerformanceThreshold,
  chooseAll,
  evaluateRouters,
  expectedCalibrationError,
  formatEvaluationTable,
  nonDecreasingHull,
  type RouterAnalysis,
  type RouterEvaluation,
  reliabilityBins,
  routeAll,
  strongShareCurve,
  sweepLambda,
  zeroRouter,
} from "./evaluation/index.ts";
export { type LookaheadOptions, LookaheadRouter, loadLookahead, trainLookahead } from "./lookahead/index.ts";
export { type LearningCurves, readLearningCurves, renderEvaluationReport } from "./report/index.ts";
export { argmax, type Router, type RoutingQuery } from "./router.ts";
export { type LoadedRouters, loadRouters, type RouterManifest } from "./router-folder.ts";
export { type TrainRouterEvents, type TrainRouterOptions, trainRouter } from "./train-router.ts";
