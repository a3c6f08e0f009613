/** The heads of one candidate, fitted when a router is trained or when a model joins it. */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { type Embedder, embedMatrix } from "../embedding/index.ts";
import { checkAddition, mean } from "../growth/candidate-evidence.ts";
import { standardise } from "./features.ts";
import {
  addHeads,
  applyHead,
  fitHeads,
  type LinearHead,
  meanHead,
  PRIOR_PROMPTS,
  rowsOfTasks,
  type TaskRows,
} from "./heads.ts";
import type { CandidateHeads, LatentParts } from "./latent-router.ts";
import { type LatentTask, PART_WIDTHS, type Part } from "./settings.ts";
import { candidateTargets, type MeasuredBenchmark, type Targets } from "./targets.ts";

/** @throws {TuttiError} DATASET_INVALID for a benchmark whose scale is unknown */
export function indexOfBenchmark(benchmarks: readonly MeasuredBenchmark[], record: JudgedRecord): number {
  const index = benchmarks.findIndex(({ name }) => name === record.benchmark);
  if (index >= 0) return index;
  const known = benchmarks.map(({ name }) => name);
  throw new TuttiError(
    "DATASET_INVALID",
    `record ${JSON.stringify(record.id)}: benchmark ${JSON.stringify(record.benchmark)} is unknown to the router, which was trained on ${known.join(", ")}`,
    {
      details: { recordId: record.id, benchmark: record.benchmark, known },
      hint: "name the benchmark whose scores are on the same scale, or train the router again",
    },
  );
}

export interface Prompts {
  readonly x: Float32Array;
  readonly dimension: number;
  readonly taskRows: readonly TaskRows[];
}

/**
 * Ridge regression of every part in every task. With `prior` heads W0, one per task, slopes are shrunk towards theirs
 * instead of towards zero, |y - W x|^2 + penalty |W - W0|^2: the ridge fit of y - W0 x, added to W0. The smearing
 * factors of the prior count as {@link PRIOR_PROMPTS} prompts each.
 */
export function fitCandidate(
  name: string,
  prompts: Prompts,
  tasks: readonly LatentTask[],
  targets: Targets,
  prior?: Omit<CandidateHeads, "name">,
): CandidateHeads {
  const { x, dimension, taskRows } = prompts;
  const headsFor = (part: Part): readonly LinearHead[] => {
    const penalties = tasks.map(({ penalties }) => penalties[part]);
    const width = PART_WIDTHS[part];
    if (prior === undefined) return fitHeads(taskRows, penalties, targets[part], width, dimension);
    const surprises = minusPredicted(targets[part], prior.heads[part], prompts);
    return fitHeads(taskRows, penalties, surprises, width, dimension).map((head, task) =>
      addHeads(head, prior.heads[part][task]!),
    );
  };
  const answer = headsFor("answer");
  const smearing = Float64Array.from(taskRows, ({ rows }, task) => {
    const known = prior === undefined ? 0 : PRIOR_PROMPTS;
    if (rows.length + known === 0) return 1;
    let sum = known * (prior?.smearing[task] ?? 1);
    for (const row of rows) {
      const predicted = applyHead(answer[task]!, x, row * dimension)[0]!;
      sum += Math.exp(targets.answer[row * PART_WIDTHS.answer]! - predicted);
    }
    return sum / (rows.length + known);
  });
  return { name, heads: { utility: headsFor("utility"), quality: headsFor("quality"), answer }, smearing };
}

/** y, [all rows, outputs] row-major, less what each row's task head predicts. */
function minusPredicted(
  y: Float64Array,
  heads: readonly LinearHead[],
  { x, dimension, taskRows }: Prompts,
): Float64Array {
  const rest = y.slice();
  for (const [task, { rows }] of taskRows.entries()) {
    for (const row of rows) {
      const predicted = applyHead(heads[task]!, x, row * dimension);
      for (const [output, value] of predicted.entries()) rest[row * predicted.length + output]! -= value;
    }
  }
  return rest;
}

/** What the pool answers like on average, per part and task. */
function meanOfPool(candidates: readonly CandidateHeads[], tasks: number): Omit<CandidateHeads, "name"> {
  const of = (part: Part): LinearHead[] =>
    Array.from({ length: tasks }, (_, task) => meanHead(candidates.map(({ heads }) => heads[part][task]!)));
  const smearing = Float64Array.from({ length: tasks }, (_, task) =>
    mean(candidates.map((candidate) => candidate.smearing[task]!)),
  );
  return { heads: { utility: of("utility"), quality: of("quality"), answer: of("answer") }, smearing };
}

/**
 * Heads of a candidate that was not there in training, at the penalties of the router's tasks and shrunk towards the mean
 * of the pool's heads. A prompt that is hard is hard for most models: few judged prompts need not show that again, and a
 * newcomer with flat heads would be chosen wherever the others are expected to do badly.
 *
 * @param records judged prompts with an answer of `name`
 * @throws {TuttiError} INVALID_ARGUMENT when the router has it already; DATASET_INVALID without records or for a
 *   benchmark whose scale the router does not know; RECORD_INVALID for a missing answer or score
 */
export async function fitAddedCandidate(
  { benchmarks, tasks, standardisation, candidates }: LatentParts,
  embedder: Embedder,
  name: string,
  records: readonly JudgedRecord[],
): Promise<CandidateHeads> {
  checkAddition(
    candidates.map((candidate) => candidate.name),
    name,
    records,
  );
  const { dimension } = embedder;
  const benchmarkOf = Int32Array.from(records, (record) => indexOfBenchmark(benchmarks, record));
  const taskOf = benchmarkOf.map((benchmark) => benchmarks[benchmark]!.task);
  const embeddings = await embedMatrix(
    embedder,
    records.map(({ prompt }) => promptText(prompt)),
  );
  const x = standardise(standardisation, embeddings);
  const taskRows = rowsOfTasks(x, taskOf, tasks.length, dimension);
  const targets = candidateTargets(records, benchmarks, benchmarkOf, name);
  const prior = candidates.length === 0 ? undefined : meanOfPool(candidates, tasks.length);
  return fitCandidate(name, { x, dimension, taskRows }, tasks, targets, prior);
}
