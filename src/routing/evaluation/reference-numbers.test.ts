/** Every published reference number of the data pack, to the printed digits. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import reference from "../../../fixtures/evaluation/reference-numbers.json" with { type: "json" };
import { type JudgedRecord, readJudgedRecords } from "../../judged/index.ts";
import { normalisedScore } from "./evaluate.ts";
import { oracleChoices, prepareMetric } from "./metrics.ts";

const SHIPPED = join(import.meta.dirname, "../../../assets/judged");
const DATA_PACK = join(import.meta.dirname, "../../../../shared/data/lookahead");
const FILES: Readonly<Record<string, string>> = {
  AlpacaEval: join(DATA_PACK, "alpacaeval.jsonl.gz"),
  ArenaHard: join(SHIPPED, "arenahard.jsonl.gz"),
  "MT-Bench": join(SHIPPED, "mtbench.jsonl.gz"),
  GSM8k: join(SHIPPED, "gsm8k.jsonl.gz"),
  MATH: join(SHIPPED, "math.jsonl.gz"),
  HumanEval: join(SHIPPED, "humaneval.jsonl.gz"),
  MBPP: join(SHIPPED, "mbpp.jsonl.gz"),
};

interface Reference {
  readonly n: number;
  readonly fixed: Readonly<Record<string, number>>;
  readonly best_single: string;
  readonly random: number;
  readonly oracle: number;
  readonly fixed_normalised: Readonly<Record<string, number>>;
  readonly raw_winrate?: Readonly<Record<string, number>>;
}

test("every benchmark of the reference numbers has a file", () => {
  expect(Object.keys(reference.benchmarks).sort()).toEqual(Object.keys(FILES).sort());
});

describe.each(Object.entries(reference.benchmarks as Readonly<Record<string, Reference>>))(
  "%s",
  (benchmark, expected) => {
    // AlpacaEval's terms forbid shipping it; it is checked where the data pack lies beside the checkout.
    test.skipIf(!existsSync(FILES[benchmark]!))(
      "fixed, best single, random, oracle and normalised",
      async () => {
        const { records, candidates } = await readJudgedRecords([FILES[benchmark]!]);
        const metric = prepareMetric(benchmark, records, candidates);
        const all = Int32Array.from({ length: records.length }, (_, index) => index);
        const fixed = candidates.map((_, index) => metric(all, new Int32Array(records.length).fill(index)));
        const random = fixed.reduce((sum, value) => sum + value, 0) / fixed.length;
        const oracle = metric(all, oracleChoices(records, candidates));
        expect(records).toHaveLength(expected.n);
        expect(candidates[fixed.indexOf(Math.max(...fixed))]).toBe(expected.best_single);
        expect(random).toBeCloseTo(expected.random, 4);
        expect(oracle).toBeCloseTo(expected.oracle, 4);
        for (const [index, candidate] of candidates.entries()) {
          expect(fixed[index], candidate).toBeCloseTo(expected.fixed[candidate]!, 4);
          expect(normalisedScore(fixed[index]!, random, oracle), candidate).toBeCloseTo(
            expected.fixed_normalised[candidate]!,
            2,
          );
        }
        if (expected.raw_winrate) checkRaw(records, candidates, expected.raw_winrate);
      },
    );
  },
);

function checkRaw(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  raw: Readonly<Record<string, number>>,
): void {
  const metric = prepareMetric("mean score", records, candidates);
  const all = Int32Array.from({ length: records.length }, (_, index) => index);
  for (const [index, candidate] of candidates.entries()) {
    expect(metric(all, new Int32Array(records.length).fill(index))).toBeCloseTo(raw[candidate]!, 4);
  }
  expect(metric(all, oracleChoices(records, candidates))).toBeCloseTo(raw.oracle!, 4);
}
