/** Conversations with answers as token groups, laid out by the model's chat template. */
import { TuttiError } from "../../support/errors.ts";
import { encodeConversation, type Tokenizer } from "../../text/index.ts";
import type { PreferenceGroup } from "../preference-task.ts";
import type { RewardGroup } from "../reward-task.ts";
import type { AnsweredPrompt } from "./read-answers.ts";

export interface EncodeOptions {
  /** Jinja, as in the model's tokenizer_config.json. */
  readonly template: string;
  /** Of prompt and answer together; answers are cut to what fits. */
  readonly maxTokens: number;
  readonly bosToken?: string;
  readonly eosToken?: string;
}

/**
 * - prompt_too_long: the prompt leaves no room for an answer
 * - equal_answers: as tokens, and cut, two answers of the prompt are the same
 */
export type DropReason = "prompt_too_long" | "equal_answers";

export interface EncodedAnswers {
  readonly groups: readonly (PreferenceGroup & RewardGroup)[];
  /** Answers that were cut. */
  readonly cut: number;
  readonly dropped: readonly { readonly id: string; readonly reason: DropReason }[];
}

/**
 * Prompt and answers are encoded apart, as in generation.
 *
 * @throws {TuttiError} as `encodeConversation`
 */
export function encodeAnswers(
  tokenizer: Tokenizer,
  prompts: readonly AnsweredPrompt[],
  { template, maxTokens, ...tokens }: EncodeOptions,
): EncodedAnswers {
  const groups: (PreferenceGroup & RewardGroup)[] = [];
  const dropped: { id: string; reason: DropReason }[] = [];
  let cut = 0;
  for (const { id, messages, answers, ...facts } of prompts) {
    const encoded = answers.map((content) => {
      const whole = [...messages, { role: "assistant", content }];
      const { ids, isAssistant } = encodeConversation(tokenizer, template, whole, tokens);
      const start = isAssistant.lastIndexOf(0) + 1;
      return { promptIds: ids.slice(0, start), response: ids.slice(start, maxTokens), length: ids.length };
    });
    const { promptIds } = encoded[0]!;
    const responses = encoded.map(({ response }) => response);
    if (promptIds.length >= maxTokens) dropped.push({ id, reason: "prompt_too_long" });
    else if (hasEqual(responses)) dropped.push({ id, reason: "equal_answers" });
    else {
      groups.push({ id, promptIds, responses, ...facts });
      cut += encoded.filter(({ length }) => length > maxTokens).length;
    }
  }
  return { groups, cut, dropped };
}

const hasEqual = (responses: readonly Int32Array[]): boolean =>
  new Set(responses.map((ids) => ids.join())).size < responses.length;

/**
 * Adds to each answer one to another prompt, which KTO's reference point is estimated from, cut to what fits: that of the nearest
 * group before with another prompt, if possible with an answer of the same verdict, so that good and bad answers have the share
 * of it that they have in the data. TRL takes the one before within a batch.
 *
 * @throws {TuttiError} DATASET_INVALID when all groups have the same prompt
 */
export function withMismatched(groups: readonly PreferenceGroup[], maxTokens: number): PreferenceGroup[] {
  const prompts = groups.map(({ promptIds }) => promptIds.join());
  const before = (index: number, isFit: (other: PreferenceGroup) => boolean): PreferenceGroup | undefined => {
    for (let back = 1; back < groups.length; back++) {
      const other = groups.at(index - back)!;
      if (isFit(other) && prompts.at(index - back) !== prompts[index]) return other;
    }
    return undefined;
  };
  const otherOf = (index: number): PreferenceGroup => {
    const verdict = groups[index]!.isDesirable;
    const other = before(index, ({ isDesirable }) => isDesirable === verdict) ?? before(index, () => true);
    if (other) return other;
    throw new TuttiError(
      "DATASET_INVALID",
      "all answers are to one prompt, and KTO needs answers to another",
      {
        hint: "give data of several prompts, or use another loss",
      },
    );
  };
  return groups.map((group, index) => {
    const mismatched = otherOf(index).responses[0]!.slice(0, maxTokens - group.promptIds.length);
    return { ...group, responses: [group.responses[0]!, mismatched] };
  });
}
