/** Sizes of the experiment; one set of figures belongs to one set of sizes. */
export interface Sizes {
  readonly trainPerFamily: number;
  readonly testPerFamily: number;
  readonly samples: number;
  readonly temperature: number;
  readonly sftShare: number;
  readonly sourceSteps: number;
  readonly targetSteps: number;
  readonly sftSteps: number;
  readonly preferenceSteps: number;
  readonly upbringingRate: number;
  readonly sftRate: number;
  readonly preferenceRate: number;
  /** Of a mean log-ratio over tokens. */
  readonly normalisedBeta: number;
  /** Of a log-ratio of a whole answer. */
  readonly plainBeta: number;
  /** What a filler is worth to the biased reward; all digits right are worth 1. */
  readonly fillerBonus: number;
  readonly rewardNoise: number;
  /** Least difference of rewards in a pair. */
  readonly leastRewardGap: number;
}

export const SIZES: Sizes = {
  trainPerFamily: 400,
  testPerFamily: 150,
  samples: 4,
  temperature: 0.9,
  sftShare: 0.4,
  sourceSteps: 800,
  targetSteps: 700,
  sftSteps: 300,
  preferenceSteps: 100,
  upbringingRate: 3e-3,
  sftRate: 2e-3,
  preferenceRate: 1e-4,
  normalisedBeta: 2,
  plainBeta: 0.3,
  fillerBonus: 0.3,
  rewardNoise: 0.05,
  leastRewardGap: 0.2,
};

/** Proves that everything runs, and nothing else. */
export const QUICK_SIZES: Sizes = {
  ...SIZES,
  trainPerFamily: 20,
  testPerFamily: 10,
  sourceSteps: 60,
  targetSteps: 40,
  sftSteps: 4,
  preferenceSteps: 2,
};
