/**
 * What an evaluation says: means with intervals, and differences between systems on the same prompts. Verifiable metrics (share of
 * correct answers) and judged ones (scores of a reward model or other scorer) never mix.
 */
import { bootstrapped, meanOf } from "../../statistics/bootstrap.ts";
import type { Interval } from "../../statistics/interval.ts";

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

function estimate(
  prompts: readonly EvaluatedPrompt[],
  reading: (prompt: EvaluatedPrompt) => number | null,
  name: string,
  { resamples, seed }: MeasureOptions,
): Estimate | undefined {
  const values = prompts.flatMap((prompt) => reading(prompt) ?? []);
  if (values.length === 0) return undefined;
  const { value, interval } = bootstrapped(values, meanOf, name, { samples: resamples, seed });
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

/** The same for every domain where somebody has an outcome. */
export function measureDomains(
  prompts: readonly EvaluatedPrompt[],
  systems: Systems,
  reading: Reading,
  name: string,
  options: MeasureOptions,
): DomainMeasures[] {
  const domains = [...new Set(prompts.map(({ domain }) => domain))];
  return domains.flatMap((domain) => {
    const own = prompts.filter((prompt) => prompt.domain === domain);
    const measured = measure(own, systems, reading, `${name} ${domain}`, options);
    return Object.keys(measured.systems).length === 0 ? [] : [{ domain, ...measured }];
  });
}
