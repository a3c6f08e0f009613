export {
  type DirectLoss,
  type DirectSettings,
  directPreference,
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
  type ReferenceLookUp,
} from "./preference-task.ts";
export { createRewardTask, type RewardGroup, type RewardObjective } from "./reward-task.ts";
export type { GroupBatching } from "./rows/group-plans.ts";
export type { PromptResponses } from "./rows/prompt-responses.ts";
