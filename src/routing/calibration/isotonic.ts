/**
 * Isotonic regression: the rising step function nearest to the data, by pooling adjacent violators; between the steps'
 * ends values are interpolated linearly, outside they stay at the ends.
 *
 * Source: Barlow et al., Statistical inference under order restrictions, 1972; for calibration: Zadrozny and Elkan,
 * Transforming classifier scores into accurate multiclass probability estimates, 2002.
 */

/** A rising piecewise linear function through (scores[i], values[i]). */
export interface IsotonicCurve {
  /** Strictly rising. */
  readonly scores: readonly number[];
  /** Never falling. */
  readonly values: readonly number[];
}

/** Rows of the same score as one: mean target. */
function distinctRows(scores: ArrayLike<number>, targets: ArrayLike<number>) {
  const order = Array.from(scores, (_, index) => index).sort((a, b) => scores[a]! - scores[b]!);
  const rows: { score: number; value: number; weight: number }[] = [];
  for (const index of order) {
    const last = rows.at(-1);
    if (last !== undefined && last.score === scores[index]!) {
      last.weight += 1;
      last.value += (targets[index]! - last.value) / last.weight;
    } else {
      rows.push({ score: scores[index]!, value: targets[index]!, weight: 1 });
    }
  }
  return rows;
}

/**
 * Least squares among the functions that never fall.
 *
 * @param scores - at least one
 */
export function fitIsotonic(scores: ArrayLike<number>, targets: ArrayLike<number>): IsotonicCurve {
  const blocks: { first: number; last: number; value: number; weight: number }[] = [];
  for (const { score, value, weight } of distinctRows(scores, targets)) {
    let block = { first: score, last: score, value, weight };
    for (let before = blocks.at(-1); before !== undefined && before.value >= block.value; ) {
      blocks.pop();
      const joint = before.weight + block.weight;
      const mean = (before.value * before.weight + block.value * block.weight) / joint;
      block = { first: before.first, last: block.last, value: mean, weight: joint };
      before = blocks.at(-1);
    }
    blocks.push(block);
  }
  const knots = blocks.flatMap(({ first, last, value }) =>
    first === last ? [[first, value] as const] : [[first, value] as const, [last, value] as const],
  );
  return { scores: knots.map(([score]) => score), values: knots.map(([, value]) => value) };
}

export function isotonicValue({ scores, values }: IsotonicCurve, score: number): number {
  const last = scores.length - 1;
  if (score <= scores[0]!) return values[0]!;
  if (score >= scores[last]!) return values[last]!;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (scores[middle]! <= score) low = middle;
    else high = middle;
  }
  const share = (score - scores[low]!) / (scores[high]! - scores[low]!);
  return values[low]! + share * (values[high]! - values[low]!);
}
