import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TuttiError } from "../support/errors.ts";
import { type ChatTemplateOptions, renderChatTemplate, type TemplateMessage } from "./chat-template.ts";

interface Chat {
  readonly name: string;
  readonly template: string;
  readonly messages: readonly TemplateMessage[];
  readonly options: ChatTemplateOptions;
  readonly expected?: string;
  readonly refusal?: string;
}

const chats = JSON.parse(
  readFileSync(new URL("../../fixtures/text/chat-templates.json", import.meta.url), "utf8"),
) as Chat[];

function refusalOf(template: string, messages: readonly TemplateMessage[]): TuttiError {
  try {
    renderChatTemplate(template, messages);
  } catch (error) {
    if (TuttiError.is(error)) return error;
    throw error;
  }
  return expect.fail("the template was rendered");
}

describe("against transformers", () => {
  it.each(chats.filter((chat) => chat.expected !== undefined))("$name", (chat) => {
    expect(renderChatTemplate(chat.template, chat.messages, chat.options)).toBe(chat.expected);
  });

  it.each(chats.filter((chat) => chat.refusal !== undefined))("$name", (chat) => {
    const error = refusalOf(chat.template, chat.messages);
    expect(error.code).toBe("CHAT_TEMPLATE_INVALID");
    expect(error.message).toContain(chat.refusal);
    expect(error.message).toContain("[user, user]");
  });

  it("has cases of both kinds", () => {
    expect(chats.filter((chat) => chat.expected !== undefined).length).toBeGreaterThan(5);
    expect(chats.some((chat) => chat.refusal !== undefined)).toBe(true);
  });
});

describe("what cannot be rendered", () => {
  it.each([
    ["an unclosed block", "{% for m in messages %}x", /cannot be parsed/],
    ["an unclosed expression", "{{ messages[0] ", /cannot be parsed/],
    ["an unknown filter", "{{ messages | no_such_filter }}", /failed on messages of roles \[user\]/],
    ["a call of nothing", "{{ no_such_function() }}", /failed on messages of roles \[user\]/],
  ])("%s", (_name, template, message) => {
    const error = refusalOf(template, [{ role: "user", content: "secret text" }]);
    expect(error.code).toBe("CHAT_TEMPLATE_INVALID");
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("secret");
  });
});
