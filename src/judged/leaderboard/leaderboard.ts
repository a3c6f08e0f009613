/** Leaderboards: win rates and strengths of models per domain, with bootstrap intervals over prompts. */
import { distribution } from "../../statistics/distribution.ts";
import { type Interval, percentileInterval } from "../../statistics/interval.ts";
import { sigmoid } from "../../statistics/stable-functions.ts";
import { TuttiError } from "../../support/errors.ts";
import { groupedBy } from "../../support/grouped-by.ts";
import { RandomStream, streamOf } from "../../tensor/random.ts";
import { type AnswerFacts, type Battle, checkBattles, type LeaderboardData } from "./battle.ts";
import {
  aggregated,
  type BradleyTerryFit,
  type Comparisons,
  ELO_POINTS_PER_NAT,
  fitBradleyTerry,
} from "./bradley-terry.ts";
import { eloRatings } from "./elo.ts";
import { type StyleFeature, styleCovariates } from "./style.ts";

export interface LeaderboardOptions {
  /** Model whose rating is 1000 and whom win probabilities are against; without it the mean rating is 1000. */
  readonly baseline?: string;
  /** Features whose effect is taken out; none for plain strengths only. */
  readonly control?: readonly StyleFeature[];
  /** Bootstrap samples. @default 200 */
  readonly samples?: number;
  /** @default 0 */
  readonly seed?: number;
  readonly ridge?: number;
  /** Name of the board of all domains together, with every battle counted alike. @default "all" */
  readonly allDomains?: string;
}

export interface Estimate {
  readonly value: number;
  /** 95 %, percentile bootstrap over prompts. */
  readonly interval: Interval;
}

export interface LeaderboardRow {
  readonly model: string;
  /** 1 + number of models whose interval lies wholly above this one's. */
  readonly rank: number;
  /** Sum of the weights of its battles. */
  readonly battles: number;
  /** Share of the weights that it won in percent, ties half. */
  readonly winRate: Estimate;
  /** Bradley-Terry on the Elo scale. */
  readonly rating: Estimate;
  /** The same with style taken out. */
  readonly controlled?: Estimate;
  /** Probability in percent of beating the baseline, from `controlled` where it is given, else from `rating`. */
  readonly againstBaseline?: Estimate;
  /** Elo's rule, the median over orders of the battles. */
  readonly elo: number;
  readonly score?: Estimate;
  /** Means over answers that have them. */
  readonly costUsd?: number;
  readonly tokens?: number;
  /** Median. */
  readonly latencyMs?: number;
}

export interface Board {
  readonly domain: string;
  readonly prompts: number;
  /** Best first. */
  readonly rows: readonly LeaderboardRow[];
  /** Effect in nats of one root-mean-square of each controlled feature; above 0 the judge likes more of it. */
  readonly styleEffects?: Readonly<Partial<Record<StyleFeature, Estimate>>>;
}

export interface Leaderboard {
  readonly baseline?: string;
  readonly control: readonly StyleFeature[];
  readonly samples: number;
  readonly seed: number;
  /** All domains together, then each, where there are several. */
  readonly boards: readonly Board[];
}

const CENTRE = 1000;
const ELO_ORDERS = 25;

interface Setup {
  readonly models: readonly string[];
  readonly battles: readonly Battle[];
  readonly baseline: number | undefined;
  readonly control: readonly StyleFeature[];
  readonly samples: number;
  readonly seed: number;
  readonly ridge: number | undefined;
}

function comparisonsOf(
  battles: readonly Battle[],
  models: readonly string[],
  control: readonly StyleFeature[],
): Comparisons {
  const index = new Map(models.map((model, position) => [model, position]));
  return {
    models: models.length,
    first: Int32Array.from(battles, ({ first }) => index.get(first)!),
    second: Int32Array.from(battles, ({ second }) => index.get(second)!),
    outcomes: Float64Array.from(battles, ({ outcome }) => outcome),
    weights: Float64Array.from(battles, ({ weight }) => weight),
    z:
      control.length === 0
        ? new Float64Array(0)
        : styleCovariates(
            battles.map(({ styles }) => styles!),
            control,
          ),
    covariates: control.length,
  };
}

/** Strengths on the Elo scale, around the baseline or around their mean. */
function ratingsOf({ strengths }: BradleyTerryFit, baseline: number | undefined): Float64Array {
  const origin =
    baseline === undefined
      ? strengths.reduce((sum, value) => sum + value, 0) / strengths.length
      : strengths[baseline]!;
  return strengths.map((value) => CENTRE + ELO_POINTS_PER_NAT * (value - origin));
}

/** Share of the weight that each model won, in percent; NaN without battles. */
function winRates({ models, first, second, outcomes, weights }: Comparisons): Float64Array {
  const won = new Float64Array(models);
  const played = new Float64Array(models);
  for (let row = 0; row < outcomes.length; row++) {
    const weight = weights[row]!;
    won[first[row]!]! += weight * outcomes[row]!;
    won[second[row]!]! += weight * (1 - outcomes[row]!);
    played[first[row]!]! += weight;
    played[second[row]!]! += weight;
  }
  return won.map((value, model) => (100 * value) / played[model]!);
}

/** What is estimated once from all prompts and again from every resample. */
interface Measures {
  readonly winRates: Float64Array;
  readonly ratings: Float64Array;
  readonly controlled: Float64Array | undefined;
  readonly effects: Float64Array;
}

interface Starts {
  plain?: Float64Array;
  controlled?: Float64Array;
}

function measure(data: Comparisons, { baseline, control, ridge }: Setup, starts: Starts): Measures {
  const options = ridge === undefined ? {} : { ridge };
  const plain = fitBradleyTerry(aggregated(data), {
    ...options,
    ...(starts.plain && { start: starts.plain }),
  });
  starts.plain = plain.strengths;
  const base = { winRates: winRates(data), ratings: ratingsOf(plain, baseline) };
  if (control.length === 0) return { ...base, controlled: undefined, effects: new Float64Array(0) };
  const fit = fitBradleyTerry(data, { ...options, ...(starts.controlled && { start: starts.controlled }) });
  starts.controlled = Float64Array.of(...fit.strengths, ...fit.coefficients);
  return { ...base, controlled: ratingsOf(fit, baseline), effects: fit.coefficients };
}

/** Resamples prompts by giving each battle the weight times the number of times its prompt was drawn. */
function* resampled(
  data: Comparisons,
  battles: readonly Battle[],
  { samples, seed }: Setup,
  name: string,
): Generator<Comparisons> {
  const promptIndex = new Map<string, number>();
  for (const { prompt } of battles) if (!promptIndex.has(prompt)) promptIndex.set(prompt, promptIndex.size);
  const promptOf = Int32Array.from(battles, ({ prompt }) => promptIndex.get(prompt)!);
  const stream = new RandomStream({ seed, stream: streamOf(`leaderboard ${name}`) });
  for (let sample = 0; sample < samples; sample++) {
    const drawn = new Int32Array(promptIndex.size);
    for (let draw = 0; draw < drawn.length; draw++) drawn[stream.nextInteger(drawn.length)]!++;
    yield { ...data, weights: data.weights.map((weight, row) => weight * drawn[promptOf[row]!]!) };
  }
}

/** Interval of one number over the resamples that have it: a model may be missing from a small one. */
const intervalOf = (values: readonly number[]): Interval =>
  percentileInterval(Float64Array.from(values.filter((value) => Number.isFinite(value))));

/** Median ratings over shuffled orders, since Elo's rule forgets. */
function medianElo(setup: Setup, name: string): number[] {
  const index = new Map(setup.models.map((model, position) => [model, position]));
  const games = setup.battles.map(({ first, second, outcome }) => ({
    first: index.get(first)!,
    second: index.get(second)!,
    outcome,
  }));
  const stream = new RandomStream({ seed: setup.seed, stream: streamOf(`elo ${name}`) });
  const runs = Array.from({ length: ELO_ORDERS }, () => {
    for (let last = games.length - 1; last > 0; last--) {
      const other = stream.nextInteger(last + 1);
      [games[last], games[other]] = [games[other]!, games[last]!];
    }
    return eloRatings(setup.models.length, games);
  });
  return setup.models.map((_, model) => distribution(runs.map((run) => run[model]!))!.median);
}

interface Means {
  readonly score?: Estimate;
  readonly costUsd?: number;
  readonly tokens?: number;
  readonly latencyMs?: number;
}

function meansOf(answers: readonly AnswerFacts[], { samples, seed }: Setup, name: string): Means {
  const known = (pick: (facts: AnswerFacts) => number | undefined): number[] =>
    answers.map(pick).filter((value) => value !== undefined);
  const cost = distribution(known(({ costUsd }) => costUsd));
  const tokens = distribution(known((facts) => facts.tokens));
  const latency = distribution(known(({ latencyMs }) => latencyMs));
  const scores = groupedBy(
    answers.filter(({ score }) => score !== undefined),
    ({ prompt }) => prompt,
  );
  const promptScores = [...scores.values()].map(
    (rows) => distribution(rows.map(({ score }) => score!))!.mean,
  );
  return {
    ...(promptScores.length > 0 && { score: bootstrapMean(promptScores, samples, seed, name) }),
    ...(cost && { costUsd: cost.mean }),
    ...(tokens && { tokens: tokens.mean }),
    ...(latency && { latencyMs: latency.median }),
  };
}

/** Mean over prompts; the same resamples for every model with as many prompts. */
function bootstrapMean(values: readonly number[], samples: number, seed: number, name: string): Estimate {
  const stream = new RandomStream({ seed, stream: streamOf(`leaderboard scores ${name}`) });
  const means = Float64Array.from({ length: samples }, () => {
    let sum = 0;
    for (let draw = 0; draw < values.length; draw++) sum += values[stream.nextInteger(values.length)]!;
    return sum / values.length;
  });
  const value = values.reduce((sum, each) => sum + each, 0) / values.length;
  return { value, interval: percentileInterval(means) };
}

function boardOf(domain: string, setup: Setup, answers: readonly AnswerFacts[]): Board {
  const { models, battles, baseline, control } = setup;
  const data = comparisonsOf(battles, models, control);
  const starts: Starts = {};
  const point = measure(data, setup, starts);
  const runs = [...resampled(data, battles, setup, domain)].map((sample) =>
    measure(sample, setup, { ...starts }),
  );
  const estimate = (pick: (measures: Measures) => number): Estimate => ({
    value: pick(point),
    interval: intervalOf(runs.map(pick)),
  });
  const elo = medianElo(setup, domain);
  const eloShift = baseline === undefined ? 0 : CENTRE - elo[baseline]!;
  const byModel = groupedBy(answers, ({ model }) => model);
  const ratingOf = (measures: Measures): Float64Array => measures.controlled ?? measures.ratings;
  const rows = models.map((model, index): Omit<LeaderboardRow, "rank"> => {
    const isBaseline = index === baseline;
    return {
      model,
      battles: battles.reduce(
        (sum, { first, second, weight }) => sum + (first === model || second === model ? weight : 0),
        0,
      ),
      winRate: estimate((measures) => measures.winRates[index]!),
      rating: estimate(({ ratings }) => ratings[index]!),
      ...(point.controlled && { controlled: estimate(({ controlled }) => controlled![index]!) }),
      ...(baseline !== undefined &&
        !isBaseline && {
          againstBaseline: estimate(
            (measures) => 100 * sigmoid((ratingOf(measures)[index]! - CENTRE) / ELO_POINTS_PER_NAT),
          ),
        }),
      elo: elo[index]! + eloShift,
      ...meansOf(byModel.get(model) ?? [], setup, domain),
    };
  });
  const main = (row: Omit<LeaderboardRow, "rank">): Estimate => row.controlled ?? row.rating;
  const ranked = rows.map((row) => ({
    ...row,
    rank: 1 + rows.filter((other) => main(other).interval[0] > main(row).interval[1]).length,
  }));
  const effects = Object.fromEntries(
    control.map((feature, k) => [feature, estimate((measures) => measures.effects[k]!)]),
  );
  return {
    domain,
    prompts: new Set(battles.map(({ prompt }) => prompt)).size,
    rows: ranked.sort((a, b) => main(b).value - main(a).value),
    ...(control.length > 0 && { styleEffects: effects }),
  };
}

const withoutScore = ({ score: _score, ...facts }: AnswerFacts): AnswerFacts => facts;

function checkOptions(
  battles: readonly Battle[],
  models: readonly string[],
  options: LeaderboardOptions,
): void {
  const { baseline, control = [] } = options;
  if (baseline !== undefined && !models.includes(baseline)) {
    throw new TuttiError(
      "UNKNOWN_CANDIDATE",
      `baseline: received ${JSON.stringify(baseline)}, expected one of ${models.join(", ")}`,
      {
        details: { baseline, models },
      },
    );
  }
  if (control.length > 0 && battles.some(({ styles }) => styles === undefined)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      "style control: received battles without the texts of both answers",
      {
        hint: "leave style control out, or compare models whose answers are all recorded",
      },
    );
  }
}

/**
 * The leaderboard of all domains and of each. Intervals resample prompts, since answers to one prompt are not independent.
 *
 * @throws {TuttiError} DATASET_INVALID without battles, UNKNOWN_CANDIDATE for the baseline, INVALID_ARGUMENT for style control
 *   of answers without texts
 */
export function makeLeaderboard(data: LeaderboardData, options: LeaderboardOptions = {}): Leaderboard {
  const { battles, answers } = data;
  checkBattles(battles);
  const { baseline, control = [], samples = 200, seed = 0, allDomains = "all" } = options;
  checkOptions(battles, [...new Set(battles.flatMap(({ first, second }) => [first, second]))], options);
  const board = (domain: string, own: readonly Battle[], facts: readonly AnswerFacts[]): Board => {
    const models = [...new Set(own.flatMap(({ first, second }) => [first, second]))];
    const found = baseline === undefined ? -1 : models.indexOf(baseline);
    const setup: Setup = {
      models,
      battles: own,
      baseline: found < 0 ? undefined : found,
      control,
      samples,
      seed,
      ridge: options.ridge,
    };
    return boardOf(domain, setup, facts);
  };
  const byDomain = groupedBy(battles, ({ domain }) => domain);
  const factsOf = groupedBy(answers, ({ domain }) => domain);
  return {
    ...(baseline !== undefined && { baseline }),
    control,
    samples,
    seed,
    boards: [
      // Scores of different domains have different scales: their mean would say nothing.
      ...(byDomain.size > 1 ? [board(allDomains, battles, answers.map(withoutScore))] : []),
      ...[...byDomain].map(([domain, own]) => board(domain, own, factsOf.get(domain) ?? [])),
    ],
  };
}
