/** The answer that a reward model likes best. */
import type { JudgedRecord } from "../../../judged/record.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { AnsweredQuery, ResponseSelector } from "./response-selector.ts";

/** A prompt and one candidate's answer to it. */
export interface RewardInput {
  readonly queryId: string;
  readonly candidate: string;
  readonly prompt: string;
  readonly response: string;
}

/** One finite reward per input, higher is better; rewards of one prompt's answers are comparable. */
export type RewardFunction = (inputs: readonly RewardInput[]) => Promise<ArrayLike<number>>;

/**
 * score_t = r(prompt, response_t): reward-model selection on real responses ("Reward Model" of Lookahead's Table 1,
 * arXiv 2510.19506, with Skywork-Reward-Gemma-2-27B there). It pays for every candidate on every prompt.
 */
export class RewardModelSelector implements ResponseSelector {
  readonly name: string = "reward-model selection";
  readonly candidates: readonly string[];
  readonly readsResponses = true as const;
  private readonly reward: RewardFunction;

  constructor(candidates: readonly string[], reward: RewardFunction) {
    this.candidates = candidates;
    this.reward = reward;
  }

  /** @throws {TuttiError} INVALID_ARGUMENT when a query lacks an answer or a reward is not a finite number */
  async scores(queries: readonly AnsweredQuery[]): Promise<Float64Array[]> {
    const inputs = queries.flatMap(({ id, prompt, responses }) =>
      this.candidates.map((candidate) => {
        const response = Object.hasOwn(responses, candidate) ? responses[candidate] : undefined;
        if (response !== undefined) return { queryId: id, candidate, prompt, response };
        throw new TuttiError(
          "INVALID_ARGUMENT",
          `query ${JSON.stringify(id)}: no answer of ${JSON.stringify(candidate)}, expected one of every candidate`,
          { details: { id, candidate } },
        );
      }),
    );
    const rewards = await this.reward(inputs);
    if (rewards.length !== inputs.length) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `the reward function gave ${rewards.length} rewards for ${inputs.length} answers`,
      );
    }
    const width = this.candidates.length;
    return queries.map(({ id }, row) =>
      Float64Array.from(this.candidates, (candidate, column) => {
        const reward = rewards[row * width + column]!;
        if (Number.isFinite(reward)) return reward;
        throw new TuttiError(
          "INVALID_ARGUMENT",
          `query ${JSON.stringify(id)}: the reward of ${JSON.stringify(candidate)}'s answer is ${reward}, expected a finite number`,
          { details: { id, candidate } },
        );
      }),
    );
  }
}

/**
 * Rewards that were recorded beside the answers, under `candidates.NAME.FIELD` of judged records.
 *
 * @throws {TuttiError} when called: RECORD_INVALID for an answer without a recorded number
 */
export function recordedRewards(records: readonly JudgedRecord[], field: string): RewardFunction {
  const byId = new Map(records.map((record) => [record.id, record]));
  return async (inputs) =>
    inputs.map(({ queryId, candidate }) => {
      const value = byId.get(queryId)?.candidates[candidate]?.[field];
      if (typeof value === "number" && Number.isFinite(value)) return value;
      throw new TuttiError(
        "RECORD_INVALID",
        `record ${JSON.stringify(queryId)}: candidates.${candidate}.${field} is ${JSON.stringify(value)}, expected a recorded reward`,
        {
          details: { recordId: queryId, candidate, field },
          hint: "score the answers with a reward model first, or name the field that holds its scores",
        },
      );
    });
}
