import { expect, test } from "vitest";
import type { JsonObject, PromptRow, ResponseRow } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { type ConstraintsJudgeOptions, createConstraintsJudge } from "./constraints-judge.ts";
import { constraintsFromIfeval } from "./ifeval.ts";
import { CONSTRAINT_KINDS, type Constraint } from "./schema.ts";

const judged = (text: string, constraints: unknown, options?: ConstraintsJudgeOptions) =>
  createConstraintsJudge(options).judge(
    { id: "p1", messages: [], reference: { constraints } } as unknown as PromptRow,
    { text } as ResponseRow,
  );

const PERSON = {
  type: "object",
  required: ["name", "age"],
  properties: { name: { type: "string", pattern: "^[A-Z]" }, age: { type: "integer", minimum: 0 } },
};

/** Kind by kind: constraint, an answer that follows it, one that does not. */
const CASES: readonly (readonly [Constraint, string, string])[] = [
  [{ kind: "words", atLeast: 3 }, "one two three", "one two"],
  [{ kind: "words", atMost: 2 }, "one two", "one two three"],
  [{ kind: "sentences", atLeast: 2, atMost: 2 }, "Dr. Smith came. He left.", "Dr. Smith came and left."],
  [{ kind: "paragraphs", atLeast: 2, atMost: 2 }, "one\n\ntwo", "one\ntwo"],
  [{ kind: "paragraphs", atLeast: 2, atMost: 2, separator: "stars" }, "one\n***\ntwo", "one\n\ntwo"],
  [{ kind: "characters", atMost: 3 }, "äöü", "abcd"],
  [
    { kind: "paragraph-start", paragraph: 2, of: 2, word: "Then" },
    "First this.\n\nThen that.",
    "Then\n\nfirst",
  ],
  [{ kind: "bullets", atLeast: 2, atMost: 2 }, "* one\n- two", "* one"],
  [{ kind: "highlights", atLeast: 2 }, "*one* and **two**", "*one* and two"],
  [{ kind: "placeholders", atLeast: 2 }, "[name], [address]", "[name] only []"],
  [
    { kind: "sections", marker: "Section", atLeast: 2 },
    "Section 1\nx\nSECTION 2\ny",
    "Section one\nSection 2",
  ],
  [{ kind: "title" }, "<<A title>>\ntext", "<< >>\ntext"],
  [{ kind: "postscript", marker: "P.S." }, "text\nP.S. more", "text P.S"],
  [{ kind: "two-responses" }, "one\n******\ntwo", "one\n******\none"],
  [{ kind: "quotation" }, '"quoted"', '"not'],
  [{ kind: "no-commas" }, "one two", "one, two"],
  [{ kind: "json" }, '```json\n{"a": [1, 2]}\n```', "{'a': 1}"],
  [{ kind: "json-schema", schema: PERSON }, '{"name": "Ada", "age": 36}', '{"name": "ada", "age": 36}'],
  [{ kind: "keywords", words: ["sun", "cold beer"] }, "Sun and cold beer.", "sunny and cold beer"],
  [{ kind: "keyword-frequency", word: "sun", atLeast: 2 }, "sun, Sun", "sun, sunny"],
  [{ kind: "forbidden-words", words: ["sun"] }, "sunny", "the Sun"],
  [{ kind: "letter-frequency", letter: "e", atMost: 1 }, "one two", "Eve"],
  [{ kind: "start", phrase: "Dear all" }, "dear all, hello", "Hello, dear all"],
  [{ kind: "end", phrase: "Any questions?" }, "That is it. Any questions? ", "Any questions? No."],
  [{ kind: "one-of", phrases: ["My answer is yes.", "My answer is no."] }, "My answer is no.", "no"],
  [{ kind: "pattern", pattern: "\\d{4}-\\d{2}" }, "on 2024-05", "in May"],
  [{ kind: "pattern", pattern: "\\d", isForbidden: true }, "in May", "on 5 May"],
  [{ kind: "uppercase" }, "ALL OF IT 1", "All of it"],
  [{ kind: "lowercase" }, "all of it", "All of it"],
  [{ kind: "capital-words", atLeast: 2 }, "VERY LOUD noise", "VERY loud"],
  [
    { kind: "language", language: "de" },
    "Heute ist ein schöner Tag im Wald.",
    "It is a lovely day in the forest.",
  ],
];

test.each(CASES)("%j", async (constraint, good, bad) => {
  expect(await judged(good, [constraint])).toMatchObject({ score: 1, verdict: "followed" });
  expect(await judged(bad, [constraint])).toMatchObject({ score: 0, verdict: "not_followed" });
});

test("every kind has a case", () => {
  expect([...new Set(CASES.map(([{ kind }]) => kind))].sort()).toEqual([...CONSTRAINT_KINDS].sort());
});

test("the explanation tells each constraint's fate; scores by all and by share", async () => {
  const constraints = [{ kind: "no-commas" }, { kind: "words", atLeast: 3 }];
  expect(await judged("one, two three", constraints)).toEqual({
    score: 0,
    verdict: "partly_followed",
    explanation: {
      followed: 1,
      of: 2,
      constraints: [
        { kind: "no-commas", strict: false, loose: false, found: 1 },
        { kind: "words", strict: true, loose: true, found: 3 },
      ],
    },
  });
  expect(await judged("one, two three", constraints, { score: "share" })).toMatchObject({ score: 0.5 });
});

test("the loose reading forgives a first line, a last line and stars", async () => {
  const json = [{ kind: "json" }];
  const answer = 'Sure, here you are:\n{"a": 1}\nHope that helps!';
  expect(await judged(answer, json)).toMatchObject({ score: 0 });
  expect(await judged(answer, json, { reading: "loose" })).toMatchObject({ score: 1 });
  expect(
    await judged("**Dear all**", [{ kind: "start", phrase: "Dear" }], { reading: "loose" }),
  ).toMatchObject({
    score: 1,
  });
});

test("an empty answer follows nothing", async () => {
  expect(await judged(" ", [{ kind: "no-commas" }], { reading: "loose" })).toMatchObject({ score: 0 });
});

test.each([
  [undefined, "reference.constraints: received nothing, expected a list of 1 to 100 constraints"],
  [[], "expected a list of 1 to 100 constraints"],
  [[{ kind: "word", atLeast: 1 }], 'reference.constraints[0].kind: received "word", expected one of'],
  [[{ kind: "words" }], "received neither atLeast nor atMost"],
  [[{ kind: "words", atLeast: 3, atMost: 2 }], "received atLeast 3 above atMost 2"],
  [[{ kind: "words", atLeast: "3" }], "reference.constraints[0].atLeast: "],
  [[{ kind: "title", atLest: 3 }], "Unrecognized key"],
  [
    [{ kind: "json-schema", schema: { type: "objekt" } }],
    "reference.constraints[0].schema: not a JSON schema",
  ],
  [[{ kind: "json-schema", schema: { $ref: "other.json" } }], "not a JSON schema"],
  [[{ kind: "json-schema", schema: { pattern: "(?=a)b" } }], "not a JSON schema"],
  [[{ kind: "pattern", pattern: "(a" }], "expected an RE2 expression"],
  [[{ kind: "language", language: "German" }], "expected two letters"],
])("%j is refused", async (constraints, message) => {
  const error = await judged("text", constraints).catch((thrown: unknown) => thrown);
  expect(TuttiError.is(error) && error.code).toBe("JUDGE_INVALID");
  expect(String(error)).toContain(message);
});

test("rows of IFEval become constraints", async () => {
  const constraints = constraintsFromIfeval(
    ["length_constraints:number_words", "change_case:english_lowercase", "punctuation:no_comma"],
    [{ relation: "less than", num_words: 7 }, {}, {}],
  );
  expect(constraints).toEqual([
    { kind: "words", atMost: 6 },
    { kind: "lowercase" },
    { kind: "language", language: "en" },
    { kind: "no-commas" },
  ]);
  expect(await judged("this is a short english answer", constraints)).toMatchObject({ score: 1 });
  expect(() => constraintsFromIfeval(["length:words"], [{}])).toThrow("instruction_id_list[0]");
});

test("hostile answers and patterns end soon", async () => {
  const every = CASES.map(([constraint]) => constraint);
  const hostile: readonly string[] = [
    "a".repeat(60_000),
    "[".repeat(60_000),
    "*".repeat(60_000),
    "<<".repeat(30_000),
    "\n".repeat(60_000),
    `${"a ".repeat(20_000)}!`,
    '"'.repeat(60_000),
    "```json\n".repeat(30_000),
    '{"a":'.repeat(10_000),
    "Section ".repeat(8_000),
    "Dr. ".repeat(15_000),
    "\u0301".repeat(40_000),
    "😀".repeat(20_000),
  ];
  const bomb: JsonObject = { kind: "pattern", pattern: "(a+)+$" };
  const schema = { type: "array", uniqueItems: true, items: { type: "string", pattern: "^(a|a)*$" } };
  const started = process.cpuUsage();
  for (const text of hostile) await judged(text, [...every, bomb]);
  const items = JSON.stringify(Array.from({ length: 6_000 }, (_, index) => ({ index })));
  await judged(items, [{ kind: "json-schema", schema: { ...schema, items: {} } }]);
  await judged(JSON.stringify([`${"a".repeat(50_000)}!`]), [{ kind: "json-schema", schema }]);
  expect(process.cpuUsage(started).user / 1000).toBeLessThan(20_000);
}, 300_000);
