import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { renderChatTemplate } from "./chat-template.ts";
import { encodeConversation } from "./encode-conversation.ts";
import { loadTokenizer } from "./tokenizer.ts";

const tokenizer = loadTokenizer(
  fileURLToPath(new URL("../../fixtures/text/byte-level.tokenizer.json", import.meta.url)),
);
const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const INSTRUCT =
  "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}";
const MESSAGES = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Two and two?" },
  { role: "assistant", content: "Four, naïvely: ½ × 8." },
  { role: "user", content: "And three?" },
  { role: "assistant", content: "Five." },
];

test.each([
  ["chatml", CHATML, MESSAGES, ["Four, naïvely: ½ × 8.<|im_end|>\n", "Five.<|im_end|>\n"]],
  ["instruct", INSTRUCT, MESSAGES.slice(1), [" Four, naïvely: ½ × 8.<|endoftext|>", " Five.<|endoftext|>"]],
])("%s: the text is the template's, the assistant's tokens are its turns", (_, template, messages, turns) => {
  const options = { bosToken: "<|endoftext|>", eosToken: "<|endoftext|>" };
  const { ids, isAssistant } = encodeConversation(tokenizer, template, messages, options);
  const textOf = (kept: (index: number) => boolean): string =>
    tokenizer.decode(
      ids.filter((_, index) => kept(index)),
      { skipSpecialTokens: false },
    );
  expect(textOf(() => true)).toBe(renderChatTemplate(template, messages, options));
  expect(textOf((index) => isAssistant[index] === 1)).toBe(turns.join(""));
});

test("a trailing user message is left out", () => {
  const shorter = encodeConversation(tokenizer, CHATML, MESSAGES.slice(0, 3));
  expect(encodeConversation(tokenizer, CHATML, MESSAGES.slice(0, 4))).toEqual(shorter);
});

test("a conversation without an answer, and a template that rewrites the past", () => {
  expect(() => encodeConversation(tokenizer, CHATML, MESSAGES.slice(0, 2))).toThrow(
    expect.objectContaining({ code: "RECORD_INVALID" }),
  );
  const rewriting = "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}";
  expect(() => encodeConversation(tokenizer, rewriting, MESSAGES)).toThrow(
    expect.objectContaining({ code: "CHAT_TEMPLATE_INVALID", message: expect.stringContaining("message 2") }),
  );
});
