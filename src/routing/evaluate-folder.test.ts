/** What `tutti router eval` says of a trained folder: of the routers as they serve. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JudgedRecord, promptText, readJudgedRecords } from "../judged/index.ts";
import { lookaheadDefaults } from "./defaults.ts";
import { type EvaluationReportInput, evaluateFolder, readEvaluationInputs } from "./evaluate-folder.ts";
import {
  brierScore,
  formatEvaluationTable,
  overlapWarning,
  pricedCosts,
  type RouterAnalysis,
  type RouterEvaluation,
  trainingOverlap,
} from "./evaluation/index.ts";
import { renderEvaluationReport } from "./report/index.ts";
import { argmax } from "./router.ts";
import { trainRouter } from "./train-router.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-evaluate-"));
let known: JudgedRecord[];
let unseen: JudgedRecord[];
let candidates: readonly string[];
let pricing: Record<string, { inputCostUsdPerMillionTokens: number; outputCostUsdPerMillionTokens: number }>;
let evaluation: RouterEvaluation;
let analysis: RouterAnalysis;
let report: EvaluationReportInput;

const evaluate = (records: readonly JudgedRecord[]) =>
  evaluateFolder(readEvaluationInputs(folder), records, candidates, { samples: 20, seed: 0, pricing });

beforeAll(async () => {
  const data = await readJudgedRecords([join("assets/judged/mbpp.jsonl.gz")]);
  candidates = data.candidates;
  [known, unseen] = [data.records.slice(0, 120), data.records.slice(120, 180)];
  // Dear and cheap models by turns, so that lengths and qualities move choices.
  pricing = Object.fromEntries(
    candidates.map((name, index) => [
      name,
      { inputCostUsdPerMillionTokens: 1 + index, outputCostUsdPerMillionTokens: 1 + 3 * index },
    ]),
  );
  const lookahead = { ...lookaheadDefaults("mlm", false), threads: 1 };
  const options = { lookahead, networks: [], serves: "latent", validationShare: 0.25 } as const;
  await trainRouter(known, candidates, options, folder);
  ({ evaluation, report } = await evaluate(unseen));
  analysis = evaluation.analysis!;
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

const queries = () => unseen.map(({ id, prompt }) => ({ id, prompt: promptText(prompt) }));

describe("a folder with calibration", () => {
  it("shows how far calibrated qualities are right, of every method that has curves", async () => {
    const { calibrated } = readEvaluationInputs(folder);
    expect(Object.keys(analysis.reliability!).sort()).toEqual([...calibrated.keys()].sort());
    for (const [name, router] of calibrated) {
      const expected = (await router.outcomes(queries())).flatMap(({ quality }) => [...quality]);
      const observed = unseen.flatMap((record) => candidates.map((model) => record.candidates[model]!.score));
      const { isCalibrated, brier } = analysis.reliability![name]!;
      expect([name, isCalibrated]).toEqual([name, true]);
      expect(brier).toBeCloseTo(brierScore(expected, observed), 12);
    }
  });

  it("shows beside them what a method expects without curves", () => {
    const withRaw = Object.entries(analysis.reliability!).filter(([, own]) => own.raw !== undefined);
    expect(withRaw.map(([name]) => name)).toEqual(["latent"]);
    const [, latent] = withRaw[0]!;
    expect(latent.raw!.isCalibrated).toBe(false);
    expect(latent.raw!.brier).not.toBe(latent.brier);
    const page = renderEvaluationReport(report);
    expect(page.includes("Reliability of latent, before calibration")).toBe(true);
    expect(page.includes("not calibrated</span>")).toBe(false);
  });

  it("weighs calibrated quality against one and the same expected cost, whichever method", async () => {
    const { calibrated, lengths } = readEvaluationInputs(folder);
    const costs = analysis.costs!;
    expect(costs.expectedLengths).toBe("predicted");
    const tokens = (await lengths!.predict(unseen.map(({ prompt }) => promptText(prompt)))).map(
      ({ mean }) => mean,
    );
    const { usd, expectedUsd } = pricedCosts(unseen, candidates, pricing, tokens);
    for (const [name, router] of calibrated) {
      const curve = costs.curves[name]!;
      expect([name, curve.basis]).toEqual([name, "calibrated"]);
      const rows = (await router.outcomes(queries())).map(({ quality }) => quality);
      const inner = curve.points[Math.floor(curve.points.length / 2)]!;
      for (const { setting, quality, cost } of [curve.points[0]!, inner]) {
        const chosen = rows.map((row, prompt) =>
          argmax(row.map((value, model) => value - setting! * expectedUsd[prompt]![model]!)),
        );
        const mean = (of: (model: number, prompt: number) => number): number =>
          chosen.reduce((sum, model, prompt) => sum + of(model, prompt), 0) / unseen.length;
        expect(quality, name).toBeCloseTo(
          mean((model, prompt) => 100 * unseen[prompt]!.candidates[candidates[model]!]!.score),
          9,
        );
        expect(cost, name).toBeCloseTo(
          mean((model, prompt) => 1000 * usd[prompt]![model]!),
          9,
        );
      }
    }
    expect(costs.curves["domain-best"]!.basis).toBe("scores");
  });
});

describe("prompts that the router was trained on", () => {
  const file = join(folder, "trained-prompts.json");
  /** The same prompt to every split, under another id. */
  const shouted = (record: JudgedRecord, index: number): JudgedRecord => ({
    ...record,
    id: `shouted-${index}`,
    prompt: `${promptText(record.prompt).toUpperCase()} !!`,
  });
  const overlapOf = (records: readonly JudgedRecord[]) =>
    evaluate(records).then(({ evaluation: own, report: page }) => ({
      overlap: own.analysis!.trainingOverlap,
      text: formatEvaluationTable(own),
      html: renderEvaluationReport(page),
    }));

  it("are counted, however they are spelled, and warned of before any figure", async () => {
    const { overlap, text, html } = await overlapOf([
      ...known.slice(0, 10),
      ...known.slice(10, 15).map(shouted),
      ...unseen.slice(0, 45),
    ]);
    expect(overlap).toEqual({ source: "hashes", evaluated: 60, trained: 15, share: 0.25 });
    expect(overlapWarning(overlap)).toContain("trained on 15 of these 60 prompts (25 %)");
    expect(text).toContain("15 of 60 prompts in training");
    expect(html.indexOf("trained on 15 of these 60")).toBeGreaterThan(0);
    expect(html.indexOf("trained on 15 of these 60")).toBeLessThan(html.indexOf('class="headline"'));
    expect(html.includes("None of these prompts")).toBe(false);
  });

  it("are none among unseen ones, which the page says", () => {
    expect(analysis.trainingOverlap).toEqual({ source: "hashes", evaluated: 60, trained: 0, share: 0 });
    expect(overlapWarning(analysis.trainingOverlap)).toBeUndefined();
    const page = renderEvaluationReport(report);
    expect(page.includes("None of these prompts is among those that the router was trained on.")).toBe(true);
    expect(page.includes('class="warning"')).toBe(false);
  });

  it("are known by the examples of the kNN router in folders that hold no hashes", async () => {
    const content = readFileSync(file);
    rmSync(file);
    const { overlap, html } = await overlapOf([...known.slice(0, 10), ...unseen.slice(0, 30)]);
    writeFileSync(file, content);
    expect(overlap).toEqual({ source: "examples", evaluated: 40, trained: 10, share: 0.25 });
    expect(html.includes("trained on at least 10 of these 40 prompts (25%)")).toBe(true);
  });

  it("cannot be told without either, which is a warning too", () => {
    const overlap = trainingOverlap(unseen, "unknown", () => false);
    expect(overlap).toEqual({ source: "unknown", evaluated: 60 });
    expect(overlapWarning(overlap)).toContain("does not tell");
    const page = renderEvaluationReport({
      ...report,
      evaluation: { ...evaluation, analysis: { ...analysis, trainingOverlap: overlap } },
    });
    expect(page.includes("does not tell")).toBe(true);
  });

  it.each([
    ["a hash too few", (content: { prompts: number }) => (content.prompts += 1), "hashes"],
    ["no hashes", (content: { hashes?: string }) => delete content.hashes, "hashes"],
    ["another format", (content: { format: string }) => (content.format = "x"), "format"],
  ])("a file with %s is refused by name", (_name, change, field) => {
    const content = readFileSync(file, "utf8");
    const damaged = JSON.parse(content);
    change(damaged);
    writeFileSync(file, JSON.stringify(damaged));
    try {
      expect(() => readEvaluationInputs(folder)).toThrow(
        expect.objectContaining({ code: "ROUTER_INVALID", message: expect.stringContaining(field) }),
      );
    } finally {
      writeFileSync(file, content);
    }
  });
});
