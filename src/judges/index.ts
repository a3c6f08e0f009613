/** Judges: one interface, versioned, every verdict explained. */
export * from "./code/index.ts";
export type { Judge, JudgeOptions, PairJudge, PairVerdict, Verdict } from "./judge.ts";
