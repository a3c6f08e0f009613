export { ANSWER_FEATURES, type AnswerFeature, answerFeatures } from "./answer-features.ts";
export { type AnswerOutlook, LatentRouter } from "./latent-router.ts";
export { type LatentOptions, trainLatent, withLatentCandidate } from "./train-latent.ts";
