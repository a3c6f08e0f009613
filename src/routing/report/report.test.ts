import { describe, expect, test } from "vitest";
import type { RouterEvaluation } from "../evaluation/index.ts";
import { type EvaluationReport, renderEvaluationReport } from "./index.ts";

const ATTACK = `<script>alert("1")</script>`;
const LONG = "a-router-with-a-very-long-name-indeed/Qwen2.5-Coder-7B-Instruct-GPTQ-Int4";

/** An evaluation whose routers have the given mean scores; `lookahead`, if there, is compared with the others. */
function evaluationOf(
  scores: Readonly<Record<string, number>>,
  { benchmarks = ["MATH"], models = ["small", "large"] } = {},
): RouterEvaluation {
  const around = (value: number, reach: number): readonly [number, number] => [value - reach, value + reach];
  const routers = Object.fromEntries(
    Object.entries(scores).map(([router, score]) => [
      router,
      {
        native: score / 10,
        normalised: score,
        interval: around(score, 5),
        shares: Object.fromEntries(models.map((model) => [model, 1 / models.length])),
        choices: { r1: models[0]! },
      },
    ]),
  );
  const own = scores.lookahead;
  return {
    benchmarks: Object.fromEntries(benchmarks.map((benchmark) => [benchmark, { n: 3, routers }])),
    mean: Object.fromEntries(
      Object.entries(scores).map(([router, score]) => [
        router,
        { normalised: score, interval: around(score, 5) },
      ]),
    ),
    differences:
      own === undefined
        ? []
        : Object.entries(scores)
            .filter(([router]) => router !== "lookahead" && router !== "oracle")
            .map(([baseline, score]) => ({
              router: "lookahead",
              baseline,
              mean: own - score,
              interval: around(own - score, 6),
            })),
  };
}

const full: EvaluationReport = {
  title: `Report ${ATTACK}`,
  subtitle: `Sub ${ATTACK}`,
  evaluation: evaluationOf(
    { lookahead: 40, knn: 42, "much-better": 60, random: 0, [LONG]: 3, [ATTACK]: 1, oracle: 100 },
    { benchmarks: ["MATH", ATTACK], models: [ATTACK, "Qwen2.5-Coder-7B-Instruct"] },
  ),
  notes: [`Note ${ATTACK}`],
  costs: { unit: `USD ${ATTACK}`, perPrompt: { lookahead: 0.001, knn: 0.001, [LONG]: 0.002, [ATTACK]: 0 } },
  training: [
    {
      name: `lookahead ${ATTACK}`,
      steps: [
        { step: 0, loss: 2 },
        { step: 1, loss: 1.5, validation: 0.4 },
        { step: 2, loss: 1.2 },
      ],
    },
  ],
  decisions: [
    {
      id: `r1 ${ATTACK}`,
      benchmark: ATTACK,
      prompt: `${ATTACK}<img src=x onerror=alert(1)>`,
      chosen: "Qwen2.5-Coder-7B-Instruct",
      best: ATTACK,
      scores: { [ATTACK]: 1, "Qwen2.5-Coder-7B-Instruct": 0 },
    },
  ],
};

const headings = (page: string): string[] => [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1]!);

/** The page without its own script and style. */
const content = (page: string): string =>
  page.replace(/<style>[\s\S]*?<\/style>/, "").replace(/<script>[\s\S]*<\/script>/, "");

function expectSound(page: string): void {
  expect(content(page).match(/.{20}(NaN|undefined|Infinity|null)/)).toBeNull();
  expect(page.match(/https?:|<[^>]*\ssrc=|<link|<iframe|@import|url\(/i)).toBeNull();
  for (const tag of [
    "svg",
    "g",
    "text",
    "div",
    "section",
    "table",
    "tr",
    "details",
    "select",
    "ul",
    "li",
    "dl",
  ])
    expect(page.split(new RegExp(`<${tag}[ >]`)).length, tag).toBe(page.split(`</${tag}>`).length);
}

describe("the whole page", () => {
  const page = renderEvaluationReport(full);

  test("has its sections in order", () => {
    expect(headings(page)).toEqual([
      "Which router is best?",
      "Is the difference real?",
      "Where does it win?",
      "Who gets the traffic?",
      "What does it cost?",
      "How did training go?",
      "All numbers",
      "Decisions, good and bad",
      "What these figures say and do not say",
      "How the numbers are defined",
    ]);
    expectSound(page);
  });

  test("escapes data in text, attributes and plots", () => {
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).not.toContain("<img");
    expect(page).not.toContain(`alert("1")`);
    expect(page).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
  });

  test("titles every plot for readers who do not see it", () => {
    const plots = page.match(/<svg [^>]*>/g)!.filter((tag) => !tag.includes("aria-hidden"));
    expect(plots.length).toBeGreaterThanOrEqual(8);
    for (const tag of plots) expect(tag).toMatch(/role="img" aria-label="[^"]+"/);
  });

  test("cuts long names in plots and keeps them whole in tooltips and the table", () => {
    expect(page).not.toMatch(new RegExp(`<text[^>]*>${LONG}`));
    expect(page).toMatch(/<text[^>]*>a-router-with-a[^<]*…[^<]*GPTQ-Int4<\/text>/);
    expect(page).toContain(`<title>${LONG}: 3.0 [−2.0, 8.0]</title>`);
    expect(page).toContain(`<th scope="row">${LONG}</th>`);
  });
});

describe("the headline", () => {
  const page = renderEvaluationReport(full);
  const lead = page.slice(page.indexOf('<div class="headline">'), page.indexOf("<nav"));

  test("names the best router, which is never the oracle", () => {
    expect(lead).toContain(
      "<strong>much-better</strong> has the best mean normalised score: 60.0 [55.0, 65.0]",
    );
    expect(lead).not.toContain("<strong>oracle</strong>");
  });

  test("names what is beaten, and what is not with the interval of the difference", () => {
    expect(lead).toMatch(/<strong>lookahead<\/strong> beats random, [^.]*a-router-with/);
    expect(lead).toContain("<span>knn</span> <span>−2.0 [−8.0, +4.0]</span></li>");
    expect(lead).toContain("<span>much-better</span> <span>−20.0 [−26.0, −14.0]</span> <em>is better</em>");
    expect(lead).not.toContain("<span>random</span>");
  });

  test("an interval that starts at zero is no win", () => {
    const evaluation = evaluationOf({ lookahead: 6, knn: 0 });
    expect(evaluation.differences[0]!.interval[0]).toBe(0);
    expect(renderEvaluationReport({ title: "t", evaluation })).toContain(
      "<strong>lookahead</strong> beats no baseline.",
    );
  });
});

describe("small and odd evaluations", () => {
  test("one benchmark and one router", () => {
    const page = renderEvaluationReport({ title: "t", evaluation: evaluationOf({ random: 0 }) });
    expectSound(page);
    expect(headings(page)).toEqual([
      "Which router is best?",
      "Where does it win?",
      "Who gets the traffic?",
      "All numbers",
      "What these figures say and do not say",
      "How the numbers are defined",
    ]);
  });

  test("numbers that JSON carries as null are dashes", () => {
    const plain = evaluationOf({ lookahead: 10, knn: 5, oracle: 100 });
    const broken = JSON.parse(
      JSON.stringify(plain, (key, value) => (key === "normalised" && value === 10 ? Number.NaN : value)),
    ) as RouterEvaluation;
    const page = renderEvaluationReport({ title: "t", evaluation: broken });
    expectSound(page);
    expect(page).toContain("lookahead: – [");
  });

  test("a router that one benchmark lacks", () => {
    const one = evaluationOf({ lookahead: 10, knn: 5 });
    const { knn: _, ...rest } = one.benchmarks.MATH!.routers;
    const evaluation = { ...one, benchmarks: { ...one.benchmarks, GSM8k: { n: 1, routers: rest } } };
    const page = renderEvaluationReport({ title: "t", evaluation });
    expectSound(page);
    expect(page).toContain("1 prompt</span>");
  });

  test("many benchmarks are folded, many models gathered", () => {
    const evaluation = evaluationOf(
      { lookahead: 10 },
      {
        benchmarks: Array.from({ length: 12 }, (_, index) => `B${index}`),
        models: Array.from({ length: 13 }, (_, index) => `model-${index}`),
      },
    );
    const page = renderEvaluationReport({ title: "t", evaluation });
    expectSound(page);
    expect(page.match(/<details class="cell" open>/g)).toHaveLength(16);
    expect(page.match(/<details class="cell">/g)).toHaveLength(8);
    expect(page).toContain("4 other models</li>");
    expect(page).not.toContain('class="share m10"');
  });

  test("training without losses or with one step", () => {
    const evaluation = evaluationOf({ lookahead: 10 });
    const training = [
      { name: "empty", steps: [] },
      { name: "single", steps: [{ step: 5, loss: 1, validation: 0.5 }] },
      { name: "broken", steps: [{ step: 0, loss: Number.NaN }] },
    ];
    const page = renderEvaluationReport({ title: "t", evaluation, training });
    expectSound(page);
    expect(page.match(/No losses were recorded/g)).toHaveLength(2);
  });
});

test("decisions are capped and their prompts shortened", () => {
  const decisions = Array.from({ length: 250 }, (_, index) => ({
    ...full.decisions![0]!,
    id: `d${index}`,
    prompt: "x".repeat(1000),
  }));
  const page = renderEvaluationReport({ ...full, decisions });
  expect(page.match(/<details data-verdict=/g)).toHaveLength(200);
  expect(page).toContain("The first 200 of 250 decisions");
  expect(page).toContain(`<pre dir="auto">${"x".repeat(400)}…</pre>`);
});

test("an answer as good as the best is no mistake", () => {
  const decision = { ...full.decisions![0]!, chosen: "a", best: "b", scores: { a: 1, b: 1 } };
  const page = renderEvaluationReport({ ...full, decisions: [decision] });
  expect(page).toContain('<span class="good">as good as any</span>');
  expect(page).not.toContain("b was better");
});
