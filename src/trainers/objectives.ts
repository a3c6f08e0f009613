/** What a preference trainer can pursue: which responses a prompt comes with, and the loss of their log-probabilities. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import {
  averageReward,
  hingeLoss,
  identityPreferenceLoss,
  implicitReward,
  type KtoSettings,
  ktoLoss,
  logRatio,
  orpoLoss,
  type RewardSettings,
  referencePoint,
  robustLoss,
  type ScoredResponses,
  type SimpoSettings,
  sigmoidLoss,
  simpoLoss,
  wrpoLoss,
} from "../losses/index.ts";
import { TuttiError } from "../support/errors.ts";
import type { RewardScale } from "./check-beta.ts";

/**
 * - `chosen`, `rejected`: the better and the worse response of the model's own, or of anybody
 * - `source`: the best response of the source models (WRPO)
 * - `answer`: a response that is good or bad by itself, `mismatched`: one to another prompt (KTO)
 */
export type ResponseRole = "chosen" | "rejected" | "source" | "answer" | "mismatched";

/** Beside the scored responses of N prompts, what some losses need. */
export interface StepFacts {
  /** f32 [N]: the share of each prompt in the step's loss, 0 for padding; all micro-batches of a step add up to 1 */
  readonly weights: Value;
  /** f32 [N]: whether each prompt's answer is good */
  readonly isDesirable: Value;
  /** f32 []: how far training has come, from 0 to 1 */
  readonly progress: Value;
}

export interface PreferenceObjective {
  readonly name: string;
  /** The responses of every prompt, in this order. */
  readonly roles: readonly ResponseRole[];
  readonly needsReference: boolean;
  /** On what its beta acts; absent where it scales no reward. */
  readonly reward?: RewardScale;
  /** Everything that the result depends on, for records and fingerprints. */
  readonly settings: Readonly<Record<string, unknown>>;
  losses(scored: readonly ScoredResponses[], facts: StepFacts): ObjectiveLosses;
}

export interface ObjectiveLosses {
  /** Of each prompt [N]. */
  readonly losses: Value;
  /** Each role's [N], for the metrics. */
  readonly rewards: readonly Value[];
  /** What the objective alone reports, [N] each, by the name of its metric. */
  readonly reported?: Readonly<Record<string, Value>>;
}

export type DirectLoss = "sigmoid" | "hinge" | "ipo" | "robust";

export interface DirectSettings extends RewardSettings {
  readonly loss: DirectLoss;
  /** Share of pairs taken to be the wrong way round; sigmoid and robust only. @default 0 */
  readonly labelSmoothing?: number;
}

/**
 * The DPO family over a frozen reference. IPO's log-ratios count per token whatever `isLengthNormalised` says.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for a beta that is not positive, or a label smoothing outside of 0 to below 0.5
 */
export function directPreference(given: DirectSettings): PreferenceObjective {
  const { loss, beta, labelSmoothing = 0 } = given;
  checkPositive("beta", beta);
  if (!(labelSmoothing >= 0 && labelSmoothing < 0.5)) {
    throw new TuttiError("INVALID_ARGUMENT", `label smoothing is ${labelSmoothing}, expected 0 to below 0.5`);
  }
  if (labelSmoothing > 0 && (loss === "hinge" || loss === "ipo")) {
    throw new TuttiError("INVALID_ARGUMENT", `the ${loss} loss has no label smoothing`, {
      hint: "smooth with the sigmoid or robust loss, or leave it at 0",
    });
  }
  const settings = {
    ...given,
    labelSmoothing,
    isLengthNormalised: given.isLengthNormalised || loss === "ipo",
  };
  return {
    name: "dpo",
    roles: ["chosen", "rejected"],
    needsReference: true,
    // IPO's is no factor: it sets the margin that is aimed at, 1 / (2 beta) a token.
    ...(loss !== "ipo" && { reward: settings }),
    settings: { ...settings },
    losses(scored) {
      const rewards = scored.map((response) => implicitReward(response, settings));
      const margin = ops.sub(rewards[0]!, rewards[1]!);
      if (loss === "hinge") return { losses: hingeLoss(margin), rewards };
      if (loss === "robust") return { losses: robustLoss(margin, labelSmoothing), rewards };
      if (loss === "sigmoid") return { losses: sigmoidLoss(margin, labelSmoothing), rewards };
      const [chosen, rejected] = scored.map((response) => logRatio(response, true)) as [Value, Value];
      return { losses: identityPreferenceLoss(ops.sub(chosen, rejected), beta), rewards };
    },
  };
}

/** @throws {TuttiError} INVALID_ARGUMENT for a beta that is not positive */
export function simplePreference(settings: SimpoSettings): PreferenceObjective {
  checkPositive("beta", settings.beta);
  return {
    name: "simpo",
    roles: ["chosen", "rejected"],
    needsReference: false,
    reward: { beta: settings.beta, isLengthNormalised: true, isNormalisationFixed: true },
    settings: { ...settings },
    losses(scored) {
      const rewards = scored.map(({ policy, tokens }) => averageReward(policy, tokens, settings.beta));
      return { losses: simpoLoss(rewards[0]!, rewards[1]!, settings), rewards };
    },
  };
}

/** @param lambda weight of the odds ratio beside the likelihood of the chosen response */
export function oddsRatioPreference({ lambda }: { readonly lambda: number }): PreferenceObjective {
  checkPositive("lambda", lambda);
  return {
    name: "orpo",
    roles: ["chosen", "rejected"],
    needsReference: false,
    settings: { lambda },
    losses(scored) {
      const rewards = scored.map(({ policy, tokens }) => averageReward(policy, tokens, 1));
      return { losses: orpoLoss(rewards[0]!, rewards[1]!, lambda), rewards };
    },
  };
}

/**
 * KTO. Its reference point is that of one micro-batch, as in TRL: the other figures do not depend on how a step is cut into
 * micro-batches, this one does.
 */
export function unpairedPreference(settings: KtoSettings): PreferenceObjective {
  checkPositive("beta", settings.beta);
  return {
    name: "kto",
    roles: ["answer", "mismatched"],
    needsReference: true,
    reward: { beta: settings.beta, isLengthNormalised: false, isNormalisationFixed: true },
    settings: { ...settings },
    losses(scored, { weights, isDesirable }) {
      const [answer, mismatched] = scored.map((response) => logRatio(response, false)) as [Value, Value];
      const shares = ops.div(weights, ops.expand(ops.sumAll(weights), weights.shape));
      const reference = referencePoint(mismatched, shares);
      const beta = ops.scalarLike(answer, settings.beta);
      return {
        losses: ktoLoss(answer, isDesirable, reference, settings),
        rewards: [ops.mul(answer, beta), ops.mul(mismatched, beta)],
      };
    },
  };
}

export interface WeightedSettings extends RewardSettings {
  /**
   * The share of the source's winner (the paper's fusion coefficient alpha) at the beginning and the end of training, linear
   * between.
   */
  readonly sourceShare: readonly [from: number, to: number];
}

/**
 * WRPO over source winner, own winner and own loser. The share of the source's winner is reported as `source_share`.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for a beta that is not positive, or a share outside of 0 to 1
 */
export function weightedPreference(settings: WeightedSettings): PreferenceObjective {
  checkPositive("beta", settings.beta);
  const [from, to] = settings.sourceShare;
  for (const share of [from, to]) {
    if (share >= 0 && share <= 1) continue;
    throw new TuttiError("INVALID_ARGUMENT", `the source's share is ${share}, expected 0 to 1`, {
      hint: "the paper lets it rise from 0 to 0.1",
    });
  }
  return {
    name: "wrpo",
    roles: ["source", "chosen", "rejected"],
    needsReference: true,
    reward: settings,
    settings: { ...settings },
    losses(scored, { progress }) {
      const rewards = scored.map((response) => implicitReward(response, settings));
      const grown = ops.mul(progress, ops.scalarLike(progress, to - from));
      const share = ops.add(grown, ops.scalarLike(progress, from));
      return {
        losses: wrpoLoss(rewards[0]!, rewards[1]!, rewards[2]!, share),
        rewards,
        reported: { source_share: ops.expand(share, rewards[0]!.shape) },
      };
    },
  };
}

function checkPositive(name: string, value: number): void {
  if (value > 0 && Number.isFinite(value)) return;
  throw new TuttiError("INVALID_ARGUMENT", `${name} is ${value}, expected a number above 0`);
}
