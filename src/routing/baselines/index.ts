export { FixedRouter, RandomRouter } from "./constant-routers.ts";
export { DEFAULT_CLUSTERS, KMeansRouter, trainKMeans } from "./k-means-router.ts";
export { DEFAULT_NEIGHBOURS, KnnRouter, type Neighbour, trainKnn } from "./knn-router.ts";
export { type GrowableBaseline, isGrowableBaseline, type SavableRouter } from "./parts.ts";
export { DEFAULT_LAMBDAS, RidgeRouter, trainRidge } from "./ridge-router.ts";
export { type LoadBaselinesOptions, loadBaselines, saveBaselines } from "./save.ts";
export {
  DomainBestRouter,
  type PromptClass,
  promptClass,
  StringRuleRouter,
  trainDomainBest,
  trainStringRule,
} from "./table-routers.ts";
export { type TrainBaselinesOptions, trainBaselines } from "./train.ts";
