/** Whether beta and length normalisation fit together. */
import type { RewardSettings } from "../losses/index.ts";

/** The beta of whole responses with which published runs work: from 0.001, below which nothing is learned, to 1. */
const USUAL = { least: 1e-3, most: 1 };

export interface RewardScale extends RewardSettings {
  /** Whether the objective leaves no choice of normalising. @default false */
  readonly isNormalisationFixed?: boolean;
}

const isUsual = (beta: number): boolean => beta >= USUAL.least && beta <= USUAL.most;

/**
 * Length normalisation divides log-ratios by the response's tokens, so beta has to be about as many times larger: FuseChat-3.0
 * (arXiv 2503.04222) uses 10 with it and 0.01 without. What is looked at is beta for a whole response: itself, or over the
 * mean number of tokens.
 *
 * @param meanTokens of a response
 * @returns what is wrong and what to do, undefined where nothing is
 */
export function betaWarning(
  { beta, isLengthNormalised, isNormalisationFixed = false }: RewardScale,
  meanTokens: number,
): string | undefined {
  const perToken = beta / meanTokens;
  const [whole, switched] = isLengthNormalised ? [perToken, beta] : [beta, perToken];
  if (isUsual(whole)) return undefined;
  const tokens = meanTokens.toFixed(0);
  const scale = isLengthNormalised ? meanTokens : 1;
  const from = Number((USUAL.least * scale).toPrecision(2));
  const to = Number((USUAL.most * scale).toPrecision(2));
  const means = isLengthNormalised
    ? `beta ${beta} with length normalisation is ${Number(whole.toPrecision(2))} for a whole response of ${tokens} tokens`
    : `beta ${beta} without length normalisation acts on whole responses of ${tokens} tokens`;
  const effect =
    whole < USUAL.least
      ? "rewards hardly differ, and next to nothing will be learned"
      : "the loss is saturated from the first steps, and the policy runs away from its reference";
  const other =
    isNormalisationFixed || !isUsual(switched)
      ? ""
      : `, or switch length normalisation ${isLengthNormalised ? "off" : "on"}`;
  return `${means}: ${effect}. Use ${from} to ${to}${other}.`;
}
