/** Lookahead as a tunable method: minutes a training, with a checkpoint that a stopped one goes on from. */
import { splitByPrompt } from "../../judged/index.ts";
import { lookaheadDefaults } from "../defaults.ts";
import { trainLookahead } from "../lookahead/index.ts";
import type { Setting, TunableMethod } from "./tunable-method.ts";

/** Share of the prompts a training is given that chooses its best checkpoint. */
export const CHECKPOINT_SHARE = 0.1;

/** Keeps the prompts that choose checkpoints apart from those of other splits by the same seed. */
const VALIDATION_SEED_OFFSET = 7919;

/** What is trained on and what is held out inside a training set, for checkpoints and for calibration. */
export function innerSplit<T extends Parameters<typeof splitByPrompt>[0][number]>(
  records: readonly T[],
  seed: number,
): { train: T[]; holdout: T[] } {
  return splitByPrompt(records, { holdoutShare: CHECKPOINT_SHARE, seed: seed + VALIDATION_SEED_OFFSET });
}

/** The default, without response modelling, and with twice the passes. */
function grid(variant: "mlm" | "clm"): Setting[] {
  const { lambda, epochs } = lookaheadDefaults(variant, false);
  return [
    { lambda, epochs },
    { lambda: 0, epochs },
    { lambda, epochs: 2 * epochs },
  ];
}

export function lookaheadMethod(variant: "mlm" | "clm"): TunableMethod {
  return {
    name: variant,
    isSlow: true,
    grid: () => grid(variant),
    train: (records, candidates, { lambda, epochs }, { seed, folder, signal }) => {
      const { train, holdout } = innerSplit(records, seed);
      const options = {
        ...lookaheadDefaults(variant, false),
        lambda: Number(lambda),
        epochs: Number(epochs),
        seed,
      };
      return trainLookahead(
        "lookahead",
        train,
        holdout,
        candidates,
        options,
        folder,
        signal ? { signal } : {},
      );
    },
  };
}
