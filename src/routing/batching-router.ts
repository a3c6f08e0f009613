/** Concurrent questions to a router, answered together: what waits while a run is under way is the next run. */
import { TuttiError } from "../support/errors.ts";
import { isOutcomeRouter, type OutcomeRouter } from "./outcome.ts";
import type { Router, RoutingQuery } from "./router.ts";

export interface BatchingOptions {
  /** Queries of one run at most; a single call with more is a run of its own. @default 32 */
  readonly maxQueries?: number;
  /**
   * How long a call waits for others when nothing is running. 0 waits until the event loop has taken in what has arrived,
   * which adds no measurable time to a lone call. @default 0
   */
  readonly maxWaitMs?: number;
}

interface Call<T> {
  readonly queries: readonly RoutingQuery[];
  readonly resolve: (rows: T[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Collects the calls of one function from queries to rows. */
class Collector<T> {
  private readonly ask: (queries: readonly RoutingQuery[]) => Promise<T[]>;
  private readonly maxQueries: number;
  private readonly maxWaitMs: number;
  private waiting: Call<T>[] = [];
  private isRunning = false;

  constructor(
    ask: (queries: readonly RoutingQuery[]) => Promise<T[]>,
    { maxQueries = 32, maxWaitMs = 0 }: BatchingOptions,
  ) {
    this.ask = ask;
    this.maxQueries = maxQueries;
    this.maxWaitMs = maxWaitMs;
  }

  call(queries: readonly RoutingQuery[]): Promise<T[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ queries, resolve, reject });
      if (!this.isRunning) {
        this.isRunning = true;
        void this.runAll();
      }
    });
  }

  private async runAll(): Promise<void> {
    await this.othersMayCome(this.maxWaitMs);
    while (this.waiting.length > 0) {
      await this.runTogether(this.takeBatch());
      // A run holds up the event loop: requests that came meanwhile are read now.
      await this.othersMayCome(0);
    }
    this.isRunning = false;
  }

  /** Waits at most `limitMs`, less when a full run is there already. */
  private async othersMayCome(limitMs: number): Promise<void> {
    const endsAt = performance.now() + limitMs;
    do {
      await new Promise((resolve) => setImmediate(resolve));
    } while (performance.now() < endsAt && this.waitingQueries() < this.maxQueries);
  }

  private waitingQueries(): number {
    return this.waiting.reduce((sum, { queries }) => sum + queries.length, 0);
  }

  private takeBatch(): Call<T>[] {
    let taken = 0;
    let queries = 0;
    for (const call of this.waiting) {
      if (taken > 0 && queries + call.queries.length > this.maxQueries) break;
      taken++;
      queries += call.queries.length;
    }
    return this.waiting.splice(0, taken);
  }

  private async runTogether(calls: readonly Call<T>[]): Promise<void> {
    try {
      const rows = await this.ask(calls.flatMap(({ queries }) => queries));
      let start = 0;
      for (const { queries, resolve } of calls) {
        resolve(rows.slice(start, start + queries.length));
        start += queries.length;
      }
    } catch (error) {
      if (calls.length === 1) calls[0]!.reject(error);
      // One call's fault must not be the others': each is asked alone.
      else for (const call of calls) await this.runTogether([call]);
    }
  }
}

/**
 * `router` with concurrent calls answered in common runs. Rows stay those of their queries; a run that fails is repeated
 * call by call.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for an option out of range
 */
export function batchingRouter(router: Router, options: BatchingOptions = {}): Router {
  const { maxQueries = 32, maxWaitMs = 0 } = options;
  if (!Number.isInteger(maxQueries) || maxQueries < 1) {
    throw new TuttiError("INVALID_ARGUMENT", `maxQueries is ${maxQueries}, expected a positive integer`);
  }
  if (!(maxWaitMs >= 0 && maxWaitMs < 1000)) {
    throw new TuttiError("INVALID_ARGUMENT", `maxWaitMs is ${maxWaitMs}, expected 0 to 999 milliseconds`);
  }
  const scores = new Collector((queries) => router.scores(queries), options);
  const batching: Router = {
    name: router.name,
    candidates: router.candidates,
    ...(router.readsDomain !== undefined && { readsDomain: router.readsDomain }),
    scores: (queries) => scores.call(queries),
  };
  if (!isOutcomeRouter(router)) return batching;
  const assessments = new Collector((queries) => router.assess(queries), options);
  const estimating: OutcomeRouter = {
    ...batching,
    isCalibrated: router.isCalibrated,
    outcomes: async (queries) => (await assessments.call(queries)).map(({ estimate }) => estimate),
    assess: (queries) => assessments.call(queries),
  };
  return estimating;
}
