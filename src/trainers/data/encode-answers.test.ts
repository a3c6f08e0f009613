import { join } from "node:path";
import { expect, test } from "vitest";
import { loadTokenizer } from "../../text/index.ts";
import { encodeAnswers, withMismatched } from "./encode-answers.ts";

const tokenizer = loadTokenizer(
  join(import.meta.dirname, "../../../fixtures/text/byte-level.tokenizer.json"),
);
const template =
  "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
const ask = (content: string) => [{ role: "user" as const, content }];
const text = (ids: Int32Array): string => tokenizer.decode(ids);

test("answers are cut, prompts without room and equal answers left out with their reasons", () => {
  const long = "word ".repeat(60);
  const { groups, cut, dropped } = encodeAnswers(
    tokenizer,
    [
      { id: "plain", messages: ask("Name a city"), answers: ["Oslo", "Lima"] },
      { id: "long answer", messages: ask("Name a city"), answers: [long, "Lima"] },
      { id: "long prompt", messages: ask(long), answers: ["Oslo", "Lima"] },
      { id: "equal", messages: ask("Name a city"), answers: ["Oslo", "Oslo"] },
      { id: "equal once cut", messages: ask("Name a city"), answers: [`${long}a`, `${long}b`] },
    ],
    { template, maxTokens: 40 },
  );
  expect(groups.map(({ id }) => id)).toEqual(["plain", "long answer"]);
  expect(text(groups[0]!.promptIds)).toBe("user: Name a city\nassistant: ");
  expect(groups[0]!.responses.map(text)).toEqual(["Oslo\n", "Lima\n"]);
  expect(groups[1]!.promptIds.length + groups[1]!.responses[0]!.length).toBe(40);
  expect(cut).toBe(1);
  expect(dropped).toEqual([
    { id: "long prompt", reason: "prompt_too_long" },
    { id: "equal", reason: "equal_answers" },
    { id: "equal once cut", reason: "equal_answers" },
  ]);
});

test("earlier turns of the assistant belong to the prompt", () => {
  const messages = [...ask("Hello"), { role: "assistant" as const, content: "Hi" }, ...ask("A city")];
  const { groups } = encodeAnswers(tokenizer, [{ id: "turns", messages, answers: ["Oslo"] }], {
    template,
    maxTokens: 100,
  });
  expect(text(groups[0]!.promptIds)).toBe("user: Hello\nassistant: Hi\nuser: A city\nassistant: ");
  expect(text(groups[0]!.responses[0]!)).toBe("Oslo\n");
});

test("mismatched answers are to another prompt, and fit", () => {
  const ids = (...list: number[]) => Int32Array.from(list);
  const group = (prompt: number[], answer: number[]) => ({
    id: prompt.join(),
    promptIds: ids(...prompt),
    responses: [ids(...answer)],
  });
  const groups = [group([1], [10]), group([1], [11]), group([2, 2, 2], [12]), group([2, 2, 2], [13, 14])];
  const mismatched = withMismatched(groups, 4).map(({ responses }) => [...responses[1]!]);
  expect(mismatched).toEqual([[13, 14], [13, 14], [11], [11]]);
  expect(withMismatched([...groups.slice(2), group([3, 3, 3], [15, 16])], 4)[2]!.responses[1]).toEqual(
    ids(13),
  );
  expect(() => withMismatched(groups.slice(0, 2), 4)).toThrow(
    expect.objectContaining({ code: "DATASET_INVALID" }),
  );
});

test("mismatched answers are of the same verdict where there are some", () => {
  const group = (prompt: number, answer: number, isDesirable: boolean) => ({
    id: `${answer}`,
    ...{ promptIds: Int32Array.of(prompt), responses: [Int32Array.of(answer)], isDesirable },
  });
  const pairs = [1, 2, 3].flatMap((prompt) => [
    group(prompt, 10 + prompt, true),
    group(prompt, 20 + prompt, false),
  ]);
  const mismatched = (groups: typeof pairs) =>
    withMismatched(groups, 4).map(({ responses }) => responses[1]![0]);
  expect(mismatched(pairs)).toEqual([13, 23, 11, 21, 12, 22]);
  expect(mismatched([group(1, 11, true), group(2, 22, false), group(3, 23, false)])).toEqual([23, 23, 22]);
});
