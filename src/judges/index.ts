/** Judges: one interface, versioned, every verdict explained. */
export type { Judge, JudgeOptions, PairJudge, PairVerdict, Verdict } from "./judge.ts";
