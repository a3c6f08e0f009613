import { expect, test } from "vitest";
import type { RouterEvaluation } from "../evaluation/index.ts";
import { renderEvaluationReport } from "./report.ts";

const model = "<script>alert(1)</script>";
const result = {
  native: 61.5,
  normalised: 20,
  interval: [10, 30] as const,
  shares: { [model]: 0.4, other: 0.6 },
  choices: { r1: "other" },
};
const evaluation: RouterEvaluation = {
  benchmarks: {
    MATH: {
      n: 3,
      routers: {
        lookahead: result,
        "a router with a very long name indeed, longer than any label": result,
        oracle: { ...result, normalised: 100 },
      },
    },
  },
  mean: {
    lookahead: { normalised: 20, interval: [10, 30] },
    "a router with a very long name indeed, longer than any label": { normalised: 25, interval: [15, 35] },
    oracle: { normalised: 100, interval: [100, 100] },
  },
  differences: [
    {
      router: "lookahead",
      baseline: "a router with a very long name indeed, longer than any label",
      mean: -5,
      interval: [-9, 1],
    },
  ],
};

const page = renderEvaluationReport({
  title: "Report",
  evaluation,
  costs: { unit: "US dollars per prompt", perPrompt: { lookahead: 0.001 } },
  training: [
    {
      name: "lookahead",
      steps: [
        { step: 0, loss: 2 },
        { step: 1, loss: 1.5, validation: 0.4 },
      ],
    },
  ],
  decisions: [
    {
      id: "r1",
      benchmark: "MATH",
      prompt: "<img src=x>",
      chosen: "other",
      best: model,
      scores: { [model]: 1, other: 0 },
    },
  ],
});

test("says plainly what was not beaten", () => {
  expect(page).toContain("It does <strong>not</strong> beat a router with a very long name");
  expect(page).toContain("−5.0 points, [−9.0, +1.0]");
});

test("every section is there and every number is one", () => {
  const headings = [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1]);
  expect(headings).toEqual([
    "Which router is best?",
    "Is the difference real?",
    "Where does it win?",
    "Who gets the traffic?",
    "What does it cost?",
    "How did training go?",
    "All numbers",
    "Decisions, good and bad",
    "How the numbers are defined",
  ]);
  expect(page.slice(0, page.lastIndexOf("<script>"))).not.toMatch(/NaN|undefined|Infinity/);
});

test("data is escaped and nothing is fetched", () => {
  expect(page).not.toContain("<script>alert");
  expect(page).not.toContain("<img");
  expect(page).toContain("&lt;script&gt;alert");
  expect(page).not.toMatch(/https?:|\ssrc="|<link|@import|url\(/);
});
