/** What one seed in one world gives. */

export interface ArmResult {
  readonly arm: string;
  /** One character a test prompt, "1" where the answer is right: at the sampling temperature, and greedy. */
  readonly sampled: string;
  readonly greedy: string;
  /** Mean number of fillers of the sampled answers. */
  readonly fillers: number;
  /** Optimiser steps after the start that the arm is given. */
  readonly steps: number;
  /** Answers or pairs to learn from. */
  readonly examples: number;
  /** Of preference training, by role: mean log-probability of an answer in the first and last tenth of its steps, in nats. */
  readonly logProbabilities?: Readonly<Record<string, readonly [first: number, last: number]>>;
}

export interface DataFacts {
  /** Share of training prompts with a right answer among the samples, by source and of all together. */
  readonly coverage: Readonly<Record<string, number>>;
  /** Pairs from the prompts for pairs, by rule. */
  readonly pairs: Readonly<Record<string, number>>;
  /** Why prompts gave no pair or answers were left out, by selection. */
  readonly drops: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface WorldResult {
  readonly world: string;
  readonly seed: number;
  readonly data: DataFacts;
  readonly arms: readonly ArmResult[];
}
