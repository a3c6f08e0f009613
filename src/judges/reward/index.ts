/** Reward models as judges: local sequence classifiers, remote endpoints, ensembles that vote. */
export { type Election, elect, type RewardVoter, type Vote, type VoteRule } from "./ensemble.ts";
export {
  REWARD_ENDPOINTS,
  type RemoteRewardOptions,
  type RewardEndpoint,
  remoteRewardModel,
} from "./remote-reward.ts";
export {
  createRewardJudge,
  localRewardModel,
  type RewardInput as RewardedAnswer,
  type RewardModel,
  type RewardScale,
  scaled as scaledReward,
  standardisation,
} from "./reward-model.ts";
export { SequenceScorer, type SequenceScorerOptions } from "./sequence-scorer.ts";
