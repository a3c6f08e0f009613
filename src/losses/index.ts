export { binaryCrossEntropyWithLogits } from "./binary-cross-entropy.ts";
export { crossEntropy } from "./cross-entropy.ts";
export { klDivergence, reverseKlDivergence } from "./kl-divergence.ts";
export { meanSquaredError } from "./mean-squared-error.ts";
export { type BradleyTerrySettings, bradleyTerryLoss } from "./preference/bradley-terry.ts";
export { type KtoSettings, ktoLoss, referencePoint } from "./preference/kto.ts";
export { implicitReward, logRatio, type RewardSettings, type ScoredResponses } from "./preference/margins.ts";
export { oddsRatioLoss, orpoLoss } from "./preference/orpo.ts";
export { hingeLoss, identityPreferenceLoss, robustLoss, sigmoidLoss } from "./preference/pair-losses.ts";
export { averageReward, type SimpoSettings, simpoLoss } from "./preference/simpo.ts";
export { wrpoLoss } from "./preference/wrpo.ts";
export { type VocabularyCrossEntropyInputs, vocabularyCrossEntropy } from "./vocabulary-cross-entropy.ts";
export {
  type VocabularyLogProbabilityInputs,
  vocabularyLogProbabilities,
} from "./vocabulary-log-probabilities.ts";
