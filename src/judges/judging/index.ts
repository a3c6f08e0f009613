/** Judging the answers of a store: resumable, shared by processes, within a budget. */
export { type JudgingOptions, type JudgingProgress, type JudgingReport, judgeStore } from "./judge-store.ts";
export type { JudgingFilter, JudgingScope } from "./plan.ts";
export type { FailureTally, ModelTally } from "./tally.ts";
