export {
  AvengersProRouter,
  type CandidateCosts,
  trainAvengersPro,
} from "./clusters/avengers-pro-router.ts";
export { type AvengersOptions, AvengersRouter, trainAvengers } from "./clusters/avengers-router.ts";
export { SoftClustersRouter, trainSoftClusters } from "./clusters/soft-clusters-router.ts";
export { FixedRouter, RandomRouter } from "./constant-routers.ts";
export { DEFAULT_CLUSTERS, KMeansRouter, trainKMeans } from "./k-means-router.ts";
export { DEFAULT_NEIGHBOURS, KnnRouter, type Neighbour, trainKnn } from "./knn-router.ts";
export { SmoothieRouter, trainSmoothie } from "./label-free/smoothie-router.ts";
export type { HeadTraining } from "./learned/head-training.ts";
export { IrtRouter, type PromptTraits, trainIrt } from "./learned/irt-router.ts";
export {
  DEFAULT_PENALTIES,
  LogisticRouter,
  type LogisticTarget,
  trainLogistic,
} from "./learned/logistic-router.ts";
export {
  type MatrixFactorisation,
  MatrixFactorisationRouter,
  trainMatrixFactorisation,
} from "./learned/matrix-factorisation-router.ts";
export { RouterDcRouter, trainRouterDc } from "./learned/router-dc-router.ts";
export { type KlDirection, trainZooter, ZooterRouter } from "./learned/zooter-router.ts";
export { type GrowableBaseline, isGrowableBaseline, type SavableRouter } from "./parts.ts";
export type { ClusterOptions } from "./prompt-clusters.ts";
export { DEFAULT_LAMBDAS, RidgeRouter, trainRidge } from "./ridge-router.ts";
export { type LoadBaselinesOptions, loadBaselines, saveBaselines } from "./save.ts";
export {
  type AnsweredQuery,
  answeredQuery,
  type ResponseSelector,
  selectAll,
} from "./selectors/response-selector.ts";
export {
  type RewardFunction,
  type RewardInput,
  RewardModelSelector,
  recordedRewards,
} from "./selectors/reward-model-selector.ts";
export {
  DomainBestRouter,
  type PromptClass,
  promptClass,
  StringRuleRouter,
  trainDomainBest,
  trainStringRule,
} from "./table-routers.ts";
export { type TrainBaselinesOptions, trainBaselines } from "./train.ts";
export { RIVAL_NAMES, type RivalName, type TrainRivalsOptions, trainRivals } from "./train-rivals.ts";
export { trainTwins } from "./twins.ts";
export {
  type CostQualityPoint,
  costQualityHull,
  type ZeroMixture,
  zeroChoice,
  zeroMixture,
} from "./zero-router.ts";
