/**
 * Several reward models that vote on the answers to one prompt, each vote logged.
 *
 * ProFuser takes a vote of reward models without saying which; here each model ranks the answers, and either the Borda sums or the
 * number of first places decide, ties by the mean standardised reward.
 */
import { TuttiError } from "../../support/errors.ts";
import { standardisation } from "./reward-model.ts";

/** `borda`: sum of (answers that it beats, ties half); `majority`: models that put it first, ties shared. */
export type VoteRule = "borda" | "majority";

/** One model's rewards for the answers, in the order of the answers. */
export interface RewardVoter {
  readonly name: string;
  readonly rewards: readonly number[];
}

export interface Vote {
  readonly voter: string;
  readonly rewards: readonly number[];
  /** Points that the voter gives each answer. */
  readonly points: readonly number[];
}

export interface Election {
  /** Index of the answer that wins. */
  readonly winner: number;
  /** Sum of the points of each answer. */
  readonly points: readonly number[];
  /** Mean of the voters' standardised rewards of each answer: what decides between equal points. */
  readonly standardised: readonly number[];
  /** Whether the points alone did not decide. */
  readonly isTie: boolean;
  readonly votes: readonly Vote[];
}

/** For each answer: the answers with a lower reward, and half of those with the same. */
function bordaPoints(rewards: readonly number[]): number[] {
  return rewards.map((own, index) =>
    rewards.reduce(
      (sum, other, rival) => sum + (rival === index ? 0 : own > other ? 1 : own === other ? 0.5 : 0),
      0,
    ),
  );
}

/** One point, shared by the answers of highest reward. */
function firstPlacePoints(rewards: readonly number[]): number[] {
  const highest = Math.max(...rewards);
  const count = rewards.filter((reward) => reward === highest).length;
  return rewards.map((reward) => (reward === highest ? 1 / count : 0));
}

/** Rewards of one voter around their mean, in deviations; all 0 where they are equal. */
function standardised(rewards: readonly number[]): number[] {
  const { mean, deviation } = standardisation(rewards);
  return rewards.map((reward) => (deviation > 0 ? (reward - mean) / deviation : 0));
}

/**
 * @throws {TuttiError} INVALID_ARGUMENT without voters or answers, for voters of different numbers of answers, or a reward that is no
 *   finite number
 */
export function elect(voters: readonly RewardVoter[], rule: VoteRule): Election {
  const answers = voters[0]?.rewards.length ?? 0;
  const wrong = voters.find(
    ({ rewards }) => rewards.length !== answers || rewards.some((reward) => !Number.isFinite(reward)),
  );
  if (answers === 0 || wrong !== undefined) {
    const received =
      wrong === undefined ? "no voters or no answers" : `${JSON.stringify(wrong.rewards)} of ${wrong.name}`;
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `votes: received ${received}, expected one finite reward of every voter for every answer`,
    );
  }
  const votes = voters.map(({ name, rewards }): Vote => {
    return {
      voter: name,
      rewards,
      points: rule === "borda" ? bordaPoints(rewards) : firstPlacePoints(rewards),
    };
  });
  const sums = (columns: readonly (readonly number[])[]): number[] =>
    Array.from({ length: answers }, (_, answer) => columns.reduce((sum, column) => sum + column[answer]!, 0));
  const points = sums(votes.map((vote) => vote.points));
  const means = sums(voters.map(({ rewards }) => standardised(rewards))).map((sum) => sum / voters.length);
  const most = Math.max(...points);
  const leaders = points.flatMap((sum, answer) => (Math.abs(sum - most) < 1e-9 ? [answer] : []));
  const winner = leaders.reduce((best, answer) => (means[answer]! > means[best]! ? answer : best));
  return { winner, points, standardised: means, isTie: leaders.length > 1, votes };
}
