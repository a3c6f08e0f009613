import { expect, test } from "vitest";
import { extractFinalAnswer } from "./extract.ts";

test.each([
  ["so \\boxed{3} bolts", "3", "boxed"],
  ["\\boxed{\\frac{1}{\\sqrt{2}}} and done", "\\frac{1}{\\sqrt{2}}", "boxed"],
  ["first \\boxed{1}, then \\boxed{2}", "2", "boxed"],
  ["\\boxed{\\text{set } \\{1,2\\}}", "\\text{set } \\{1,2\\}", "boxed"],
  ["\\fbox{7}", "7", "boxed"],
  ["\\boxed 5", "5", "boxed"],
  ["the answer is \\boxed{}. The answer is: -6", "-6", "sentence"],
  ["cut off \\boxed{\\frac{1}{2", "\\frac{1}{2", "unclosed_box"],
  ["6 * 7 = 42\n#### 42", "42", "hashes"],
  ["#### 1,234", "1,234", "hashes"],
  ["We find x. The answer is: 12", "12", "sentence"],
  ["**Final Answer:** $\\frac{3}{4}$", "\\frac{3}{4}", "sentence"],
  ["The final answer is \\(120\\).", "120", "sentence"],
  ["Answer: 3.5.", "3.5", "sentence"],
  ["**Answer: odd**", "odd", "sentence"],
  ["The answer is: the range of $g(x)$ is $[0,25]$", "[0,25]", "sentence"],
  ["So it is **900** three-digit numbers.", "900", "bold"],
  ["Hence \\(x = 4\\).", "x = 4", "display"],
  ["In total they pay 1,250.50 dollars.", "1,250.50", "last_number"],
])("%j: %s (%s)", (text, answer, place) => {
  expect(extractFinalAnswer(text)).toEqual({ text: answer, place });
});

test("only what is stated counts where the question says how to answer", () => {
  expect(extractFinalAnswer("So it is **900**, or 30 squared.", true)).toBeUndefined();
  expect(extractFinalAnswer("The answer is 900.", true)?.text).toBe("900");
});

test("a text without an answer has none", () => {
  expect(extractFinalAnswer("")).toBeUndefined();
  expect(extractFinalAnswer("I cannot say.")).toBeUndefined();
});

test("the time of hostile responses grows with their length only", () => {
  const started = process.cpuUsage();
  for (const hostile of [
    "\\boxed{".repeat(20_000),
    "\\boxed".repeat(30_000),
    "answer is ".repeat(20_000),
    "**a".repeat(60_000),
    "$".repeat(200_000),
    "\\[".repeat(100_000),
    "1,".repeat(100_000),
    " ".repeat(200_000),
    "####".repeat(50_000),
  ]) {
    extractFinalAnswer(hostile);
  }
  expect(process.cpuUsage(started).user / 1000).toBeLessThan(10_000);
}, 300_000);
