/** What sways a comparing judge besides the answers: their position, their length, and whose they are. */
import { type Battle, type Estimate, makeLeaderboard, styleOf } from "../../judged/index.ts";
import {
  type BootstrapEstimate,
  type BootstrapSettings,
  bootstrapped,
  meanOf,
} from "../../statistics/bootstrap.ts";
import { groupedBy } from "../../support/grouped-by.ts";
import { type Comparison, pairOf } from "./comparison.ts";

export interface PositionBias {
  /** Pairs that were judged in both orders. */
  readonly pairs: number;
  /** Share of the win that went to the answer shown first; 1/2 without bias, since every answer of a pair is shown first once. */
  readonly firstShownShare: BootstrapEstimate;
  /** Share of the pairs on which both orders say the same. */
  readonly consistency: BootstrapEstimate;
}

export interface LengthBias {
  /** Pairs of unequal lengths with a winner. */
  readonly pairs: number;
  /** Share of them that the longer answer won. */
  readonly longerShare: BootstrapEstimate;
  /**
   * Effect of length in nats at equal strength of the models, for one root-mean-square of the relative difference: what
   * remains when the better models' answers merely are the longer ones.
   */
  readonly effectAtEqualStrength: Estimate;
}

export interface SelfPreference {
  /** Comparisons of the judge's own model with another that other judges compared too. */
  readonly pairs: number;
  /** Share of the win that the judge gives its own model's answers, and that the others give them. */
  readonly own: number;
  readonly others: number;
  /** own - others; above 0 the judge favours itself. */
  readonly difference: BootstrapEstimate;
}

export interface JudgeBias {
  readonly judge: string;
  readonly comparisons: number;
  readonly position?: PositionBias;
  readonly length?: LengthBias;
  readonly self?: SelfPreference;
}

export interface BiasOptions extends BootstrapSettings {
  /** Judge -> the model in the comparisons that is the judge itself. */
  readonly ownModels?: Readonly<Record<string, string>>;
}

function positionBias(
  comparisons: readonly Comparison[],
  settings: BootstrapSettings,
): PositionBias | undefined {
  const both = comparisons.flatMap(({ games }) => {
    const shownFirst = games.filter(({ isFirstShownFirst }) => isFirstShownFirst);
    const shownSecond = games.filter(({ isFirstShownFirst }) => !isFirstShownFirst);
    if (shownFirst.length === 0 || shownSecond.length === 0) return [];
    return [
      [
        meanOf(shownFirst.map(({ outcome }) => outcome)),
        meanOf(shownSecond.map(({ outcome }) => outcome)),
      ] as const,
    ];
  });
  if (both.length === 0) return undefined;
  const side = (outcome: number): number => Math.sign(outcome - 0.5);
  return {
    pairs: both.length,
    firstShownShare: bootstrapped(
      both,
      (items) => meanOf(items.map(([a, b]) => (a + 1 - b) / 2)),
      "position",
      settings,
    ),
    consistency: bootstrapped(
      both,
      (items) => meanOf(items.map(([a, b]) => Number(side(a) === side(b)))),
      "consistency",
      settings,
    ),
  };
}

const lengthOf = (text: string): number => [...text].length;

function lengthBias(comparisons: readonly Comparison[], settings: BootstrapSettings): LengthBias | undefined {
  const decided = comparisons.flatMap(({ first, second, outcome }) => {
    const difference = lengthOf(first.text) - lengthOf(second.text);
    return difference === 0 || outcome === 0.5 ? [] : [Number(difference > 0 === outcome > 0.5)];
  });
  const battles: Battle[] = comparisons
    .filter(({ first, second }) => first.model !== second.model)
    .map(({ promptKey, first, second, outcome }) => ({
      prompt: promptKey,
      domain: "",
      first: first.model,
      second: second.model,
      outcome,
      weight: 1,
      styles: [styleOf(first.text), styleOf(second.text)],
    }));
  if (decided.length === 0 || battles.length === 0) return undefined;
  const { samples = 200, seed = 0 } = settings;
  const [board] = makeLeaderboard({ battles, answers: [] }, { control: ["length"], samples, seed }).boards;
  return {
    pairs: decided.length,
    longerShare: bootstrapped(decided, meanOf, "length", settings),
    effectAtEqualStrength: board!.styleEffects!.length!,
  };
}

/** A comparison's outcome from the side of one model; undefined where it takes no part or meets itself. */
function shareOfModel({ first, second, outcome }: Comparison, model: string): number | undefined {
  if ((first.model === model) === (second.model === model)) return undefined;
  return first.model === model ? outcome : 1 - outcome;
}

function selfPreference(
  own: readonly Comparison[],
  others: readonly Comparison[],
  model: string,
  settings: BootstrapSettings,
): SelfPreference | undefined {
  const othersOf = groupedBy(others, pairOf);
  const both = own.flatMap((comparison) => {
    const share = shareOfModel(comparison, model);
    const theirs = (othersOf.get(pairOf(comparison)) ?? []).flatMap(
      (other) => shareOfModel(other, model) ?? [],
    );
    return share === undefined || theirs.length === 0 ? [] : [[share, meanOf(theirs)] as const];
  });
  if (both.length === 0) return undefined;
  return {
    pairs: both.length,
    own: meanOf(both.map(([share]) => share)),
    others: meanOf(both.map(([, theirs]) => theirs)),
    difference: bootstrapped(
      both,
      (items) => meanOf(items.map(([share, theirs]) => share - theirs)),
      "self",
      settings,
    ),
  };
}

/** One entry a judge; parts that the comparisons say nothing about are absent. Intervals resample pairs, or prompts for the effect of length. */
export function biasReport(
  comparisons: readonly Comparison[],
  { ownModels = {}, ...settings }: BiasOptions = {},
): JudgeBias[] {
  return [...groupedBy(comparisons, ({ judge }) => judge)].map(([judge, own]) => {
    const position = positionBias(own, settings);
    const length = lengthBias(own, settings);
    const model = Object.hasOwn(ownModels, judge) ? ownModels[judge] : undefined;
    const others = comparisons.filter((comparison) => comparison.judge !== judge);
    const self = model === undefined ? undefined : selfPreference(own, others, model, settings);
    return {
      judge,
      comparisons: own.length,
      ...(position && { position }),
      ...(length && { length }),
      ...(self && { self }),
    };
  });
}
