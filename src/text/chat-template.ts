/** Chat templates: the Jinja text that models ship to say how a conversation is laid out for them. */
import { Template } from "@huggingface/jinja";
import { messageOf, TuttiError } from "../support/errors.ts";

export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
}

export interface ChatTemplateOptions {
  /** Ends with the opening of the assistant's turn, for a model to go on from. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** What `bos_token` stands for in the template. Default empty. */
  readonly bosToken?: string;
  /** What `eos_token` stands for in the template. Default empty. */
  readonly eosToken?: string;
  /** Further names that a template may ask for, such as `tools`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/**
 * Lays out a conversation.
 *
 * @param template Jinja as found in `chat_template` of a tokenizer_config.json
 * @throws {TuttiError} CHAT_TEMPLATE_INVALID when the template cannot be parsed, fails, or refuses the messages (for
 *   instance two user turns in a row, or a system message that the model does not know)
 */
export function renderChatTemplate(
  template: string,
  messages: readonly TemplateMessage[],
  options: ChatTemplateOptions = {},
): string {
  let parsed: Template;
  try {
    parsed = new Template(template);
  } catch (cause) {
    throw new TuttiError("CHAT_TEMPLATE_INVALID", `chat template cannot be parsed: ${messageOf(cause)}`, {
      cause,
      hint: "copy chat_template from the model's tokenizer_config.json without changes",
    });
  }
  try {
    return parsed.render({
      bos_token: options.bosToken ?? "",
      eos_token: options.eosToken ?? "",
      ...options.variables,
      messages,
      add_generation_prompt: options.addGenerationPrompt ?? false,
    });
  } catch (cause) {
    const roles = messages.map(({ role }) => role);
    throw new TuttiError(
      "CHAT_TEMPLATE_INVALID",
      `chat template failed on messages of roles [${roles.join(", ")}]: ${messageOf(cause)}`,
      { cause, details: { roles }, hint: "check that the model takes these roles in this order" },
    );
  }
}
