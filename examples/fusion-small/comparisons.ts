/** Which arms are compared with which. */

/** One arm, or the best of several, chosen anew in every seed: that favours the side that may choose. */
export type Choice = string | readonly string[];

export interface Comparison {
  readonly name: string;
  readonly better: Choice;
  readonly worse: Choice;
}

const SOURCES = [0, 1, 2];
const each = (suffix: string, prefix = ""): string[] =>
  SOURCES.map((index) => `${prefix}source ${index}${suffix}`);
const single = each(" only", "SFT, ");
const singleOnAll = each(" only, all prompts", "SFT, ");
const ALIGNED = "fused SFT + LN-DPO, same source";
const ALL = "fused SFT, all prompts";

const COMPARISONS: readonly Comparison[] = [
  { name: "fused SFT+DPO - best source", better: ALIGNED, worse: each("") },
  { name: "fused SFT+DPO - best single SFT", better: ALIGNED, worse: [...single, ...singleOnAll] },
  { name: "fused SFT, all - best source", better: ALL, worse: each("") },
  { name: "fused SFT, all - best single, all", better: ALL, worse: singleOnAll },
  { name: "fused SFT - best single, 40 %", better: "fused SFT", worse: single },
  { name: "fused SFT+DPO - target before", better: ALIGNED, worse: "target before" },
  { name: "fused SFT - unfiltered SFT", better: "fused SFT", worse: "SFT, unfiltered" },
  { name: "unfiltered SFT - best source", better: "SFT, unfiltered", worse: each("") },
  { name: "DPO: after - before", better: ALIGNED, worse: "fused SFT" },
  { name: "DPO - as much SFT on the chosen", better: ALIGNED, worse: "fused SFT + SFT on the chosen" },
  { name: "DPO - as much SFT on all prompts", better: ALIGNED, worse: ALL },
  { name: "DPO: same - cross source", better: ALIGNED, worse: "fused SFT + LN-DPO, cross source" },
  { name: "DPO: normalised - plain", better: ALIGNED, worse: "fused SFT + plain DPO, same source" },
  { name: "DPO: after SFT - without SFT", better: ALIGNED, worse: "LN-DPO without SFT" },
  {
    name: "reward: DPO same - cross source",
    better: "reward SFT + LN-DPO, same source",
    worse: "reward SFT + LN-DPO, cross source",
  },
  {
    name: "reward: DPO same source - before",
    better: "reward SFT + LN-DPO, same source",
    worse: "reward SFT",
  },
  {
    name: "reward: DPO cross source - before",
    better: "reward SFT + LN-DPO, cross source",
    worse: "reward SFT",
  },
];

const names = (pick: Choice): readonly string[] => (typeof pick === "string" ? [pick] : pick);

/** Those whose arms there are. */
export const comparisons = (arms: readonly string[]): Comparison[] =>
  COMPARISONS.filter(({ better, worse }) =>
    [...names(better), ...names(worse)].every((name) => arms.includes(name)),
  );
