/** Judges: one interface, versioned, every verdict explained. */
export {
  CONSTRAINT_KINDS,
  type Constraint,
  type ConstraintKind,
  type ConstraintsJudgeOptions,
  type ConstraintsVerdict,
  constraintsFromIfeval,
  createConstraintsJudge,
} from "./constraints/index.ts";
export type { Judge, JudgeOptions, PairJudge, PairVerdict, Verdict } from "./judge.ts";
export {
  type AnswerPlace,
  type Comparison,
  compareAnswers,
  createMathematicsJudge,
  type ExtractedAnswer,
  extractFinalAnswer,
  type MathematicsJudgeOptions,
  type MathematicsVerdict,
} from "./mathematics/index.ts";
