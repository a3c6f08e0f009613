/** The whole report page with every section: what it shows, and what hostile data does in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JudgedRecord } from "../../src/judged/index.ts";
import { analyseRouters, evaluateRouters } from "../../src/routing/evaluation/index.ts";
import {
  type EvaluationReport,
  readLearningCurves,
  renderEvaluationReport,
} from "../../src/routing/report/index.ts";
import { pickDecisions } from "../../src/routing/report-decisions.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import { Chromium, chromiumPath } from "./chromium.ts";

const HOSTILE = [
  `<script>document.title = "owned"</script>`,
  `<img src=x onerror="document.title='owned'">`,
  `"><svg onload="document.title='owned'">`,
  `' autofocus onfocus='document.title="owned"' x='`,
  `</pre></details></main><style>main{display:none}</style><iframe src="https://example.invalid/"></iframe>`,
  `</style></script><!-- <base href="https://example.invalid/"> \u2028\u2029 \u202eesrever\u202c \u0000\u0007 \ud800`,
  `<meta http-equiv="refresh" content="0;url=https://example.invalid/">`,
];
const MODELS = [`model <b>one</b> ${HOSTILE[1]}`, "model-two", "model-three"];

const stream = new RandomStream({ seed: 1, stream: 2 });
const records: JudgedRecord[] = Array.from({ length: 60 }, (_, index) => ({
  id: `r${index} ${HOSTILE[index % HOSTILE.length]}`,
  benchmark: index % 2 === 0 ? `bench ${HOSTILE[0]}` : "plain",
  prompt: `prompt ${index} ${HOSTILE[index % HOSTILE.length]}`,
  candidates: Object.fromEntries(
    MODELS.map((name) => [name, { response: HOSTILE[0]!, score: stream.nextUniform() < 0.5 ? 0 : 1 }]),
  ),
}));

const scores = records.map(() => Float64Array.from(MODELS, () => stream.nextUniform()));
const choices = {
  served: Int32Array.from(scores, (row) => row.indexOf(Math.max(...row))),
  [`rival ${HOSTILE[2]}`]: new Int32Array(records.length).fill(1),
};
const pricing = Object.fromEntries(
  MODELS.map((name, index) => [
    name,
    { inputCostUsdPerMillionTokens: 4 ** index, outputCostUsdPerMillionTokens: 4 ** index },
  ]),
);
const folder = mkdtempSync(join(tmpdir(), "tutti-report-"));

function reportOf(): EvaluationReport {
  const learningFile = join(folder, "learning.json");
  writeFileSync(
    learningFile,
    JSON.stringify({
      unit: "judged prompts",
      measure: `score ${HOSTILE[0]}`,
      curves: [
        {
          name: `frozen ${HOSTILE[1]}`,
          points: [
            { examples: 50, value: 20, interval: [18, 22] },
            { examples: 800, value: 30 },
          ],
        },
      ],
      references: [{ name: "full retraining", value: 31 }],
    }),
  );
  const comparisons = [{ router: "served", baseline: Object.keys(choices)[1]! }];
  const bootstrap = { samples: 50, seed: 0 };
  const input = { records, candidates: MODELS, choices };
  const evaluation = {
    ...evaluateRouters({ ...input, comparisons, bootstrapSamples: bootstrap.samples }),
    analysis: analyseRouters({
      ...input,
      served: "served",
      scores: { served: scores },
      outcomes: { served: { quality: scores, isCalibrated: false } },
      bestSingle: MODELS[0]!,
      pricing,
      bootstrap,
    }),
  };
  const { decisions, note } = pickDecisions({ ...input, choices: choices.served, scores });
  return {
    title: `Report ${HOSTILE[0]}`,
    subtitle: HOSTILE[4]!,
    evaluation,
    training: [{ name: HOSTILE[1]!, steps: [{ step: 0, loss: 1, validation: 0.5 }] }],
    learning: readLearningCurves(learningFile),
    decisions,
    decisionsNote: note,
    notes: [HOSTILE[5]!],
  };
}

const report = reportOf();
const page = renderEvaluationReport(report);
const headings = [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1]!);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the page as text", () => {
  test("has a section for everything there are data of, costs first", () => {
    expect(headings).toEqual([
      "What does quality cost?",
      "Which router is best?",
      "Is the difference real?",
      "Where does it win?",
      "Who gets the traffic?",
      "When it chose one model, which was best?",
      "Can its probabilities be believed?",
      "How many examples does it take?",
      "How did training go?",
      "All numbers",
      "Decisions, good and bad",
      "What these figures say and do not say",
      "How the numbers are defined",
    ]);
    expect(page.match(/<nav/g)).toHaveLength(1);
    for (const [, id] of page.matchAll(/<a href="#([^"]+)">/g))
      expect(page).toContain(`<section id="${id}">`);
  });

  test("leads with the difference to the best single model, its interval and the cost", () => {
    const lead = /<p class="lead">(.*?)<\/p>/s.exec(page)![1]!.replaceAll(/<[^>]+>/g, "");
    expect(lead).toMatch(
      /served .*: [+−]?\d+\.\d points of quality, 95% interval \[[+−]?\d+\.\d, [+−]?\d+\.\d\], to \d+\.\d of 100, at .* cost\.$/,
    );
    expect(page.match(/class="tile"/g)).toHaveLength(4);
  });

  test("every plot says in words what it shows, and its numbers stand in a table", () => {
    const plots = page.match(/<svg [^>]*role="img"[^>]*>/g)!;
    expect(plots.length).toBeGreaterThan(8);
    for (const plot of plots) expect(plot).toMatch(/aria-label="[^"]{10,}"/);
    expect(page.match(/<figure>/g)!.length).toBeLessThanOrEqual(page.match(/<table/g)!.length);
    expect(page).toContain("Reliability of served, not calibrated: expected calibration error 0.");
    expect(page).toMatch(/Quality against dollars for a thousand prompts\. served goes from \d/);
  });

  test("nothing is loaded from elsewhere, and nothing unescaped or unprintable is left", () => {
    const tags = page.replace(/<script>[\s\S]*<\/script>/, "").match(/<[^>]*>/g)!;
    const bare = tags.map((tag) => tag.replaceAll(/"(?!#)[^"]*"/g, '""'));
    expect(bare.filter((tag) => /\s(?:src|href|style|on\w+)=(?!"#)/.test(tag))).toEqual([]);
    expect(page).not.toMatch(/<(?:link|iframe|object|embed|base|form|img)\b/);
    expect(page.match(/<script>/g)).toHaveLength(1);
    expect(page.match(/<meta http-equiv="refresh"/)).toBeNull();
    expect(page.match(/[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\p{Cs}\u{202a}-\u{202e}]/u)).toBeNull();
    const own = page.replace(/<style>[\s\S]*?<\/style>/, "").replace(/<script>[\s\S]*<\/script>/, "");
    expect(own.match(/.{20}(NaN|undefined|Infinity)/)).toBeNull();
  });

  test("the policy allows the page's own script and style by hash and nothing else", () => {
    expect(page).toMatch(
      /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'"/,
    );
  });

  test("an evaluation of choices alone, as older files hold it, still makes a page", () => {
    const { analysis: _, ...evaluation } = report.evaluation;
    const plain = renderEvaluationReport({ title: "t", evaluation });
    const own = [...plain.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1]!);
    expect(own).toEqual(
      headings.filter(
        (heading) => /best\?$|real|win|traffic|All|say|defined/.test(heading) && !heading.startsWith("When"),
      ),
    );
    expect(plain).toContain("has the best mean normalised score");
  });

  test("a JSON round trip changes nothing", () => {
    const evaluation = JSON.parse(JSON.stringify(report.evaluation)) as typeof report.evaluation;
    expect(renderEvaluationReport({ ...report, evaluation })).toBe(page);
  });
});

test("examples are half good and half bad, from prompts on which models differed", () => {
  const good = report.decisions!.filter(({ chosen, best, scores: own }) => own[chosen] === own[best]).length;
  expect(report.decisions!.length).toBeGreaterThan(30);
  expect(report.decisionsNote).toContain(
    `${good} good decisions and ${report.decisions!.length - good} bad ones`,
  );
  for (const { scores: own } of report.decisions!) expect(new Set(Object.values(own)).size).toBe(2);
});

test("a learning curve file that is none is refused by field", () => {
  const path = join(folder, "broken.json");
  writeFileSync(
    path,
    JSON.stringify({ unit: "u", measure: "m", curves: [{ name: "c", points: [{ examples: 0, value: 1 }] }] }),
  );
  expect(() => readLearningCurves(path)).toThrow(/broken\.json: curves\.0\.points\.0\.examples/);
});

describe.skipIf(chromiumPath === undefined)("in Chromium", { timeout: 60_000 }, () => {
  let browser: Chromium;

  beforeAll(async () => {
    const path = join(folder, "report.html");
    writeFileSync(path, page);
    browser = new Chromium(chromiumPath!);
    await browser.open(pathToFileURL(path).href);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
  });

  test("injected markup is text: no element, no script, no request, no complaint", async () => {
    expect(await browser.evaluate("document.title")).toBe(`Report ${HOSTILE[0]}`);
    expect(
      await browser.evaluate(
        "document.querySelectorAll('img, iframe, base, main style, main script, svg[onload], [onerror], [onfocus], b:not(.tile b)').length",
      ),
    ).toBe(0);
    const urls = browser.events
      .filter(({ method }) => method === "Network.requestWillBeSent")
      .map(({ params }) => (params!.request as { url: string }).url);
    expect(urls.every((url) => url.startsWith("file:"))).toBe(true);
    const complaints = browser.events.filter(
      ({ method }) => method === "Runtime.exceptionThrown" || method === "Log.entryAdded",
    );
    expect(complaints).toEqual([]);
  });

  test("even a script that got onto the page could not run", async () => {
    await browser.evaluate(
      "{ const element = document.createElement('script'); element.textContent = 'document.title = \"owned\"'; document.body.append(element); }",
    );
    expect(await browser.evaluate("document.title")).toBe(`Report ${HOSTILE[0]}`);
  });

  test("prompts read as they were written, oddities replaced", async () => {
    const texts = (await browser.evaluate(
      "[...document.querySelectorAll('#decisions pre')].map((element) => element.textContent)",
    )) as string[];
    const first = report.decisions!.findIndex(({ prompt }) => prompt.includes(HOSTILE[0]!));
    expect(texts[first]).toBe(report.decisions![first]!.prompt);
    const odd = report.decisions!.findIndex(({ prompt }) => prompt.includes("\u202e"));
    expect(texts[odd]).toContain("\ufffd\ufffd \ufffdesrever\ufffd \ufffd\ufffd \ufffd");
  });

  test("searching and filtering show what was asked for and say how many", async () => {
    const shown = async (): Promise<number> =>
      (await browser.evaluate(
        "[...document.querySelectorAll('#decisions details')].filter((item) => item.checkVisibility()).length",
      )) as number;
    const set = (selector: string, value: string) =>
      browser.evaluate(
        `{ const field = document.querySelector(${JSON.stringify(selector)}); field.value = ${JSON.stringify(value)}; field.dispatchEvent(new Event("input", { bubbles: true })); }`,
      );
    const all = report.decisions!;
    expect(await shown()).toBe(all.length);
    await set("select[data-filter=verdict]", "bad");
    const bad = all.filter(({ chosen, best, scores: own }) => own[chosen]! < own[best]!);
    expect(await shown()).toBe(bad.length);
    await set("select[data-filter=benchmark]", `bench ${HOSTILE[0]}`);
    const hostile = bad.filter(({ benchmark }) => benchmark.startsWith("bench"));
    expect(await shown()).toBe(hostile.length);
    expect(await browser.evaluate("document.querySelector('#found').textContent")).toBe(
      `${hostile.length} shown`,
    );
    await set("select[data-filter=verdict]", "");
    await set("select[data-filter=benchmark]", "");
    await set("#search", "PROMPT 1 <");
    expect(await shown()).toBe(all.filter(({ prompt }) => prompt.startsWith("prompt 1 <")).length);
    await set("#search", "no such thing");
    expect(await shown()).toBe(0);
    await set("#search", "");
  });

  test("the big table sorts by a heading", async () => {
    const column = async () =>
      (await browser.evaluate(
        "{ const button = [...document.querySelectorAll('thead button')].find((it) => it.textContent === 'mean'); button.click(); const head = button.closest('th'); [...head.closest('table').tBodies[0].rows].map((row) => Number(row.cells[head.cellIndex].dataset.value)) }",
      )) as number[];
    expect(await column()).toEqual((await column()).toReversed());
  });

  test.each([360, 1200])("nothing hangs over the edge of a screen of %d pixels", async (width) => {
    await browser.send("Emulation.setDeviceMetricsOverride", {
      width,
      height: 800,
      deviceScaleFactor: 1,
      mobile: width < 500,
    });
    expect(await browser.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
  });
});
