export {
  costQualityHull,
  KnnRouter,
  type Neighbour,
  RewardModelSelector,
  recordedRewards,
  selectAll,
  trainBaselines,
  trainRivals,
  zeroChoice,
  zeroMixture,
} from "./baselines/index.ts";
export { type BatchingOptions, batchingRouter } from "./batching-router.ts";
export {
  CalibratedRouter,
  type CalibrationFile,
  calibrateRouters,
  DifficultyModel,
  trainDifficulty,
} from "./calibration/index.ts";
export { LOOKAHEAD_PRESETS, type LookaheadPreset, lookaheadDefaults, lookaheadPreset } from "./defaults.ts";
export {
  buildDriftMonitor,
  type DriftReport,
  detectDrift,
  formatDrift,
  loadDriftMonitor,
} from "./drift/index.ts";
export { type Embedder, EncoderEmbedder, TfidfLsaEmbedder } from "./embedding/index.ts";
export { type EnsembleMember, EnsembleRouter, fitEnsemble } from "./ensemble/index.ts";
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
export {
  type EmbeddingHeads,
  type ExportAgreement,
  ExportedRouter,
  embeddingHeadsGraph,
  exportAgreement,
  exportRouter,
  type GraphRouter,
  isGraphRouter,
  type RouterExportManifest,
  type RouterExportOptions,
  type RouterGraph,
  readRouterManifest,
} from "./export/index.ts";
export { type AddCandidateOptions, addCandidate, removeCandidate } from "./grow-folder.ts";
export { type GrowableModel, type GrowableRouter, isGrowable } from "./growth/index.ts";
export {
  expectedLatencyMs,
  fitLatency,
  type LatencyProfile,
  type LengthEstimate,
  LengthModel,
  trainLengthModel,
} from "./length/index.ts";
export {
  type LookaheadOptions,
  LookaheadRouter,
  loadLookahead,
  selectCandidates,
  trainLookahead,
} from "./lookahead/index.ts";
export { isOutcomeRouter, type OutcomeEstimate, type OutcomeRouter } from "./outcome.ts";
export {
  applyPolicy,
  type BudgetState,
  type BudgetTerms,
  budgetAt,
  type CandidateEstimate,
  type Change,
  chargeBudget,
  offlineOptimum,
  type Policy,
  type PolicyDecision,
  type PolicyInput,
  settleBudget,
  startBudget,
  whatWouldChange,
} from "./policy/index.ts";
export { type LearningCurves, readLearningCurves, renderEvaluationReport } from "./report/index.ts";
export { argmax, type Router, type RoutingQuery } from "./router.ts";
export { type LoadedRouters, loadRouters, type RouterManifest } from "./router-folder.ts";
export { type TrainRouterEvents, type TrainRouterOptions, trainRouter } from "./train-router.ts";
export {
  formatTuning,
  type Setting,
  type TunableMethod,
  type TuneRouterEvents,
  type TuneRouterOptions,
  type TuningResult,
  tunableMethods,
  tuneRouter,
} from "./tuning/index.ts";
