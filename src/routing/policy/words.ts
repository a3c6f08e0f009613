/** Numbers in explanations, and the order of candidates. */
import { TuttiError } from "../../support/errors.ts";
import type { CandidateEstimate } from "./policy.ts";

/** Three decimals tell qualities apart that matter. */
export function shownQuality(quality: number, decimals = 3): string {
  return quality.toFixed(decimals);
}

/** As many decimals as tell two numbers apart, so that none is said to be below itself. */
export function decimalsApart(a: number, b: number, least: number): number {
  let decimals = least;
  while (decimals < 12 && a.toFixed(decimals) === b.toFixed(decimals)) decimals++;
  return decimals;
}

/** Three significant digits: "$0.00123". */
export function shownUsd(usd: number): string {
  if (usd === 0) return "$0";
  const rounded = Number(usd.toPrecision(3));
  const digits = Math.max(2, 2 - Math.floor(Math.log10(Math.abs(rounded))));
  return `$${rounded.toFixed(Math.min(12, digits))}`;
}

export function shownMs(milliseconds: number, decimals = 0): string {
  return `${milliseconds.toFixed(decimals)} ms`;
}

/** At most four significant digits, without an exponent. */
export function shownNumber(value: number): string {
  return Number(value.toPrecision(4)).toString();
}

/** The first candidate that none of the others beats under the measures, the second counting only between equals. */
export function lowest(
  estimates: readonly CandidateEstimate[],
  ...measures: readonly ((estimate: CandidateEstimate) => number)[]
): CandidateEstimate {
  let best = estimates[0]!;
  for (const other of estimates.slice(1)) {
    for (const measure of measures) {
      // Compared and not subtracted: infinite measures, of a lambda without bounds, may be equal too.
      const [its, least] = [measure(other), measure(best)];
      if (its < least) best = other;
      if (its !== least) break;
    }
  }
  return best;
}

/** The other candidate that comes next under the measures. */
export function runnerUp(
  estimates: readonly CandidateEstimate[],
  chosen: CandidateEstimate,
  ...measures: readonly ((estimate: CandidateEstimate) => number)[]
): CandidateEstimate | undefined {
  const others = estimates.filter((estimate) => estimate !== chosen);
  return others.length === 0 ? undefined : lowest(others, ...measures);
}

function missing(model: string, what: string, hint: string): TuttiError {
  return new TuttiError("POLICY_INVALID", `policy: ${what} of ${model} is unknown, but the policy needs it`, {
    details: { model },
    hint,
  });
}

/** @throws {TuttiError} POLICY_INVALID when the router expects no qualities */
export function qualityOf({ model, quality }: CandidateEstimate): number {
  if (quality !== undefined) return quality;
  throw missing(model, "the expected quality", "serve a router that was calibrated when it was trained");
}

/** @throws {TuttiError} POLICY_INVALID when the candidate has no price */
export function costOf({ model, costUsd }: CandidateEstimate): number {
  if (costUsd !== undefined) return costUsd;
  throw missing(model, "the expected cost", "give a pool file with its prices");
}
