/**
 * A teacher that reads the answers: its view of a judged answer is less noisy than the single judgement, and may be
 * learned in its place. What it reads is privileged: known in training, not when routing.
 *
 *   q_t = a_t + w . [f_t - mean_s f_s, f_t]        f_t standardised features and log length of answer t
 *
 * Fitted by ridge on the utilities of a task relative to the prompt's mean, cross-fitted over five parts of the training
 * prompts, so that no answer is seen by the teacher that labels it. Source: generalised distillation, Lopez-Paz et al.,
 * arXiv 1511.03643.
 */
import { fitRidge } from "../baselines/ridge.ts";
import { dot } from "../embedding/dot.ts";
import { pickRows } from "./heads.ts";
import { PART_WIDTHS } from "./settings.ts";
import { joinTargets, type Targets } from "./targets.ts";

const PARTS = 5;
const PENALTIES = [1, 10, 100, 1000];

/**
 * Utilities of every candidate for the rows of one task, mixed with the teacher's view of them,
 * (1 - share) u + share (q + mean u), [candidates][rows].
 *
 * @param share 0 keeps the judged utilities
 */
export function taughtUtilities(
  rows: Int32Array,
  targets: readonly Targets[],
  share: number,
): readonly Float64Array[] {
  const own = targets.map(({ utility }) => pickRows(utility, rows, 1));
  if (share === 0) return own;
  const views = teacherViews(rows, targets);
  return own.map((utilities, candidate) =>
    utilities.map((utility, row) => {
      const mean = own.reduce((sum, column) => sum + column[row]!, 0) / own.length;
      return (1 - share) * utility + share * (mean + views[row * own.length + candidate]!);
    }),
  );
}

/** q for each row and candidate, [rows, candidates] row-major. */
function teacherViews(rows: Int32Array, targets: readonly Targets[]): Float64Array {
  const candidates = targets.length;
  const width = candidates + 2 * PART_WIDTHS.answer;
  const x = answerRows(rows, targets, width);
  const y = joinTargets(rows, targets, "utility", true);
  const views = new Float64Array(rows.length * candidates);
  for (let part = 0; part < PARTS; part++) {
    const inside = [...rows.keys()].filter((row) => row % PARTS !== part);
    const outside = [...rows.keys()].filter((row) => row % PARTS === part);
    if (inside.length < PARTS || outside.length === 0) continue;
    const fit = fitRidge(
      {
        rows: inside.length * candidates,
        features: width,
        targets: 1,
        x: pickRows(x, Int32Array.from(inside), candidates * width),
        y: pickRows(y, Int32Array.from(inside), candidates),
      },
      PENALTIES,
    );
    for (const row of outside) {
      for (let candidate = 0; candidate < candidates; candidate++) {
        const index = row * candidates + candidate;
        views[index] = fit.intercepts[0]! + dot(fit.weights, 0, x, index * width, width);
      }
    }
  }
  return views;
}

/** What the teacher reads of each answer, [rows, candidates, width]: which candidate, relative and own features. */
function answerRows(rows: Int32Array, targets: readonly Targets[], width: number): Float64Array {
  const own = PART_WIDTHS.answer;
  const columns = targets.map(({ answer }) => pickRows(answer, rows, own));
  const { centre, spread } = moments(columns, own);
  const x = new Float64Array(rows.length * targets.length * width);
  for (let row = 0; row < rows.length; row++) {
    for (const [candidate, column] of columns.entries()) {
      const start = (row * targets.length + candidate) * width;
      x[start + candidate] = 1;
      for (let feature = 0; feature < own; feature++) {
        const at = row * own + feature;
        const mean = columns.reduce((sum, other) => sum + other[at]!, 0) / columns.length;
        x[start + targets.length + feature] = (column[at]! - mean) / spread[feature]!;
        x[start + targets.length + own + feature] = (column[at]! - centre[feature]!) / spread[feature]!;
      }
    }
  }
  return x;
}

function moments(columns: readonly Float64Array[], width: number) {
  const count = (columns.length * columns[0]!.length) / width;
  const centre = new Float64Array(width);
  const square = new Float64Array(width);
  for (const column of columns) {
    for (const [index, value] of column.entries()) centre[index % width]! += value / count;
  }
  for (const column of columns) {
    for (const [index, value] of column.entries()) {
      square[index % width]! += (value - centre[index % width]!) ** 2 / count;
    }
  }
  return { centre, spread: square.map((value) => Math.sqrt(value) || 1) };
}
