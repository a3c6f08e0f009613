/**
 * What an evaluation says: means with intervals, and differences between systems on the same prompts. Verifiable metrics (share of
 * correct answers) and judged ones (scores of a reward model or other scorer) never mix.
 */
import { bootstrapped, meanOf } from "../../statistics/bootstrap.ts";
import type { Interval } from "../../statistics/interval.ts";
import { groupedBy } from "../../support/grouped-by.ts";

/** One system's answers to one prompt; null where nobody could tell. */
export interface PromptOutcome {
  /** Share of its answers that are correct. */
  readonly correct: number | null;
  /** Mean score of its answers. */
  readonly score: number | null;
  readonly tokens: number | null;
}

export interface EvaluatedPrompt {
  readonly promptKey: string;
  readonly domain: string;
  readonly systems: Readonly<Record<string, PromptOutcome>>;
}

export interface Estimate {
  readonly value: number;
  /** 95 %, percentile bootstrap over prompts */
  readonly interval: Interval;
  readonly prompts: number;
}

/** Of one system over another, on prompts that both have an outcome for. */
export interface Difference extends Estimate {
  readonly of: string;
  readonly against: string;
}

export interface Measures {
  /** System -> estimate; systems without any outcome are left out. */
  readonly systems: Readonly<Record<string, Estimate>>;
  readonly differences: readonly Difference[];
}

export interface DomainMeasures extends Measures {
  readonly domain: string;
}

/** The systems of a run by their place in it. */
export interface Systems {
  readonly start: string;
  readonly sft: string;
  readonly dpo?: string | undefined;
  readonly sources: readonly string[];
}

export interface MeasureOptions {
  readonly resamples: number;
  readonly seed: number;
}

/** A number of one system on one prompt; null where there is none. */
type Reading = (prompt: EvaluatedPrompt, system: string) => number | null;

export const accuracyReading: Reading = ({ systems }, system) => {
  const correct = systems[system]?.correct ?? null;
  return correct === null ? null : 100 * correct;
};

export const scoreReading: Reading = ({ systems }, system) => systems[system]?.score ?? null;

/** 100 where the system's score is above that of the other on the prompt, 50 for equal scores. */
export const winReading =
  (against: string): Reading =>
  (prompt, system) => {
    const [own, other] = [scoreReading(prompt, system), scoreReading(prompt, against)];
    if (own === null || other === null) return null;
    return own > other ? 100 : own === other ? 50 : 0;
  };

export const tokenReading: Reading = ({ systems }, system) => systems[system]?.tokens ?? null;

interface DomainValue {
  readonly domain: string;
  readonly value: number;
}

/** Every domain counts the same, whatever the number of its prompts; NaN where one has none. */
function meanOfDomains(values: readonly DomainValue[], numDomains: number): number {
  if (numDomains === 1) return meanOf(values.map(({ value }) => value));
  const byDomain = groupedBy(values, ({ domain }) => domain);
  if (byDomain.size < numDomains) return Number.NaN;
  return meanOf([...byDomain.values()].map((own) => meanOf(own.map(({ value }) => value))));
}

function estimate(
  prompts: readonly EvaluatedPrompt[],
  reading: (prompt: EvaluatedPrompt) => number | null,
  name: string,
  { resamples, seed }: MeasureOptions,
): Estimate | undefined {
  const numDomains = new Set(prompts.map(({ domain }) => domain)).size;
  const values = prompts.flatMap((prompt) => {
    const value = reading(prompt);
    return value === null ? [] : [{ domain: prompt.domain, value }];
  });
  const statistic = (some: readonly DomainValue[]): number => meanOfDomains(some, numDomains);
  if (values.length === 0 || Number.isNaN(statistic(values))) return undefined;
  const { value, interval } = bootstrapped(values, statistic, name, { samples: resamples, seed });
  return { value, interval, prompts: values.length };
}

/** The stages one after another, the whole, and the whole against the best source of these prompts. */
function comparisons(
  { start, sft, dpo, sources }: Systems,
  systems: Readonly<Record<string, Estimate>>,
): readonly (readonly [of: string, against: string])[] {
  const final = dpo ?? sft;
  const scored = sources.filter((source) => systems[source] !== undefined);
  const best = scored.reduce<string | undefined>((most, source) => {
    return most === undefined || systems[source]!.value > systems[most]!.value ? source : most;
  }, undefined);
  return [
    [sft, start],
    ...(dpo === undefined ? [] : [[dpo, sft] as const, [dpo, start] as const]),
    ...(best === undefined ? [] : [[final, best] as const]),
  ];
}

/**
 * Means over the prompts; of several domains, the mean of the domains' means, of systems that have outcomes in all of them.
 *
 * @param name of what is read, which keeps the random numbers of different measures apart
 */
export function measure(
  prompts: readonly EvaluatedPrompt[],
  systems: Systems,
  reading: Reading,
  name: string,
  options: MeasureOptions,
): Measures {
  const { start, sft, dpo, sources } = systems;
  const estimates: Record<string, Estimate> = {};
  for (const system of [start, sft, ...(dpo === undefined ? [] : [dpo]), ...sources]) {
    const found = estimate(prompts, (prompt) => reading(prompt, system), `${name} ${system}`, options);
    if (found !== undefined) estimates[system] = found;
  }
  const differences = comparisons(systems, estimates).flatMap(([of, against]): Difference[] => {
    const found = estimate(
      prompts,
      (prompt) => {
        const [own, other] = [reading(prompt, of), reading(prompt, against)];
        return own === null || other === null ? null : own - other;
      },
      `${name} ${of} - ${against}`,
      options,
    );
    return found === undefined ? [] : [{ of, against, ...found }];
  });
  return { systems: estimates, differences };
}

export const ALL_DOMAINS = "mean of the domains";

/**
 * The same for every domain where somebody has an outcome, and their mean where there are several.
 *
 * @param hasMean whether a mean over domains means anything: scores of different judges have different scales
 */
export function measureDomains(
  prompts: readonly EvaluatedPrompt[],
  systems: Systems,
  reading: Reading,
  name: string,
  options: MeasureOptions & { readonly hasMean: boolean },
): DomainMeasures[] {
  const domains = [...groupedBy(prompts, ({ domain }) => domain)].flatMap(([domain, own]) => {
    const measured = measure(own, systems, reading, `${name} ${domain}`, options);
    return Object.keys(measured.systems).length === 0 ? [] : [{ domain, ...measured }];
  });
  if (!options.hasMean || domains.length < 2) return domains;
  const measured = new Set(domains.map(({ domain }) => domain));
  const all = prompts.filter(({ domain }) => measured.has(domain));
  return [...domains, { domain: ALL_DOMAINS, ...measure(all, systems, reading, `${name} of all`, options) }];
}
