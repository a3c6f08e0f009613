/** A router's choices and expectations over a data set. The router sees ids and prompts, never answers or scores. */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import type { OutcomeRouter } from "../outcome.ts";
import { argmax, type Router, type RoutingQuery } from "../router.ts";

const QUERIES_PER_CALL = 256;

export interface RoutedRecords {
  /** Index into the data's candidates of the model chosen for each record. */
  readonly choices: Int32Array;
  /** Score rows in the data's candidate order; -Infinity for candidates that the router does not know. */
  readonly scores: Float64Array[];
}

/**
 * Choices and scores of every record. The domain (benchmark name) is passed only to routers that declare that they
 * read it.
 *
 * @param onProgress called with the number of records done
 * @throws {TuttiError} UNKNOWN_CANDIDATE when the router may choose a model the data has no answers of
 */
export async function routeAll(
  router: Router,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  onProgress?: (done: number) => void,
): Promise<RoutedRecords> {
  const columns = columnsOf(router, candidates);
  const choices = new Int32Array(records.length);
  const scores: Float64Array[] = [];
  for (let start = 0; start < records.length; start += QUERIES_PER_CALL) {
    const chunk = records.slice(start, start + QUERIES_PER_CALL);
    const rows = await router.scores(queriesOf(router, chunk));
    for (const [index, row] of rows.entries()) {
      choices[start + index] = columns[argmax(row)]!;
      scores.push(arranged(row, columns, candidates.length, Number.NEGATIVE_INFINITY));
    }
    onProgress?.(start + chunk.length);
  }
  return { choices, scores };
}

/** The choices of {@link routeAll} alone. */
export async function chooseAll(
  router: Router,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  onProgress?: (done: number) => void,
): Promise<Int32Array> {
  return (await routeAll(router, records, candidates, onProgress)).choices;
}

/** What a router expects of every answer, [prompt][candidate] in the data's candidate order. */
export interface ExpectedOutcomes {
  /** In [0, 1]; NaN for candidates that the router does not know. */
  readonly quality: readonly Float64Array[];
  /** Tokens; absent when the router was not taught lengths. */
  readonly completionTokens?: readonly Float64Array[];
  readonly isCalibrated: boolean;
}

/** @throws {TuttiError} UNKNOWN_CANDIDATE as {@link routeAll} */
export async function expectAll(
  router: OutcomeRouter,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): Promise<ExpectedOutcomes> {
  const columns = columnsOf(router, candidates);
  const quality: Float64Array[] = [];
  const completionTokens: Float64Array[] = [];
  for (let start = 0; start < records.length; start += QUERIES_PER_CALL) {
    const estimates = await router.outcomes(
      queriesOf(router, records.slice(start, start + QUERIES_PER_CALL)),
    );
    for (const estimate of estimates) {
      quality.push(arranged(estimate.quality, columns, candidates.length, Number.NaN));
      if (estimate.completionTokens)
        completionTokens.push(arranged(estimate.completionTokens, columns, candidates.length, Number.NaN));
    }
  }
  return {
    quality,
    ...(completionTokens.length === records.length && { completionTokens }),
    isCalibrated: router.isCalibrated,
  };
}

/** Column in the data of each of the router's candidates. */
function columnsOf(router: Router, candidates: readonly string[]): number[] {
  const columns = router.candidates.map((name) => candidates.indexOf(name));
  const missing = router.candidates.filter((_, index) => columns[index]! < 0);
  if (missing.length > 0) {
    throw new TuttiError(
      "UNKNOWN_CANDIDATE",
      `router ${router.name} chooses among models the data has no answers of: ${missing.join(", ")}; the data has ${candidates.join(", ")}`,
      {
        details: { router: router.name, missing },
        hint: "evaluate on data with answers of every candidate, or train on these candidates",
      },
    );
  }
  return columns;
}

const queriesOf = (router: Router, records: readonly JudgedRecord[]): RoutingQuery[] =>
  records.map(({ id, prompt, benchmark }) => ({
    id,
    prompt: promptText(prompt),
    ...(router.readsDomain === true && { domain: benchmark }),
  }));

function arranged(
  row: Float64Array,
  columns: readonly number[],
  width: number,
  missing: number,
): Float64Array {
  const result = new Float64Array(width).fill(missing);
  for (const [index, column] of columns.entries()) result[column] = row[index]!;
  return result;
}
