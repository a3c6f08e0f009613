/** How many verdicts at once suit a judge that is made of others. */
import type { JudgeTraits } from "./judge.ts";

/** The lowest of the limits; undefined where there is none. */
export function leastConcurrency(judges: readonly JudgeTraits[]): number | undefined {
  const limits = judges.map(({ maxConcurrency }) => maxConcurrency).filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}
