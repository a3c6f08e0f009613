/** Language models as judges: rubrics, pointwise and pairwise verdicts. */
export type { JudgingModel } from "./ask.ts";
export { BUILT_IN_RUBRICS } from "./built-in-rubrics.ts";
export { rubricOfMtBench } from "./mt-bench-rubric.ts";
export { createPairwiseJudge, type PairwiseJudgeOptions } from "./pairwise-judge.ts";
export { createPointwiseJudge } from "./pointwise-judge.ts";
export { type TokenPreference, tokenPreference } from "./preference.ts";
export { type FoundObject, findObject } from "./repair-json.ts";
export {
  type ChoiceLabels,
  checkRubric,
  type RatingScale,
  RUBRIC_OUTPUTS,
  type Rubric,
  type RubricOutput,
} from "./rubric.ts";
