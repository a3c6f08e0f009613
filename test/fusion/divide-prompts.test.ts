/** Which prompts are trained on and which are held out. */
import { expect, it } from "vitest";
import { dividePrompts } from "../../src/fusion/fusechat/divide-prompts.ts";
import type { PromptRow } from "../../src/judged/index.ts";
import { promptRow } from "../support/store-rows.ts";

const say = (content: string): PromptRow => promptRow(0, { messages: [{ role: "user", content }] });
const rows = (count: number): PromptRow[] => Array.from({ length: count }, (_, number) => promptRow(number));
const textsOf = (some: readonly PromptRow[]): string[] => some.map(({ messages }) => messages[0]!.content);

const divide = (some: readonly PromptRow[], heldOut: readonly PromptRow[] = [], more: object = {}) =>
  dividePrompts(some, heldOut, { exclude: [], seed: 0, ...more }, new Set(), new Set());

it("a share is held out, by the text alone", () => {
  const { train, holdout, drops } = divide(rows(2000), [], { holdoutShare: 0.1 });
  expect(train.length + holdout.length).toBe(2000);
  expect(holdout.length).toBeGreaterThan(150);
  expect(holdout.length).toBeLessThan(250);
  expect(drops).toEqual({});
  const turned = divide(rows(2000).reverse(), [], { holdoutShare: 0.1 });
  expect(new Set(textsOf(turned.holdout))).toEqual(new Set(textsOf(holdout)));
});

it("a smaller limit keeps a part of what a larger one keeps", () => {
  const few = divide(rows(100), [], { most: 20 });
  const more = divide(rows(100), [], { most: 40 });
  expect([few.train.length, few.drops]).toEqual([20, { over_limit: 80 }]);
  expect(textsOf(more.train)).toEqual(expect.arrayContaining(textsOf(few.train)));
});

it("nothing is trained on that is held out, asked twice or excluded", () => {
  const some = [
    say("What is two?"),
    say("what is TWO"),
    say("Held out"),
    say("Write Python code"),
    say("Fine"),
  ];
  const { train, holdout, drops } = divide(some, [say("held out!"), say("Held  out.")], {
    exclude: ["python"],
  });
  // Held-out texts of files are known before the first domain is divided.
  const known = dividePrompts(some, [], { exclude: ["python"], seed: 0 }, new Set(), new Set(["held out"]));
  expect(textsOf(known.train)).toEqual(["What is two?", "Fine"]);
  expect(known.drops).toEqual({ duplicate: 1, in_holdout: 1, excluded: 1 });
  expect(textsOf(train)).toContain("Fine");
  expect(holdout).toHaveLength(1);
  expect(drops).toMatchObject({ excluded: 1, duplicate: 2 });
});

it("a prompt of an earlier domain is not trained on again", () => {
  const trainedOn = new Set<string>();
  const rule = { exclude: [], seed: 0 };
  dividePrompts([say("Once")], [], rule, trainedOn, new Set());
  expect(dividePrompts([say("once!")], [], rule, trainedOn, new Set()).drops).toEqual({ duplicate: 1 });
});

it("sums that differ in their operator are different", () => {
  const different = [
    "What is 12 + 5?",
    "What is 12 - 5?",
    "(2 + 3) * 4",
    "2 + 3 * 4",
    "5!",
    "5",
    "a != b",
    "a = b",
  ];
  const again = ["what is  12+5", "( 2+3 )*4?", "A = B."];
  const { train, drops } = divide([...different, ...again].map(say), [say("What is 12 / 5?")]);
  expect(textsOf(train)).toEqual(different);
  expect(drops).toEqual({ duplicate: again.length });
});
