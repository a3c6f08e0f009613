export { betaWarning, type RewardScale } from "./check-beta.ts";
export {
  type DropReason,
  type EncodedAnswers,
  type EncodeOptions,
  encodeAnswers,
  withMismatched,
} from "./data/encode-answers.ts";
export {
  type AnsweredPrompt,
  type AnswerSource,
  type AnswerUse,
  type DroppedAnswer,
  type ReadAnswers,
  readAnswers,
} from "./data/read-answers.ts";
export {
  type DirectLoss,
  type DirectSettings,
  directPreference,
  type ObjectiveLosses,
  oddsRatioPreference,
  type PreferenceObjective,
  type ResponseRole,
  type StepFacts,
  simplePreference,
  unpairedPreference,
  type WeightedSettings,
  weightedPreference,
} from "./objectives.ts";
export {
  createPreferenceTask,
  type GroupTaskOptions,
  type PreferenceGroup,
  type PreferenceTaskOptions,
  type ReferenceLookUp,
} from "./preference-task.ts";
export { computeReference, type ReferenceOptions } from "./reference/compute-reference.ts";
export { ReferenceFile, type ReferenceKey } from "./reference/reference-file.ts";
export { createRewardTask, type RewardGroup, type RewardObjective } from "./reward-task.ts";
export type { GroupBatching } from "./rows/group-plans.ts";
export type { PromptResponses } from "./rows/prompt-responses.ts";
export { type AnswerSettings, type GreedyAnswer, greedyAnswers } from "./run/greedy-answers.ts";
export { type AnswerJudge, type JudgedScore, judgedScore } from "./run/judged-score.ts";
export { type LanguageModel, loadLanguageModel } from "./run/language-model.ts";
export { type PreferenceSettings, preparePreference } from "./run/prepare-preference.ts";
export { prepareReward, type RewardSettings } from "./run/prepare-reward.ts";
export { prepareSft, type SftSettings } from "./run/prepare-sft.ts";
export type { PipelineFacts, PreparedRun, PrepareEvents, RunFacts } from "./run/prepared-run.ts";
export {
  type FinishedRun,
  type RunEvents,
  runTraining,
  type Score,
  type Scored,
} from "./run/run-training.ts";
export type { RunSettings } from "./run/settings.ts";
export { type Measured, TaskMeasure } from "./run/validation.ts";
export { type WrittenModel, writeTrainedModel } from "./run/write-model.ts";
