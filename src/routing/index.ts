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
export { lookaheadDefaults } from "./defaults.ts";
export { type Embedder, EncoderEmbedder, TfidfLsaEmbedder } from "./embedding/index.ts";
export {
  chooseAll,
  evaluateRouters,
  formatEvaluationTable,
  type RouterEvaluation,
} from "./evaluation/index.ts";
export { type LookaheadOptions, LookaheadRouter, loadLookahead, trainLookahead } from "./lookahead/index.ts";
export { renderEvaluationReport } from "./report/index.ts";
export { argmax, type Router, type RoutingQuery } from "./router.ts";
export { type LoadedRouters, loadRouters, type RouterManifest } from "./router-folder.ts";
export { type TrainRouterEvents, type TrainRouterOptions, trainRouter } from "./train-router.ts";
