/** What a router is: a function from prompts to one score per candidate, which never sees an answer. */
import { TuttiError } from "../support/errors.ts";

/** What a router may know when it decides. */
export interface RoutingQuery {
  readonly id: string;
  /** Flattened text of the prompt; see `promptText`. */
  readonly prompt: string;
  /** Benchmark or task family the prompt belongs to. Only routers that declare {@link Router.readsDomain} look. */
  readonly domain?: string;
}

/** Scores candidates before any of them answers. The choice is {@link argmax} of a row. */
export interface Router {
  readonly name: string;
  /** Column order of every score row. */
  readonly candidates: readonly string[];
  /** True when the router is told the domain, which a deployed router usually is not; reports must say so. */
  readonly readsDomain?: boolean;
  /** One row per query, one score per candidate, higher is better. Rows of different queries are independent. */
  scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]>;
}

/**
 * Index of the largest value; ties go to the lowest index.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when `values` is empty or holds a NaN, which would make the choice arbitrary
 */
export function argmax(values: ArrayLike<number>): number {
  let best = -1;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (Number.isNaN(value)) {
      throw new TuttiError("INVALID_ARGUMENT", `argmax: value ${index} is NaN, expected numbers`, {
        details: { index },
      });
    }
    if (best < 0 || value > bestValue) {
      best = index;
      bestValue = value;
    }
  }
  if (best < 0) throw new TuttiError("INVALID_ARGUMENT", "argmax: received no values, expected at least one");
  return best;
}

/** The row less its mean: what tells candidates apart. */
export function centred(row: Float64Array): Float64Array {
  const mean = row.reduce((sum, score) => sum + score, 0) / row.length;
  return row.map((score) => score - mean);
}
