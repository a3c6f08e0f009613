/** The heads of one candidate, fitted when a router is trained or when a model joins it. */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { type Embedder, embedMatrix } from "../embedding/index.ts";
import { checkAddition } from "../growth/candidate-evidence.ts";
import { standardise } from "./features.ts";
import { applyHead, fitHeads, rowsOfTasks, type TaskRows } from "./heads.ts";
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

export function fitCandidate(
  name: string,
  { x, dimension, taskRows }: Prompts,
  tasks: readonly LatentTask[],
  targets: Targets,
): CandidateHeads {
  const headsFor = (part: Part) =>
    fitHeads(
      taskRows,
      tasks.map(({ penalties }) => penalties[part]),
      targets[part],
      PART_WIDTHS[part],
      dimension,
    );
  const answer = headsFor("answer");
  const smearing = Float64Array.from(taskRows, ({ rows }, task) => {
    if (rows.length === 0) return 1;
    let sum = 0;
    for (const row of rows) {
      const predicted = applyHead(answer[task]!, x, row * dimension)[0]!;
      sum += Math.exp(targets.answer[row * PART_WIDTHS.answer]! - predicted);
    }
    return sum / rows.length;
  });
  return { name, heads: { utility: headsFor("utility"), quality: headsFor("quality"), answer }, smearing };
}

/**
 * Heads of a candidate that was not there in training, at the penalties of the router's tasks.
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
  return fitCandidate(name, { x, dimension, taskRows }, tasks, targets);
}
