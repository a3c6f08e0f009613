/** Judges: one interface, versioned, every verdict explained. */
export {
  CODE_JUDGE_VERSION,
  CODE_LANGUAGES,
  type CodeJudgeOptions,
  type CodeLanguage,
  type CodeReference,
  CodeSandbox,
  type CodeSandboxOptions,
  codeBlocks,
  codeReference,
  createCodeJudge,
  DEFAULT_PROGRAM_LIMITS,
  type ExtractedCode,
  type ExtractionForm,
  extractProgram,
  type OutcomeCache,
  outcomeKey,
  PROGRAM_VERDICTS,
  type Program,
  type ProgramFailure,
  type ProgramLimits,
  type ProgramOutcome,
  type ProgramVerdict,
  RecentOutcomes,
} from "./code/index.ts";
export { type CompositeOptions, createCompositeJudge } from "./composite.ts";
export {
  CONSTRAINT_KINDS,
  type Constraint,
  type ConstraintKind,
  type ConstraintsJudgeOptions,
  type ConstraintsVerdict,
  constraintsFromIfeval,
  createConstraintsJudge,
} from "./constraints/index.ts";
export * from "./human/index.ts";
export type { Judge, JudgeOptions, JudgeTraits, PairJudge, PairVerdict, Verdict } from "./judge.ts";
export * from "./judging/index.ts";
export * from "./language-model/index.ts";
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
export * from "./registry/index.ts";
export * from "./reports/index.ts";
export * from "./reward/index.ts";
export { createVerifier } from "./verifier.ts";
