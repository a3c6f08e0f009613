/**
 * From logits to the next token: penalties, then temperature, then top-k, top-p and min-p, then a draw. Pure functions;
 * order and meaning are those of the logits processors of Hugging Face transformers.
 */
import { TuttiError } from "../support/errors.ts";
import type { RandomStream } from "../tensor/random.ts";

export interface SamplingSettings {
  /** 0 takes the most likely token; otherwise logits are divided by it. @default 1 */
  readonly temperature?: number;
  /** Only the k most likely tokens; 0 keeps all. @default 0 */
  readonly topK?: number;
  /** Only the most likely tokens that together reach this probability (arXiv 1904.09751). @default 1 */
  readonly topP?: number;
  /** Only tokens at least this share as likely as the most likely one (arXiv 2407.01082). @default 0 */
  readonly minP?: number;
  /** Divides positive and multiplies negative logits of tokens seen before (arXiv 1909.05858); 1 does nothing. @default 1 */
  readonly repetitionPenalty?: number;
  /** Taken off the logits of tokens generated before. @default 0 */
  readonly presencePenalty?: number;
  /** Taken off the logits of tokens generated before, once for each time. @default 0 */
  readonly frequencyPenalty?: number;
}

/** @throws {TuttiError} INVALID_ARGUMENT naming the setting and what it may be */
export function checkSampling(settings: SamplingSettings): void {
  const check = (
    name: keyof SamplingSettings,
    isValid: (value: number) => boolean,
    expected: string,
  ): void => {
    const value = settings[name];
    if (value === undefined || (Number.isFinite(value) && isValid(value))) return;
    throw new TuttiError("INVALID_ARGUMENT", `${name} must be ${expected}, received ${value}`);
  };
  check("temperature", (value) => value >= 0, "0 or more");
  check("topK", (value) => Number.isInteger(value) && value >= 0, "a whole number from 0");
  check("topP", (value) => value > 0 && value <= 1, "above 0 and at most 1");
  check("minP", (value) => value >= 0 && value <= 1, "from 0 to 1");
  check("repetitionPenalty", (value) => value > 0, "above 0");
  check("presencePenalty", () => true, "a number");
  check("frequencyPenalty", () => true, "a number");
}

/**
 * Logits after the penalties, as a copy in float64.
 *
 * @param seen tokens of prompt and output, for the repetition penalty
 * @param generated how often each token was generated, for presence and frequency
 */
export function penalise(
  logits: Float32Array,
  seen: ReadonlySet<number>,
  generated: ReadonlyMap<number, number>,
  { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 }: SamplingSettings,
): Float64Array {
  const result = Float64Array.from(logits);
  if (repetitionPenalty !== 1) {
    for (const token of seen) {
      const logit = result[token]!;
      result[token] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    }
  }
  for (const [token, count] of generated) result[token]! -= presencePenalty + frequencyPenalty * count;
  return result;
}

/** A token that may follow, and its probability. */
export interface Candidate {
  readonly token: number;
  readonly probability: number;
}

/** ln p of every token: logits - ln sum exp(logits). */
export function logProbabilities(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = values.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  return values.map((logit) => logit - most - Math.log(total));
}

/**
 * What is left to draw from, most likely first (equal ones by id), probabilities adding up to 1. Each filter sees what
 * the one before left, renormalised; the most likely token always stays.
 */
export function candidates(
  penalised: Float64Array,
  { temperature = 1, topK = 0, topP = 1, minP = 0 }: SamplingSettings,
): Candidate[] {
  const byLikelihood = (a: number, b: number): number => penalised[b]! - penalised[a]! || a - b;
  const tokens = Array.from(penalised.keys()).sort(byLikelihood);
  if (temperature === 0) return [{ token: tokens[0]!, probability: 1 }];
  let kept = topK > 0 ? tokens.slice(0, topK) : tokens;
  let probabilities = softmax(kept.map((token) => penalised[token]! / temperature));
  const keepFirst = (count: number): void => {
    kept = kept.slice(0, count);
    const total = probabilities.slice(0, count).reduce((sum, p) => sum + p, 0);
    probabilities = probabilities.slice(0, count).map((p) => p / total);
  };
  if (topP < 1) {
    let before = 0;
    const count = probabilities.findIndex((p) => {
      before += p;
      return before >= topP;
    });
    keepFirst(count < 0 ? kept.length : count + 1);
  }
  if (minP > 0) {
    const bar = minP * probabilities[0]!;
    const count = probabilities.findIndex((p) => p < bar);
    keepFirst(count < 0 ? kept.length : Math.max(1, count));
  }
  return kept.map((token, index) => ({ token, probability: probabilities[index]! }));
}

function softmax(logits: readonly number[]): number[] {
  const most = logits[0] ?? 0;
  const powers = logits.map((logit) => Math.exp(logit - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** Draws by inverting the cumulative distribution; one uniform number a draw. */
export function draw(options: readonly Candidate[], random: RandomStream): number {
  if (options.length === 1) return options[0]!.token;
  let left = random.nextUniform();
  for (const { token, probability } of options) {
    left -= probability;
    if (left < 0) return token;
  }
  return options.at(-1)!.token;
}
