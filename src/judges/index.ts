/** Judges: one interface, versioned, every verdict explained. */

export { type CompositeOptions, createCompositeJudge } from "./composite.ts";
export * from "./human/index.ts";
export type { Judge, JudgeOptions, PairJudge, PairVerdict, Verdict } from "./judge.ts";
export * from "./language-model/index.ts";
export * from "./reports/index.ts";
export * from "./reward/index.ts";
