/** Training the latent variant: closed-form fits over cached embeddings, deterministic. */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { type Embedder, embedMatrix } from "../embedding/index.ts";
import { benchmarkFamilies } from "./families.ts";
import { fitStandardisation, identityStandardisation, standardise } from "./features.ts";
import { fitCandidate, indexOfBenchmark } from "./fit-candidate.ts";
import { choosePenalty, rowsOfTasks, type TaskRows } from "./heads.ts";
import { LatentRouter } from "./latent-router.ts";
import { type LatentBenchmark, type LatentTask, PART_WIDTHS, type Part } from "./settings.ts";
import { candidateTargets, joinTargets, measureBenchmarks, type Targets } from "./targets.ts";
import { fitTaskPosterior } from "./task-posterior.ts";
import { taughtUtilities } from "./teacher.ts";

/**
 * Choices whose defaults won by cross-validation over words; the groups `studies` and `studies-words` of examples/router-table
 * compare the others.
 */
export interface LatentOptions {
  /** Embeddings as they come, or every dimension on one scale. @default "standardised" */
  readonly features?: "standardised" | "raw";
  /** What has heads of its own: families of benchmarks, every benchmark, or all prompts together. @default "families" */
  readonly tasks?: "families" | "benchmarks" | "one";
  /** What candidates are compared by: contribution to the benchmark's metric, or bare score. @default "utility" */
  readonly targets?: "utility" | "score";
  /** Share of a response-reading teacher's view in the utilities that are learned, 0 to 1. @default 0 */
  readonly teacherShare?: number;
}

/**
 * Fits a {@link LatentRouter}. Benchmarks of a kind are one task ({@link benchmarkFamilies}), which is recognised by the
 * prompt alone when routing. Penalties are chosen by leave-one-out error on the training prompts, utilities taken
 * relative to the mean of the prompt's candidates, since only differences decide.
 *
 * @throws {TuttiError} DATASET_INVALID without records or candidates; RECORD_INVALID for a missing answer or score
 */
export async function trainLatent(
  name: string,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: LatentOptions = {},
): Promise<LatentRouter> {
  const { features = "standardised", tasks: kind = "families", teacherShare = 0 } = options;
  if (records.length === 0 || candidates.length === 0) {
    throw new TuttiError(
      "DATASET_INVALID",
      "no training records or no candidates, expected at least one of each",
    );
  }
  const { dimension } = embedder;
  const embeddings = await embedMatrix(
    embedder,
    records.map(({ prompt }) => promptText(prompt)),
  );
  const standardisation =
    features === "raw" ? identityStandardisation(dimension) : fitStandardisation(embeddings, dimension);
  const x = standardise(standardisation, embeddings);
  const measured = measureBenchmarks(records, candidates, options.targets ?? "utility");
  const benchmarkOf = Int32Array.from(records, (record) => indexOfBenchmark(measured, record));
  const families =
    kind === "families"
      ? benchmarkFamilies(embeddings, benchmarkOf, measured.length, dimension)
      : Int32Array.from(measured, (_, index) => (kind === "one" ? 0 : index));
  const benchmarks = measured.map(
    (benchmark, index): LatentBenchmark => ({
      ...benchmark,
      task: families[index]!,
    }),
  );
  const taskOf = benchmarkOf.map((benchmark) => families[benchmark]!);
  const taskCount = Math.max(...families) + 1;
  const taskRows = rowsOfTasks(x, taskOf, taskCount, dimension);
  const judged = candidates.map((candidate) => candidateTargets(records, benchmarks, benchmarkOf, candidate));
  const targets = withTeacher(judged, taskRows, teacherShare);
  const tasks = taskRows.map((rows) => chooseTask(rows, targets));
  return new LatentRouter(name, embedder, {
    standardisation,
    benchmarks,
    tasks,
    posterior: fitTaskPosterior(x, taskOf, taskCount, dimension),
    candidates: candidates.map((candidate, index) =>
      fitCandidate(candidate, { x, dimension, taskRows }, tasks, targets[index]!),
    ),
  });
}

/** {@link LatentRouter.withCandidate}. */
export function withLatentCandidate(
  router: LatentRouter,
  name: string,
  records: readonly JudgedRecord[],
): Promise<LatentRouter> {
  return router.withCandidate(name, records);
}

/** The judged targets with the utilities of every task mixed with its teacher's view. */
function withTeacher(
  judged: readonly Targets[],
  taskRows: readonly TaskRows[],
  share: number,
): readonly Targets[] {
  if (share === 0) return judged;
  const utilities = judged.map(({ utility }) => utility.slice());
  for (const { rows } of taskRows) {
    for (const [candidate, taught] of taughtUtilities(rows, judged, share).entries()) {
      for (const [position, row] of rows.entries()) utilities[candidate]![row] = taught[position]!;
    }
  }
  return judged.map((target, candidate) => ({ ...target, utility: utilities[candidate]! }));
}

function chooseTask(rows: TaskRows, targets: readonly Targets[]): LatentTask {
  const penalty = (part: Part, isRelative: boolean): number =>
    choosePenalty(
      rows,
      joinTargets(rows.rows, targets, part, isRelative),
      targets.length * PART_WIDTHS[part],
    );
  return {
    prompts: rows.rows.length,
    penalties: {
      utility: penalty("utility", true),
      quality: penalty("quality", false),
      answer: penalty("answer", false),
    },
  };
}
