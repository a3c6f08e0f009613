/** Language models as judges, over a real HTTP server that answers as each test says. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadRubric } from "../../src/config/index.ts";
import {
  BUILT_IN_RUBRICS,
  checkRubric,
  createPairwiseJudge,
  createPointwiseJudge,
  findObject,
  type Rubric,
  rubricOfMtBench,
  tokenPreference,
} from "../../src/judges/index.ts";
import { type ChatAnswer, type ChatBody, scriptedModel } from "../support/chat-server.ts";
import { promptRow, responseRow } from "../support/store-rows.ts";

const prompt = promptRow(2);
const [good, bad] = ["four", "five"].map((text) => responseRow(prompt, { model: text, text }));
const rubric = (name: string, changes: Partial<Rubric> = {}): Rubric => ({
  ...BUILT_IN_RUBRICS[name]!,
  ...changes,
});

/** Text between two tags of the prompt: what the judging model sees in that place. */
const shownIn = ({ messages }: ChatBody, tag: string): string =>
  messages
    .find(({ role }) => role === "user")!
    .content.split(`<${tag}>\n`)[1]!
    .split(`\n</${tag}>`)[0]!;

describe("pairwise", () => {
  const compare = async (
    name: string,
    answer: (body: ChatBody) => ChatAnswer,
    changes: Partial<Rubric> = {},
  ) => {
    const { model, bodies } = await scriptedModel(answer);
    const judge = createPairwiseJudge(model, rubric(name, changes));
    return { verdict: await judge.compare(prompt, good!, bad!), bodies: bodies() };
  };
  /** Prefers "four" wherever it stands. */
  const honest = (better: string, worse: string) => (body: ChatBody) => ({
    text: `Thinking of [[B]]... no: [[${shownIn(body, "answer_a") === "four" ? better : worse}]]`,
  });

  it("asks in both orders, and takes the last verdict", async () => {
    const { verdict, bodies } = await compare("choice", honest("A", "B"));
    expect(verdict).toMatchObject({ score: 1, verdict: "first" });
    expect(new Set(bodies.map((body) => shownIn(body, "answer_a")))).toEqual(new Set(["four", "five"]));
    expect(bodies[0]).toMatchObject({ temperature: 0, max_tokens: 2048, model: "judge" });
    expect(bodies[0]!.messages[0]!.role).toBe("system");
    expect(shownIn(bodies[0]!, "question")).toBe("What is 2 plus 2?");
    // Two calls of 100 + 10 tokens.
    expect(verdict.costUsd).toBeCloseTo(2 * (0.1 + 0.1), 12);
  });

  it("a judge that loves the first place is inconsistent, and worth a tie", async () => {
    const { verdict } = await compare("choice", () => ({ text: "[[A]]" }));
    expect(verdict).toMatchObject({ score: 0.5, verdict: "inconsistent" });
    expect(verdict.explanation.games).toMatchObject([
      { order: "given", label: "A", outcome: 1 },
      { order: "swapped", label: "A", outcome: 0 },
    ]);
  });

  it("ties", async () => {
    expect((await compare("choice", () => ({ text: "[[C]]" }))).verdict).toMatchObject({
      score: 0.5,
      verdict: "tie",
    });
  });

  it("Arena-Hard: a much better answer weighs three games", async () => {
    const much = await compare("arena-hard", (body) => ({
      text: shownIn(body, "answer_a") === "four" ? "[[A>>B]]" : "my verdict is [[ A > B ]]",
    }));
    expect(much.verdict).toMatchObject({ score: 0.75, verdict: "inconsistent" });
    const tie = await compare("arena-hard", honest("A=B", "B>A"));
    expect(tie.verdict).toMatchObject({ score: 0.75, verdict: "first" });
  });

  it("JSON, with the labels of the rubric", async () => {
    const { verdict } = await compare("choice-json", (body) => ({
      text: `\`\`\`json\n{'reason': "it's right", winner: "${shownIn(body, "answer_a") === "four" ? "a" : "B"}",}\n\`\`\``,
    }));
    expect(verdict).toMatchObject({ score: 1, verdict: "first" });
    expect(verdict.explanation.games).toMatchObject([
      { reason: "it's right", repaired: true },
      { repaired: true },
    ]);
  });

  it("an unreadable verdict is asked for again, in the same conversation", async () => {
    const { verdict, bodies } = await compare("choice", ({ messages }) => ({
      text: messages.length > 2 ? "[[A]]" : "I like the first one",
    }));
    expect(verdict.verdict).toBe("inconsistent");
    expect(bodies).toHaveLength(4);
    const asked = bodies.find(({ messages }) => messages.length === 4)!;
    expect(asked.messages.slice(2).map(({ role }) => role)).toEqual(["assistant", "user"]);
    expect(asked.messages[3]!.content).toContain("no verdict in double brackets");
  });

  it("no verdict after all, as many calls as the rubric allows", async () => {
    const { verdict, bodies } = await compare("choice", () => ({ text: "[[D]]" }), { repairs: 2 });
    expect(verdict).toMatchObject({ score: null, verdict: "no_verdict" });
    expect(bodies).toHaveLength(6);
    expect(JSON.stringify(verdict.explanation)).toContain("is none of A, B, C");
  });

  it("failures of the provider are errors, not verdicts", async () => {
    const { model } = await scriptedModel(() => ({ text: "too large", status: 400 }));
    const judge = createPairwiseJudge(model, rubric("choice"));
    await expect(judge.compare(prompt, good!, bad!)).rejects.toMatchObject({ code: "UPSTREAM_REJECTED" });
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(judge.compare(prompt, good!, bad!, { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("log-probabilities become a preference, averaged over both orders", async () => {
    const at = (first: number, second: number) => ({
      content: [
        {
          token: " A",
          logprob: Math.log(first),
          top_logprobs: [
            { token: " A", logprob: Math.log(first) },
            { token: "B", logprob: Math.log(second) },
            { token: "The", logprob: Math.log(0.02) },
          ],
        },
      ],
    });
    const { verdict, bodies } = await compare("preference", (body) => ({
      text: "A",
      logprobs: shownIn(body, "answer_a") === "four" ? at(0.6, 0.2) : at(0.5, 0.3),
    }));
    // 0.6/0.8 shown first, 1 - 0.5/0.8 shown second.
    expect(verdict.score).toBeCloseTo((0.75 + 0.375) / 2, 12);
    expect(verdict.verdict).toBe("inconsistent");
    expect(bodies[0]).toMatchObject({ max_tokens: 1, logprobs: true, top_logprobs: 20 });
    const none = await compare("preference", () => ({ text: "A" }));
    expect(none.verdict).toMatchObject({ score: null, verdict: "no_verdict" });
    expect(JSON.stringify(none.verdict.explanation)).toContain("gave no log-probabilities");
    expect(none.bodies).toHaveLength(2);
  });
});

describe("pointwise", () => {
  it("grades, and asks again for one off the scale", async () => {
    const { model, bodies } = await scriptedModel(({ messages }) => ({
      text: messages.length > 2 ? "Sorry: [[8.5]]" : "Superb! [[11]]",
    }));
    const verdict = await createPointwiseJudge(model, rubric("rating")).judge(prompt, good!);
    expect(verdict).toMatchObject({ score: 8.5, verdict: "rated" });
    expect(verdict.explanation.replies).toEqual(["Superb! [[11]]", "Sorry: [[8.5]]"]);
    expect(bodies()[1]!.messages[3]!.content).toContain("11 lies outside of 1 to 10");
    expect(verdict.costUsd).toBeCloseTo(0.4, 12);
  });

  it.each([
    ['{"score": 7, "reason": "fine"}', 7],
    ['Let me see {"draft": 1}. {"score": "7/10"}', 7],
    ["{score: 7.5, reason: 'no, not \"bad\"'}", 7.5],
    ['{"reason": "broken\nline", "score": 4', 4],
    ["I would say [[9]]", null],
    ['{"score": true}', null],
  ])("JSON grades: %s", async (text, score) => {
    const { model } = await scriptedModel(() => ({ text }));
    const verdict = await createPointwiseJudge(model, rubric("rating-json", { repairs: 0 })).judge(
      prompt,
      good!,
    );
    expect(verdict.score).toBe(score);
    expect(verdict.verdict).toBe(score === null ? "no_verdict" : "rated");
  });

  it("braces in an answer are text, and a reference is shown where asked for", async () => {
    const { model, bodies } = await scriptedModel(() => ({ text: "[[5]]" }));
    const template = "Q {question} R {reference} A {answer} J {else}";
    const judge = createPointwiseJudge(model, rubric("rating", { prompt: template }));
    const known = promptRow(3, { reference: { answer: 6 } });
    await judge.judge(known, responseRow(known, { text: "{reference} {answer}" }));
    expect(bodies()[0]!.messages[1]!.content).toBe("Q What is 3 plus 3? R 6 A {reference} {answer} J {else}");
    await expect(judge.judge(prompt, good!)).rejects.toMatchObject({ code: "JUDGE_INVALID" });
  });

  it("conversations are shown turn by turn", async () => {
    const { model, bodies } = await scriptedModel(() => ({ text: "[[5]]" }));
    const talk = promptRow(1, {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "Bye" },
      ],
    });
    await createPointwiseJudge(model, rubric("rating")).judge(talk, responseRow(talk));
    expect(shownIn(bodies()[0]!, "question")).toBe("[user]\nHi\n\n[assistant]\nHello\n\n[user]\nBye");
  });
});

describe("rubrics", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-rubric-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (text: string): string => {
    const path = join(folder, "rubric.yaml");
    writeFileSync(path, text);
    return path;
  };

  it("every change of wording is another version of the judge", async () => {
    const { model } = await scriptedModel(() => ({ text: "" }));
    const version = (changes: Partial<Rubric>, options = {}) =>
      createPairwiseJudge(model, rubric("choice", changes), options).version;
    const versions = [
      version({}),
      version({ system: "Be kind." }),
      version({ parameters: {} }),
      version({ version: "2" }),
      version({}, { isSwapped: false }),
    ];
    expect(new Set(versions).size).toBe(versions.length);
    expect(version({})).toBe(versions[0]);
    expect(createPairwiseJudge(model, rubric("choice")).name).toBe("judge/choice");
  });

  it("files: YAML with a schema, mistakes with file, line and field", () => {
    const path = file(
      "name: kind\nversion: '1'\nkind: pointwise\nprompt: |\n  {question}\n  {answer}\noutput: rating\nscale: {least: 0, most: 5}\nparameters: {temperature: 0}\n",
    );
    const loaded = loadRubric(path);
    expect(loaded).toMatchObject({ scale: { least: 0, most: 5 }, prompt: "{question}\n{answer}\n" });
    checkRubric(loaded);
    expect(() =>
      loadRubric(file("name: a\nversion: '1'\nkind: pointwise\nprompt: x\noutputs: rating\n")),
    ).toThrow(/rubric\.yaml:5: outputs: unknown key \(did you mean "?output/);
    expect(() =>
      loadRubric(file("name: a\nversion: '1'\nkind: pointwise\nprompt: x\noutput: stars\n")),
    ).toThrow(/:5: output:/);
  });

  it.each([
    [{ output: "choice" }, /none of a pointwise rubric/],
    [{ prompt: "{question}" }, /no \{answer\}/],
    [{ prompt: "{question} {answer} {answer_a}" }, /\{answer_a\} is no placeholder/],
    [{ scale: { least: 5, most: 5 } }, /scale 5 to 5/],
    [{ labels: { first: "A", second: "A", tie: "C" } }, /labels/],
  ] satisfies [Partial<Rubric>, RegExp][])("parts that do not fit: %o", (changes, message) => {
    expect(() => checkRubric(rubric("rating", changes))).toThrow(message);
  });

  it("built-in ones fit, and MT-Bench's file is read", () => {
    for (const each of Object.values(BUILT_IN_RUBRICS)) checkRubric(each);
    const row = {
      name: "single-math",
      type: "single",
      system_prompt: "s",
      prompt_template: "{question} {ref_answer_1} {answer}",
      output_format: "[[rating]]",
    };
    const single = rubricOfMtBench(row)!;
    checkRubric(single);
    expect(single).toMatchObject({
      kind: "pointwise",
      prompt: "{question} {reference} {answer}",
      output: "rating",
    });
    expect(rubricOfMtBench({ ...row, prompt_template: "{question_1} {answer_2}" })).toBeUndefined();
    expect(() => rubricOfMtBench({ ...row, output_format: "A" })).toThrow(/output_format/);
  });
});

describe("findObject", () => {
  it.each([
    ["{a: 1, b: [1, 2,], c: True, d: None}", { a: 1, b: [1, 2], c: true, d: null }],
    ["text {“a”: “x”} more", { a: "x" }],
    ['{"a": "he said \\"no\\" {ok}", "b": 1e5}', { a: 'he said "no" {ok}', b: 100000 }],
    ["{'a': 'it\\'s'} // done", { a: "it's" }],
    ['{"a": 1, // one\n "b": "http://x/y"}', { a: 1, b: "http://x/y" }],
    ['{"a": {"b": [1, {"c": "cut', { a: { b: [1, { c: "cut" }] } }],
    ['{"z": 1} {"a": 2} {"y": 3}', { a: 2 }],
  ])("%s", (text, value) => {
    expect(findObject(text, ["a"])?.value).toEqual(value);
  });

  it("nothing in what has no object, and no time lost on braces", () => {
    expect(findObject("no", ["a"])).toBeUndefined();
    const started = performance.now();
    expect(findObject("{".repeat(100_000), ["a"])).toBeUndefined();
    expect(findObject('{"'.repeat(50_000), ["a"])).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

it("tokenPreference reads the position that names a label", () => {
  const position = (token: string, logprob: number, ...top: [string, number][]) => ({
    token,
    logprob,
    top_logprobs: top.map(([each, value]) => ({ token: each, logprob: value })),
  });
  const labels = { first: "m", second: "M", tie: "tie" };
  // AlpacaEval's own labels differ by case only.
  expect(
    tokenPreference({ content: [position("m", -0.1, ["m", -0.1], ["M", -3])] }, labels)?.preference,
  ).toBeCloseTo(Math.exp(-0.1) / (Math.exp(-0.1) + Math.exp(-3)), 12);
  const ab = { first: "A", second: "B", tie: "C" };
  const content = [position("\n", -0.1), position("**B", -0.2, ["**B", -0.2], ["A", -2])];
  expect(tokenPreference({ content }, ab)?.preference).toBeCloseTo(
    Math.exp(-2) / (Math.exp(-2) + Math.exp(-0.2)),
    12,
  );
  expect(tokenPreference({ content: [position("x", 0)] }, ab)).toBeUndefined();
  expect(tokenPreference({ content: "?" }, ab)).toBeUndefined();
});
