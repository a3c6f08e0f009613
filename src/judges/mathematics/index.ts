/** Verifier of final answers. */
export { type Comparison, compareAnswers } from "./equivalence.ts";
export { type AnswerPlace, type ExtractedAnswer, extractFinalAnswer } from "./extract.ts";
export {
  createMathematicsJudge,
  type MathematicsJudgeOptions,
  type MathematicsVerdict,
} from "./mathematics-judge.ts";
