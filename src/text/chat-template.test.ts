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

describe("what a template may take", () => {
  it.each([
    ["a loop without end", "{% for i in range(10**9) %}x{% endfor %}", /range\(\) of more/],
    [
      "loops in loops",
      "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
      /too many/,
    ],
    ["a macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", /call stack/],
    [
      "replacing by a long text",
      "{% set a = range(50000)|join('x') %}{{ a.replace('x', a) }}",
      /too much text/,
    ],
    [
      "a list that holds a list twice, forty times",
      "{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
      /too much text/,
    ],
  ])("%s is refused", (_name, template, message) => {
    expect(refusalOf(template, [{ role: "user", content: "x" }]).message).toMatch(message);
  });

  it("grows with what it is given: twenty thousand messages, and two of a million characters", () => {
    const { template } = chats.find(({ expected }) => expected !== undefined)!;
    const many = Array.from({ length: 20_000 }, (_, index) => {
      return { role: index % 2 === 0 ? "user" : "assistant", content: "x" };
    });
    const long = [
      { role: "user", content: "x".repeat(1_000_000) },
      { role: "assistant", content: "y\n".repeat(500_000) },
    ];
    for (const messages of [many, long])
      expect(renderChatTemplate(template, messages).length).toBeGreaterThan(20_000);
  });

  it("has no way to the program around it", () => {
    const template = "[{{ ''.constructor }}{{ messages[0].__proto__ }}{{ range.constructor }}{{ process }}]";
    expect(renderChatTemplate(template, [{ role: "user", content: "x" }])).toBe("[]");
  });

  it("knows the date as Python writes it", () => {
    const now = new Date();
    const month = now.toLocaleString("en-US", { month: "short" });
    const expected = `${String(now.getDate()).padStart(2, "0")} ${month} ${now.getFullYear()} %`;
    expect(renderChatTemplate("{{ strftime_now('%d %b %Y %%') }}", [])).toBe(expected);
  });
});
