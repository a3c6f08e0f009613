/** A router's choices and expectations over a data set. The router sees ids and prompts, never answers or scores. */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import type { LengthModel } from "../length/index.ts";
import type { OutcomeRouter } from "../outcome.ts";
import { argmax, type Router, type RoutingQuery } from "../router.ts";
import { ASSUMED_COMPLETION_TOKENS } from "./costs.ts";

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
  const scores: Float64Array[] = [];
  const choices: number[] = [];
  for (const chunk of chunksOf(records)) {
    for (const row of await router.scores(queriesOf(router, chunk))) {
      choices.push(columns[argmax(row)]!);
      scores.push(arranged(row, columns, candidates.length, Number.NEGATIVE_INFINITY));
    }
    onProgress?.(scores.length);
  }
  return { choices: Int32Array.from(choices), scores };
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
  readonly isCalibrated: boolean;
}

/** {@link routeAll} and the expectations behind it from one pass of the router. @throws {TuttiError} UNKNOWN_CANDIDATE */
export async function assessAll(
  router: OutcomeRouter,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): Promise<RoutedRecords & { readonly expected: ExpectedOutcomes }> {
  const columns = columnsOf(router, candidates);
  const scores: Float64Array[] = [];
  const choices: number[] = [];
  const quality: Float64Array[] = [];
  for (const chunk of chunksOf(records)) {
    for (const assessment of await router.assess(queriesOf(router, chunk))) {
      choices.push(columns[argmax(assessment.scores)]!);
      scores.push(arranged(assessment.scores, columns, candidates.length, Number.NEGATIVE_INFINITY));
      quality.push(arranged(assessment.estimate.quality, columns, candidates.length, Number.NaN));
    }
  }
  const { isCalibrated } = router;
  return { choices: Int32Array.from(choices), scores, expected: { quality, isCalibrated } };
}

/** @throws {TuttiError} UNKNOWN_CANDIDATE as {@link routeAll} */
export async function expectAll(
  router: OutcomeRouter,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): Promise<ExpectedOutcomes> {
  return (await assessAll(router, records, candidates)).expected;
}

/**
 * Expected answer lengths in tokens, [prompt][candidate] in the data's candidate order; candidates that the model does not
 * know take {@link ASSUMED_COMPLETION_TOKENS}.
 */
export async function expectLengths(
  model: LengthModel,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): Promise<Float64Array[]> {
  const columns = columnsOf({ name: "answer lengths", candidates: model.candidates }, candidates);
  const rows: Float64Array[] = [];
  for (const chunk of chunksOf(records)) {
    for (const { mean } of await model.predict(chunk.map(({ prompt }) => promptText(prompt))))
      rows.push(arranged(mean, columns, candidates.length, ASSUMED_COMPLETION_TOKENS));
  }
  return rows;
}

function* chunksOf(records: readonly JudgedRecord[]): Generator<readonly JudgedRecord[]> {
  for (let start = 0; start < records.length; start += QUERIES_PER_CALL)
    yield records.slice(start, start + QUERIES_PER_CALL);
}

/** Column in the data of each of the router's candidates. */
function columnsOf(router: Pick<Router, "name" | "candidates">, candidates: readonly string[]): number[] {
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
