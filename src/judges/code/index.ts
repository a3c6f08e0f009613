/** Judging code by running it; docs/judges-code.md says how and how safely. */
export { CODE_JUDGE_VERSION, type CodeJudgeOptions, createCodeJudge } from "./code-judge.ts";
export { codeBlocks, type ExtractedCode, type ExtractionForm, extractProgram } from "./extract.ts";
export { type OutcomeCache, outcomeKey, RecentOutcomes } from "./outcome-cache.ts";
export {
  CODE_LANGUAGES,
  type CodeLanguage,
  DEFAULT_PROGRAM_LIMITS,
  PROGRAM_VERDICTS,
  type Program,
  type ProgramFailure,
  type ProgramLimits,
  type ProgramOutcome,
  type ProgramVerdict,
} from "./program.ts";
export { type CodeReference, codeReference } from "./reference.ts";
export { CodeSandbox, type CodeSandboxOptions } from "./sandbox/sandbox.ts";
