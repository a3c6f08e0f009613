/** Reports about judges: agreement and bias. */
export {
  type AgreementOptions,
  type AgreementReport,
  agreementReport,
  type PairAgreement,
  type Rating,
  ratingsOfComparisons,
} from "./agreement.ts";
export {
  type BiasOptions,
  biasReport,
  type JudgeBias,
  type LengthBias,
  type PositionBias,
  type SelfPreference,
} from "./bias.ts";
export { type ComparedAnswer, type ComparedGame, type Comparison, comparisonsOf } from "./comparison.ts";
