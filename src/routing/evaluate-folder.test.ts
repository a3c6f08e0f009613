/** What `tutti router eval` says of a trained folder: of the routers as they serve. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JudgedRecord, promptText, readJudgedRecords } from "../judged/index.ts";
import { lookaheadDefaults } from "./defaults.ts";
import { type EvaluationReportInput, evaluateFolder, readEvaluationInputs } from "./evaluate-folder.ts";
import { brierScore, pricedCosts, type RouterAnalysis, type RouterEvaluation } from "./evaluation/index.ts";
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
    expect(page).toContain("latent before calibration");
    expect(page).not.toContain("latent not calibrated");
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
