import { expect, test } from "vitest";
import { formProblem } from "./form.ts";
import { readAnswer } from "./parse.ts";

const problem = (reference: string, answer: string, question = ""): string | undefined =>
  formProblem(readAnswer(reference).expression, readAnswer(answer).expression, question);

test("numbers are to be worked out where the reference is", () => {
  expect(problem("4624", "68^2")).toBe("not_worked_out");
  expect(problem("0", "\\cot \\frac{3\\pi}{2}")).toBe("not_worked_out");
  expect(problem("\\frac{2007}{2008}", "1 - \\frac{1}{2008}")).toBe("not_worked_out");
  for (const done of ["4624", "x = 4624", "\\frac{9248}{2}", "4.624 \\times 10^3"]) {
    expect(problem("4624", done)).toBeUndefined();
  }
  expect(problem("3 \\frac{3}{8}", "27/8")).toBeUndefined();
  expect(problem("2^{10}", "1024")).toBeUndefined();
});

test("factors, expansion and reduced fractions are asked for by the question", () => {
  expect(problem("(x-1)(x+1)", "x^2-1", "Factor $x^2-1$.")).toBe("not_factored");
  expect(problem("(x-1)(x+1)", "(x+1)(x-1)", "Factor $x^2-1$.")).toBeUndefined();
  expect(problem("(x-1)(x+1)", "x^2-1", "Simplify.")).toBeUndefined();
  expect(problem("(x-2)^2", "(x-2)(x-2)", "Factor it.")).toBeUndefined();
  expect(problem("x^2-1", "(x-1)(x+1)", "Expand $(x-1)(x+1)$.")).toBe("not_expanded");
  expect(problem("x^2-1", "-1+x^2", "Expand $(x-1)(x+1)$.")).toBeUndefined();
  expect(problem("\\frac{1}{13}", "\\frac{13}{169}", "Express your answer as a common fraction.")).toBe(
    "not_reduced",
  );
  expect(problem("\\frac{1}{2}", "0.5", "Give a common fraction.")).toBe("not_reduced");
  expect(problem("\\frac{1}{2}", "0.5", "What is the probability?")).toBeUndefined();
});
