/**
 * Routers that were trained several times, over seeds or with another model held out: the mean of the runs' normalised
 * scores, with paired bootstrap intervals over prompts.
 *
 * The resamples are those of {@link evaluateRouters}, so a router of one run gets the same score and interval from both.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { evaluateRouters } from "./evaluate.ts";
import type { RouterEvaluation } from "./types.ts";

export interface EvaluateRunsInput {
  readonly records: readonly JudgedRecord[];
  readonly candidates: readonly string[];
  /** By router, one array of candidate indices per run, one index per record. */
  readonly runs: Readonly<Record<string, readonly Int32Array[]>>;
  readonly comparisons?: readonly { readonly router: string; readonly baseline: string }[];
  /** @default 1000 */
  readonly bootstrapSamples?: number;
  /** @default 0 */
  readonly seed?: number;
}

/** Means over runs and benchmarks. */
export type RunsEvaluation = Pick<RouterEvaluation, "mean" | "differences">;

/**
 * @throws {TuttiError} DATASET_INVALID without records; INVALID_ARGUMENT for a router without runs, choices that do not fit
 *   or a comparison of unknown routers; RECORD_INVALID when a benchmark's metric lacks a field
 */
export function evaluateRuns(input: EvaluateRunsInput): RunsEvaluation {
  const { records, candidates, runs, ...rest } = input;
  checkRuns(runs, records.length, candidates.length);
  const named = Object.entries(runs).map(
    ([router, all]) => [router, all.map((run, index) => [`${router} run ${index}`, run] as const)] as const,
  );
  const { averages = {}, differences } = evaluateRouters({
    records,
    candidates,
    choices: Object.fromEntries(named.flatMap(([, all]) => all)),
    averages: Object.fromEntries(named.map(([router, all]) => [router, all.map(([name]) => name)])),
    ...rest,
  });
  return {
    mean: Object.fromEntries(
      Object.entries(averages).map(([router, { normalised, interval }]) => [
        router,
        { normalised, interval },
      ]),
    ),
    differences,
  };
}

function checkRuns(
  runs: Readonly<Record<string, readonly Int32Array[]>>,
  records: number,
  candidates: number,
): void {
  for (const [name, all] of Object.entries(runs)) {
    const isLegal =
      all.length > 0 &&
      all.every((run) => run.length === records && run.every((index) => index >= 0 && index < candidates));
    if (isLegal) continue;
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `router ${name}: received ${all.length} runs, expected at least one, each with ${records} candidate indices below ${candidates}`,
    );
  }
}
