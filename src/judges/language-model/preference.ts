/**
 * Preference by log-probabilities: P(first) = p(first label) / (p(first label) + p(second label)) at the token that names the
 * better answer. Finer than one word, and without its coin flip near a tie.
 *
 * Source: AlpacaEval 2's weighted annotator (arXiv 2404.04475, section 2).
 */
import type { ChoiceLabels } from "./rubric.ts";

export interface TokenPreference {
  /** P(first), 0..1. */
  readonly preference: number;
  /** Probability of both labels together: near 1 where the model did as it was told. */
  readonly labelMass: number;
}

interface TokenChance {
  readonly token: string;
  readonly logprob: number;
}

const isChance = (value: unknown): value is TokenChance =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as TokenChance).token === "string" &&
  typeof (value as TokenChance).logprob === "number";

/** Tokens carry white space and marks around the label. Case counts: AlpacaEval's own labels are m and M. */
const isLabel = (token: string, label: string): boolean =>
  token.replaceAll(/[\s"'*[\](){}.:▁Ġ]/gu, "") === label;

/** The chances at one position, that of the token written included once. */
function chancesAt(position: unknown): TokenChance[] {
  if (!isChance(position)) return [];
  const { top_logprobs: top } = position as { top_logprobs?: unknown };
  const chances: TokenChance[] = (Array.isArray(top) ? top : []).filter(isChance);
  return chances.some(({ token }) => token === position.token) ? chances : [position, ...chances];
}

/**
 * Reads the first position whose token is a label, else the first of all.
 *
 * @param logprobs as a choice of a chat completion has it
 * @returns undefined where there are none, or where no alternative names an answer
 */
export function tokenPreference(
  logprobs: unknown,
  { first, second }: ChoiceLabels,
): TokenPreference | undefined {
  const { content } = (logprobs ?? {}) as { content?: unknown };
  if (!Array.isArray(content) || content.length === 0) return undefined;
  const named = content.find(
    (position) => isChance(position) && [first, second].some((label) => isLabel(position.token, label)),
  );
  const chances = chancesAt(named ?? content[0]);
  const massOf = (label: string): number =>
    chances.reduce((sum, { token, logprob }) => sum + (isLabel(token, label) ? Math.exp(logprob) : 0), 0);
  const [a, b] = [massOf(first), massOf(second)];
  return a + b > 0 ? { preference: a / (a + b), labelMass: Math.min(1, a + b) } : undefined;
}
