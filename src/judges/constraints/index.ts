/** Verifier of instructions that a program can check. */
export {
  type ConstraintsJudgeOptions,
  type ConstraintsVerdict,
  createConstraintsJudge,
} from "./constraints-judge.ts";
export { constraintsFromIfeval } from "./ifeval.ts";
export { CONSTRAINT_KINDS, type Constraint, type ConstraintKind } from "./schema.ts";
