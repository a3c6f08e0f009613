/** How a baseline becomes saved data: a JSON header that names its kind, and named arrays. */
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import type { BundleContent } from "../bundle.ts";
import type { Embedder } from "../embedding/index.ts";
import type { GrowableRouter } from "../growth/growable.ts";
import type { Router } from "../router.ts";

export interface SavableRouter extends Router {
  /** Set when the router looks at prompt embeddings. */
  readonly embedder?: Embedder;
  /** `header` holds `kind`, which names the class that reads it back. */
  toContent(): BundleContent;
}

/** A baseline whose candidates can change after training. */
export interface GrowableBaseline extends SavableRouter, GrowableRouter {
  withCandidate(name: string, records: readonly JudgedRecord[]): Promise<GrowableBaseline>;
  /**
   * The same router without a candidate; scores of the others stay as they are.
   *
   * @throws {TuttiError} UNKNOWN_CANDIDATE
   */
  withoutCandidate(name: string): GrowableBaseline;
}

export function isGrowableBaseline(router: SavableRouter): router is GrowableBaseline {
  return "withCandidate" in router && "withoutCandidate" in router;
}

/** @throws {TuttiError} UNKNOWN_CANDIDATE */
export function candidateColumn(candidates: readonly string[], name: string): number {
  const column = candidates.indexOf(name);
  if (column >= 0) return column;
  throw new TuttiError(
    "UNKNOWN_CANDIDATE",
    `unknown candidate ${JSON.stringify(name)}, expected one of ${candidates.join(", ")}`,
    {
      details: { name, candidates },
    },
  );
}
