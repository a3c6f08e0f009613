/** Which model was chosen where which model was best. */

export interface ChoiceConfusion {
  /** counts[chosen][best]; a prompt with k best models that were not chosen counts 1/k for each. */
  readonly counts: readonly (readonly number[])[];
  /** Prompts on which all candidates are equally good, where no choice is right or wrong; not in `counts`. */
  readonly undecided: number;
}

/**
 * A choice that is as good as any counts on the diagonal, whichever of the best models it was.
 *
 * @param quality [prompt][candidate]
 */
export function choiceConfusion(
  choices: ArrayLike<number>,
  quality: readonly ArrayLike<number>[],
): ChoiceConfusion {
  const width = quality[0]?.length ?? 0;
  const counts = Array.from({ length: width }, () => new Array<number>(width).fill(0));
  let undecided = 0;
  for (const [prompt, row] of quality.entries()) {
    const scores = Array.from(row);
    const highest = Math.max(...scores);
    const best = scores.flatMap((score, candidate) => (score === highest ? [candidate] : []));
    const chosen = choices[prompt]!;
    if (best.length === width) undecided++;
    else if (best.includes(chosen)) counts[chosen]![chosen]! += 1;
    else for (const candidate of best) counts[chosen]![candidate]! += 1 / best.length;
  }
  return { counts, undecided };
}
