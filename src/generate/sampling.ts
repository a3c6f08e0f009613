/** How the next token is chosen: settings, their checks, and the choice itself as a pure function of its inputs. */
import { TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";
import { RandomStream } from "../tensor/random.ts";
import {
  applyCountPenalties,
  applyMinP,
  applyRepetitionPenalty,
  applyTemperature,
  applyTopK,
  applyTopP,
  softmaxTotal,
} from "./logits-processors.ts";

export interface SamplingSettings {
  /** 0 takes the most likely token. @default 0 */
  readonly temperature?: number;
  /** Draws from this many most likely tokens; 0 from all. @default 0 */
  readonly topK?: number;
  /** Draws from the most likely tokens that hold this much probability together. @default 1 */
  readonly topP?: number;
  /** Draws from tokens at least this many times as likely as the most likely one. @default 0 */
  readonly minP?: number;
  /** Above 1 makes tokens of prompt and answer less likely. @default 1 */
  readonly repetitionPenalty?: number;
  /** Subtracted from the logits of tokens that the answer has. @default 0 */
  readonly presencePenalty?: number;
  /** Subtracted from the logits of tokens for each time that the answer has them. @default 0 */
  readonly frequencyPenalty?: number;
  /** Unsigned 32-bit; the same seed gives the same answer. @default 0 */
  readonly seed?: number;
}

export const SAMPLING_DEFAULTS: Required<SamplingSettings> = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: 0,
};

type Rule = readonly [expected: string, isLegal: (value: number) => boolean];

const RULES: Readonly<Record<keyof SamplingSettings, Rule>> = {
  temperature: ["a number of at least 0", (value) => value >= 0 && value < Infinity],
  topK: ["a whole number of at least 0", (value) => Number.isInteger(value) && value >= 0],
  topP: ["a number above 0 and at most 1", (value) => value > 0 && value <= 1],
  minP: ["a number from 0 to 1", (value) => value >= 0 && value <= 1],
  repetitionPenalty: ["a number above 0", (value) => value > 0 && value < Infinity],
  presencePenalty: ["a finite number", Number.isFinite],
  frequencyPenalty: ["a finite number", Number.isFinite],
  seed: [
    "a whole number from 0 to 4294967295",
    (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32,
  ],
};

/** The settings with defaults. @throws {TuttiError} INVALID_ARGUMENT naming the setting */
export function checkSampling(settings: SamplingSettings): Required<SamplingSettings> {
  const complete = { ...SAMPLING_DEFAULTS };
  for (const [name, [expected, isLegal]] of Object.entries(RULES) as [keyof SamplingSettings, Rule][]) {
    const value = settings[name] ?? SAMPLING_DEFAULTS[name];
    if (typeof value !== "number" || !isLegal(value)) {
      throw new TuttiError("INVALID_ARGUMENT", `${name} must be ${expected}, received ${shown(value)}`, {
        details: { name },
      });
    }
    complete[name] = value;
  }
  return complete;
}

/** The tokens of one answer so far. */
export interface SampleHistory {
  readonly promptIds: Int32Array;
  /** How often each id was generated. */
  readonly counts: ReadonlyMap<number, number>;
  /** Tokens generated. */
  readonly length: number;
  /** Which of several answers to one prompt this is. */
  readonly sample: number;
}

/** One stream a sample, one counter a token: a draw depends on its place alone, not on what was drawn before. */
function uniformAt(seed: number, { sample, length }: SampleHistory): number {
  return new RandomStream({ seed, stream: sample }, length).nextUniform();
}

function argMax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** The id at which the cumulative distribution passes `uniform`. */
function draw(logits: Float32Array, uniform: number): number {
  const { highest, total } = softmaxTotal(logits);
  let rest = uniform * total;
  let lastPossible = 0;
  for (let id = 0; id < logits.length; id++) {
    const weight = Math.exp(logits[id]! - highest);
    if (weight === 0) continue;
    lastPossible = id;
    rest -= weight;
    if (rest < 0) return id;
  }
  return lastPossible;
}

/**
 * The next token. `logits` are overwritten.
 *
 * Order: repetition penalty, presence and frequency penalties, temperature, top-k, top-p, min-p, draw.
 *
 * @throws {TuttiError} NON_FINITE when a logit is NaN or infinite
 */
export function chooseToken(
  logits: Float32Array,
  settings: Required<SamplingSettings>,
  history: SampleHistory,
): number {
  applyRepetitionPenalty(
    logits,
    settings.repetitionPenalty === 1 ? [] : [...history.promptIds, ...history.counts.keys()],
    settings.repetitionPenalty,
  );
  applyCountPenalties(logits, history.counts, settings.presencePenalty, settings.frequencyPenalty);
  const best = argMax(logits);
  if (!Number.isFinite(logits[best]!)) {
    throw new TuttiError("NON_FINITE", "the model gave a logit that is not a number", {
      hint: "the weights or their conversion are broken; try 32 weight bits",
    });
  }
  if (settings.temperature === 0) return best;
  applyTemperature(logits, settings.temperature);
  if (settings.topK > 0) applyTopK(logits, settings.topK);
  applyTopP(logits, settings.topP);
  applyMinP(logits, settings.minP);
  return draw(logits, uniformAt(settings.seed, history));
}
