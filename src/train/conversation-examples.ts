/** Conversations as fine-tuning examples: loss on what the assistant says, nothing else. */
import { encodeConversation, type TemplateMessage, type Tokenizer } from "../text/index.ts";
import type { FineTuningExample } from "./causal-lm-task.ts";

export interface Conversation {
  readonly id: string;
  readonly messages: readonly TemplateMessage[];
}

export interface ConversationOptions {
  /** Jinja, as in the model's tokenizer_config.json. */
  readonly template: string;
  /** Longer ones are cut to their first tokens. */
  readonly maxTokens: number;
  readonly bosToken?: string;
  readonly eosToken?: string;
}

/** @throws {TuttiError} as {@link encodeConversation} does */
export function conversationExamples(
  tokenizer: Tokenizer,
  conversations: readonly Conversation[],
  { template, maxTokens, ...tokens }: ConversationOptions,
): FineTuningExample[] {
  return conversations.map(({ id, messages }) => {
    const { ids, isAssistant } = encodeConversation(tokenizer, template, messages, tokens);
    return { id, ids: ids.slice(0, maxTokens), isTarget: isAssistant.slice(0, maxTokens) };
  });
}
