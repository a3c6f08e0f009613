/** The tasks and checkers of the fusion experiments, and that their way of sampling is that of the text generator. */
import { describe, expect, test } from "vitest";
import { drawQuestions, isRight, FAMILIES as REAL_FAMILIES } from "../../examples/fusion-real/tasks.ts";
import { ask, tinyDecoder } from "../../examples/fusion-small/tiny-models.ts";
import {
  answerIds,
  checkAnswer,
  demonstrations,
  drawPrompts,
  END,
  FAMILIES,
  MOST_ANSWER_TOKENS,
  promptIds,
} from "../../examples/fusion-small/world.ts";
import { TextGenerator } from "../../src/generate/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { defaultTokenizerPath, loadTokenizer } from "../../src/text/index.ts";

describe("the small world", () => {
  const prompt = { id: "1-21403", family: 1, digits: [2, 1, 4, 0, 3] };

  test("takes the rule's digits behind any fillers, and nothing else", () => {
    // Running sum of base five: 2, 3, 7, 7, 10.
    const digits = [2, 3, 2, 2, 0];
    expect(checkAnswer(prompt, answerIds(digits, 0))).toEqual({ isCorrect: true, share: 1, fillers: 0 });
    expect(checkAnswer(prompt, answerIds(digits, 2))).toEqual({ isCorrect: true, share: 1, fillers: 2 });
    expect(checkAnswer(prompt, answerIds([2, 3, 2, 2, 1], 1))).toEqual({
      isCorrect: false,
      share: 0.8,
      fillers: 1,
    });
    const unfinished = answerIds(digits, 0).slice(0, -1);
    expect(checkAnswer(prompt, unfinished).isCorrect).toBe(false);
    expect(checkAnswer(prompt, []).share).toBe(0);
  });

  test("goes wrong as often as it is told, and follows another rule where it is blind", () => {
    const prompts = drawPrompts("shares", 800, 3);
    const shown = demonstrations(prompts, { right: [0.95, 0.35, 0], fillers: 1 }, "shares", 3);
    const right = shown.map(({ prompt: asked, answer }) => checkAnswer(asked, answer).isCorrect);
    const share = (family: number): number =>
      right.filter((isRight, index) => isRight && prompts[index]!.family === family).length / 800;
    expect(share(0)).toBeCloseTo(0.95, 1);
    expect(share(1)).toBeCloseTo(0.35, 1);
    expect(share(2)).toBe(0);
    const { wrong } = FAMILIES[2]!;
    const last = shown.at(-1)!;
    const fillers = checkAnswer(last.prompt, last.answer).fillers;
    expect([...last.answer]).toEqual([...answerIds(wrong(last.prompt.digits), fillers)]);
  });

  test("asks test prompts that nobody learned from", () => {
    const taken = new Set<string>();
    const [first, second] = [drawPrompts("a", 300, 1, taken), drawPrompts("b", 300, 1, taken)];
    expect(new Set([...first, ...second].map(({ id }) => id)).size).toBe(1800);
  });

  test("samples in step what the text generator samples one by one", async () => {
    const model = tinyDecoder(2, 48);
    const parameters = initialiseParameters(model.specs, 5);
    const prompts = drawPrompts("step", 4, 2);
    const backend = createOrtBackend({ threads: 1 });
    const given = await ask(model, parameters, prompts, { temperature: 0, samples: 2, seed: 1 }, backend);
    const generator = await TextGenerator.create(
      {
        path: "tiny",
        model,
        weights: { plain: new Map(Object.entries(parameters)), quantized: new Map() },
        tokenizer: loadTokenizer(defaultTokenizerPath),
        chatTemplate: undefined,
        endTokens: [END],
        quantizationError: 0,
        weightBytes: 0,
      },
      { threads: 1, contextLength: 64 },
    );
    for (const [index, prompt] of prompts.entries()) {
      const request = { prompt: promptIds(prompt), maxTokens: MOST_ANSWER_TOKENS };
      const [answer] = await generator.generate(request);
      const ids = answer!.tokens.map(({ id }) => id);
      expect(given[index]!.map((one) => one.ids)).toEqual([ids, ids]);
    }
    await generator.dispose();
  });
});

describe("the real questions", () => {
  test("have answers that their checker takes, and none twice", () => {
    const taken = new Set<string>();
    const questions = REAL_FAMILIES.flatMap((_, family) => drawQuestions("t", family, 40, 1, taken));
    expect(taken.size).toBe(120);
    for (const question of questions) {
      expect(isRight(question, `The answer is ${question.answer}.`)).toBe(true);
      expect(isRight(question, question.solution)).toBe(true);
      expect(isRight(question, `${question.answer}0x`)).toBe(false);
    }
  });

  test("are right by their last number or word", () => {
    const number = { answer: "2000" };
    expect(isRight(number, "2 kilometers are 2,000.")).toBe(true);
    expect(isRight(number, "2000 meters in 2 kilometers")).toBe(false);
    const word = { answer: "TABLE" };
    expect(isRight(word, '"TABLE".')).toBe(true);
    expect(isRight(word, "Table")).toBe(false);
  });
});
