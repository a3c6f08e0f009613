/** Baselines that never look at the prompt. */
import { z } from "zod";
import { TuttiError } from "../../support/errors.ts";
import { RandomStream, streamOf } from "../../tensor/random.ts";
import type { RoutingQuery } from "../router.ts";
import { candidateColumn, type GrowableBaseline } from "./parts.ts";

export const randomHeaderSchema = z.object({ kind: z.literal("random"), seed: z.int() });

/** Independent uniform scores, a pure function of the seed and the query's id. */
export class RandomRouter implements GrowableBaseline {
  readonly name: string = "random";
  readonly candidates: readonly string[];
  readonly seed: number;

  constructor(candidates: readonly string[], seed: number) {
    this.candidates = candidates;
    this.seed = seed;
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    return queries.map((query) => {
      const stream = new RandomStream({ seed: this.seed, stream: streamOf(query.id) });
      return Float64Array.from(this.candidates, () => stream.nextUniform());
    });
  }

  async withCandidate(name: string): Promise<RandomRouter> {
    return new RandomRouter([...this.candidates, name], this.seed);
  }

  /** Later candidates move up, so their draws change; those before the dropped one keep theirs. */
  withoutCandidate(name: string): RandomRouter {
    const column = candidateColumn(this.candidates, name);
    return new RandomRouter(this.candidates.toSpliced(column, 1), this.seed);
  }

  toContent() {
    return { header: { kind: "random", seed: this.seed }, arrays: {} };
  }
}

export const fixedHeaderSchema = z.object({ kind: z.literal("fixed"), candidate: z.string() });

/** Always the same candidate. Its name is `fixed:CANDIDATE`. */
export class FixedRouter implements GrowableBaseline {
  readonly name: string;
  readonly candidates: readonly string[];
  readonly candidate: string;

  /** @throws {TuttiError} UNKNOWN_CANDIDATE */
  constructor(candidates: readonly string[], candidate: string) {
    if (!candidates.includes(candidate)) {
      throw new TuttiError(
        "UNKNOWN_CANDIDATE",
        `fixed router: unknown candidate ${JSON.stringify(candidate)}, expected one of ${candidates.join(", ")}`,
        { details: { candidate, candidates } },
      );
    }
    this.name = `fixed:${candidate}`;
    this.candidates = candidates;
    this.candidate = candidate;
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    return queries.map(() => Float64Array.from(this.candidates, (name) => (name === this.candidate ? 1 : 0)));
  }

  async withCandidate(name: string): Promise<FixedRouter> {
    return new FixedRouter([...this.candidates, name], this.candidate);
  }

  /** @throws {TuttiError} UNKNOWN_CANDIDATE, also for the one it always names */
  withoutCandidate(name: string): FixedRouter {
    const column = candidateColumn(this.candidates, name);
    return new FixedRouter(this.candidates.toSpliced(column, 1), this.candidate);
  }

  toContent() {
    return { header: { kind: "fixed", candidate: this.candidate }, arrays: {} };
  }
}
