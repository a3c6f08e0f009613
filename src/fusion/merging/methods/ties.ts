/** TIES: trim each task vector, elect a sign for every parameter, merge what agrees with it. */
import { selectLargest } from "../largest.ts";
import type { MergeMethod } from "../pieces.ts";
import { mergeAgreeing } from "../sign-election.ts";
import { createScratch } from "../weighted-sum.ts";

export interface TiesOptions {
  /** Share of each task vector that is kept, by magnitude. */
  readonly density: number;
  /** Whether the sum is divided by the weights of the models that agree: the paper's disjoint mean. */
  readonly isNormalised: boolean;
  /** lambda */
  readonly scale: number;
}

/**
 * 1. Trim: of each D_k = theta_k - theta_base, the floor(density n) entries of largest magnitude are kept, one at least; ties at the
 *    threshold from the first on. 2. Elect and 3. merge: {@link mergeAgreeing}, votes and values counting w_k.
 *
 * @see TIES-Merging, arXiv 2306.01708, section 3 and algorithm 1
 */
export function tiesMerge(
  weights: readonly number[],
  { density, isNormalised, scale }: TiesOptions,
): MergeMethod {
  const election = { votes: weights, weights, isNormalised, scale };
  return {
    reads: "task vectors",
    async prepare({ scan }) {
      if (density >= 1) return ({ base, models }, merged) => mergeAgreeing(base, models, election, merged);
      const selections = await selectLargest(
        weights.length,
        (visit) => scan(({ models }) => visit(models)),
        (size) => Math.max(1, Math.floor(density * size)),
      );
      const scratch = createScratch(weights.length);
      return ({ start, base, models }, merged) => {
        const trimmed = scratch(base.length);
        for (const [model, delta] of models.entries())
          selections[model]!.keep(delta, start, [delta], [trimmed[model]!]);
        mergeAgreeing(base, trimmed, election, merged);
      };
    },
  };
}
