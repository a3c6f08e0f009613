/** Which tokens of a response are hidden, and how many: the curriculum of the MLM variant (arXiv 2510.19506). */
import { permutation, type RandomKey } from "../../tensor/random.ts";
import type { Masking } from "./settings.ts";

/** What an MLM row hides of its responses. */
export interface Hiding {
  /** Share of each response, 0 to 1. */
  readonly rate: number;
  /** Where random masking draws from; candidates draw apart. */
  readonly key: RandomKey;
}

/** As at inference: nothing is seen of any response. */
export const ALL_HIDDEN: Hiding = { rate: 1, key: { seed: 0, stream: 0 } };

/**
 * Which of `length` tokens are hidden: max(floor(length rate), 1) of them, the last ("right"), the first ("left") or
 * any ("random"); all of them under "none".
 */
export function hiddenTokens(masking: Masking, length: number, rate: number, key: RandomKey): boolean[] {
  const count = masking === "none" ? length : Math.max(Math.floor(length * rate), 1);
  const order = masking === "random" ? permutation(length, key) : undefined;
  return Array.from({ length }, (_, index) => {
    if (order) return order[index]! < count;
    return masking === "left" ? index < count : index >= length - count;
  });
}

/** The key of one candidate's draw. */
export const candidateKey = ({ seed, stream }: RandomKey, candidate: number): RandomKey => ({
  seed,
  stream: (stream ^ Math.imul(candidate + 1, 0x9e3779b1)) >>> 0,
});
