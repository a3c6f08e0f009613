/** From a conversation to token ids that know which of them the assistant wrote. */
import { TuttiError } from "../support/errors.ts";
import { type ChatTemplateOptions, renderChatTemplate, type TemplateMessage } from "./chat-template.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface EncodedConversation {
  readonly ids: Int32Array;
  /** 1 for tokens of assistant turns, their end-of-turn marks included; else 0. */
  readonly isAssistant: Uint8Array;
}

/**
 * Lays a conversation out by its template and encodes it piece by piece: what a model reads before each of its
 * turns, and the turn. Pieces are encoded apart, as they are in generation, where the prompt is encoded before the
 * answer exists. What comes after the last assistant turn is left out.
 *
 * @throws {TuttiError} CHAT_TEMPLATE_INVALID as renderChatTemplate does, and when the template does not lay out a
 *   turn behind the prompt for it; RECORD_INVALID when no message is the assistant's
 */
export function encodeConversation(
  tokenizer: Tokenizer,
  template: string,
  messages: readonly TemplateMessage[],
  options: Omit<ChatTemplateOptions, "addGenerationPrompt"> = {},
): EncodedConversation {
  const pieces: { readonly ids: Int32Array; readonly isAssistant: boolean }[] = [];
  let done = "";
  for (const [index, { role }] of messages.entries()) {
    if (role !== "assistant") continue;
    const prompt = renderChatTemplate(template, messages.slice(0, index), {
      ...options,
      addGenerationPrompt: true,
    });
    const whole = renderChatTemplate(template, messages.slice(0, index + 1), options);
    if (!prompt.startsWith(done) || !whole.startsWith(prompt)) {
      throw new TuttiError(
        "CHAT_TEMPLATE_INVALID",
        `the template does not lay out message ${index} behind the prompt for it, so its tokens cannot be told`,
        {
          details: { message: index },
          hint: "use a template whose generation prompt opens the assistant's turn",
        },
      );
    }
    const encode = (text: string): Int32Array => tokenizer.encode(text, { addSpecialTokens: false }).ids;
    pieces.push({ ids: encode(prompt.slice(done.length)), isAssistant: false });
    pieces.push({ ids: encode(whole.slice(prompt.length)), isAssistant: true });
    done = whole;
  }
  if (pieces.length === 0) {
    throw new TuttiError("RECORD_INVALID", "a conversation to learn from needs an assistant message", {
      details: { roles: messages.map(({ role }) => role) },
    });
  }
  const ids = Int32Array.from(pieces.flatMap((piece) => Array.from(piece.ids)));
  const isAssistant = Uint8Array.from(
    pieces.flatMap((piece) => Array.from(piece.ids, () => Number(piece.isAssistant))),
  );
  return { ids, isAssistant };
}
