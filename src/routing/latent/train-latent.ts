/** Training the latent variant: closed-form fits over cached embeddings, deterministic. */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { estimateTokens } from "../../pool/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { type Embedder, embedMatrix } from "../embedding/index.ts";
import { measureUtilityRules, type UtilityRule, utilityOf } from "../evaluation/utilities.ts";
import { absoluteScores, benchmarkRanges, candidateScores, type ScoreRange } from "../labels.ts";
import { answerFeatures } from "./answer-features.ts";
import { applyHead, choosePenalty, fitHeads, pickRows, rowsOfTasks, type TaskRows } from "./heads.ts";
import { type CandidateHeads, LatentRouter } from "./latent-router.ts";
import { type LatentTask, PART_WIDTHS, type Part } from "./settings.ts";
import { fitTaskPosterior } from "./task-posterior.ts";

/** Benchmarks with fewer prompts are learned together, as one task: they cannot carry heads of their own. */
export const FEWEST_TASK_PROMPTS = 20;
const REST = "other";

/** Prompts as matrices: shared by all candidates. */
interface Prompts {
  readonly records: readonly JudgedRecord[];
  readonly x: Float32Array;
  readonly dimension: number;
  /** Task of each record. */
  readonly taskOf: Int32Array;
  readonly taskRows: readonly TaskRows[];
}

type Measured = Pick<LatentTask, "rule" | "centre" | "spread" | "range">;

/**
 * Fits a {@link LatentRouter}: one task per benchmark of the records, told apart by the prompt's embedding alone when
 * routing. Penalties are chosen by leave-one-out error on the training prompts, utilities taken relative to the mean of
 * the prompt's candidates, since only differences decide.
 *
 * @throws {TuttiError} DATASET_INVALID without records or candidates; RECORD_INVALID for a missing answer or score
 */
export async function trainLatent(
  name: string,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
): Promise<LatentRouter> {
  if (records.length === 0 || candidates.length === 0) {
    throw new TuttiError(
      "DATASET_INVALID",
      "no training records or no candidates, expected at least one of each",
    );
  }
  const names = taskNames(records);
  const taskOf = Int32Array.from(records, ({ benchmark }) => indexOfTask(names, benchmark));
  const x = await embedMatrix(
    embedder,
    records.map(({ prompt }) => promptText(prompt)),
  );
  const { dimension } = embedder;
  const taskRows = rowsOfTasks(x, taskOf, names.length, dimension);
  const prompts: Prompts = { records, x, dimension, taskOf, taskRows };
  const measured = measureTasks(prompts, candidates, names);
  const targets = candidates.map((candidate) => candidateTargets(prompts, measured, candidate));
  const tasks = names.map(
    (task, index): LatentTask => ({
      name: task,
      prompts: taskRows[index]!.rows.length,
      ...measured[index]!,
      penalties: {
        utility: choosePenalty(
          taskRows[index]!,
          joinedTargets(taskRows[index]!, targets, "utility", true),
          candidates.length,
        ),
        quality: choosePenalty(
          taskRows[index]!,
          joinedTargets(taskRows[index]!, targets, "quality", false),
          candidates.length,
        ),
        answer: choosePenalty(
          taskRows[index]!,
          joinedTargets(taskRows[index]!, targets, "answer", false),
          candidates.length * PART_WIDTHS.answer,
        ),
      },
    }),
  );
  return new LatentRouter(name, embedder, {
    tasks,
    posterior: fitTaskPosterior(x, taskOf, names.length, dimension),
    candidates: candidates.map((candidate, index) =>
      fitCandidate(candidate, prompts, tasks, targets[index]!),
    ),
  });
}

/**
 * The router with one more candidate, learned from the prompts it was judged on; all else stays bit for bit.
 *
 * @param records judged prompts with an answer of `name`
 * @throws {TuttiError} INVALID_ARGUMENT when the router has it already; DATASET_INVALID without records
 */
export async function withLatentCandidate(
  router: LatentRouter,
  name: string,
  records: readonly JudgedRecord[],
): Promise<LatentRouter> {
  if (router.candidates.includes(name)) {
    throw new TuttiError("INVALID_ARGUMENT", `the router has the candidate ${JSON.stringify(name)} already`, {
      details: { name, candidates: router.candidates },
      hint: "train the router again to learn a known candidate anew, or remove it first",
    });
  }
  if (records.length === 0) {
    throw new TuttiError("DATASET_INVALID", `no judged prompts of ${name}, expected at least one`, {
      hint: "judge answers of the new model to a few hundred prompts",
    });
  }
  const { tasks } = router.parts;
  const { dimension } = router.embedder;
  const names = tasks.map((task) => task.name);
  const taskOf = Int32Array.from(records, ({ benchmark }) => indexOfTask(names, benchmark));
  const x = await embedMatrix(
    router.embedder,
    records.map(({ prompt }) => promptText(prompt)),
  );
  const taskRows = rowsOfTasks(x, taskOf, names.length, dimension);
  const prompts: Prompts = { records, x, dimension, taskOf, taskRows };
  const heads = fitCandidate(name, prompts, tasks, candidateTargets(prompts, tasks, name));
  return new LatentRouter(router.name, router.embedder, {
    ...router.parts,
    candidates: [...router.parts.candidates, heads],
  });
}

/** One task per benchmark with enough prompts, in order of appearance; the others together. */
function taskNames(records: readonly JudgedRecord[]): string[] {
  const counts = new Map<string, number>();
  for (const { benchmark } of records) counts.set(benchmark, (counts.get(benchmark) ?? 0) + 1);
  const large = [...counts]
    .filter(([, count]) => count >= FEWEST_TASK_PROMPTS)
    .map(([benchmark]) => benchmark);
  return large.length === counts.size ? large : [...large, REST];
}

/** A benchmark that is no task of its own goes to the rest, or to the first task of a router that has no rest. */
function indexOfTask(names: readonly string[], benchmark: string): number {
  const own = names.indexOf(benchmark);
  return own >= 0 ? own : Math.max(0, names.indexOf(REST));
}

function measureTasks(
  { records, taskOf }: Prompts,
  candidates: readonly string[],
  names: readonly string[],
): Measured[] {
  const rules = measureUtilityRules(records, candidates);
  const ranges = benchmarkRanges(records, candidates);
  return names.map((name, task) => {
    // Several benchmarks in one task have no metric in common: each goes by its score.
    const rule: UtilityRule = rules.get(name) ?? { kind: "score" };
    const members = records.filter((_, row) => taskOf[row] === task);
    const range = ranges.get(name) ?? widest(members.map(({ benchmark }) => ranges.get(benchmark)!));
    const utilities = members.map((record) =>
      candidates.map((candidate) => utilityOf(rule, record, candidate)),
    );
    const means = utilities.map((row) => row.reduce((sum, value) => sum + value, 0) / row.length);
    const squares = utilities.flatMap((row, index) => row.map((value) => (value - means[index]!) ** 2));
    const variance = squares.reduce((sum, value) => sum + value, 0) / squares.length;
    return {
      rule,
      range,
      centre: means.reduce((sum, value) => sum + value, 0) / means.length,
      spread: Math.sqrt(variance) || 1,
    };
  });
}

function widest(ranges: readonly ScoreRange[]): ScoreRange {
  return {
    min: Math.min(...ranges.map(({ min }) => min)),
    max: Math.max(...ranges.map(({ max }) => max)),
  };
}

/** Targets of every part for one candidate, [records, outputs] row-major. */
type Targets = Readonly<Record<Part, Float64Array>>;

function candidateTargets({ records, taskOf }: Prompts, tasks: readonly Measured[], name: string): Targets {
  const utility = new Float64Array(records.length);
  const quality = new Float64Array(records.length);
  const answer = new Float64Array(records.length * PART_WIDTHS.answer);
  for (const [row, record] of records.entries()) {
    const task = tasks[taskOf[row]!]!;
    const score = candidateScores(record, [name]);
    const judged = record.candidates[name]!;
    utility[row] = (utilityOf(task.rule, record, name) - task.centre) / task.spread;
    quality[row] = absoluteScores(score, task.range)[0]!;
    answer.set(
      [
        Math.log(Math.max(1, judged.tokens ?? estimateTokens(judged.response))),
        ...answerFeatures(judged.response),
      ],
      row * PART_WIDTHS.answer,
    );
  }
  return { utility, quality, answer };
}

/** Targets of all candidates side by side for one task; optionally relative to the mean of the prompt's candidates. */
function joinedTargets(
  { rows }: TaskRows,
  targets: readonly Targets[],
  part: Part,
  isRelative: boolean,
): Float64Array {
  const width = PART_WIDTHS[part];
  const columns = targets.map((target) => pickRows(target[part], rows, width));
  const total = width * targets.length;
  const joined = new Float64Array(rows.length * total);
  for (let row = 0; row < rows.length; row++) {
    for (const [index, column] of columns.entries()) {
      joined.set(column.subarray(row * width, (row + 1) * width), row * total + index * width);
    }
    if (!isRelative) continue;
    const values = joined.subarray(row * total, (row + 1) * total);
    const mean = values.reduce((sum, value) => sum + value, 0) / total;
    for (let index = 0; index < total; index++) values[index]! -= mean;
  }
  return joined;
}

function fitCandidate(
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
      sum += Math.exp(
        targets.answer[row * PART_WIDTHS.answer]! - applyHead(answer[task]!, x, row * dimension)[0]!,
      );
    }
    return sum / rows.length;
  });
  return { name, heads: { utility: headsFor("utility"), quality: headsFor("quality"), answer }, smearing };
}
