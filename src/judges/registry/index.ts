/** Judges by name. */
export { createJudge, type JudgeResources } from "./create-judge.ts";
export {
  JUDGE_FIELDS,
  type JudgeSpec,
  judgeSchema,
  judgingModels,
  parseJudge,
  SHORT_FORMS,
  type SingleJudgeSpec,
} from "./judge-spec.ts";
