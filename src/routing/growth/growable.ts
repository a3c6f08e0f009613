/** Routers whose list of candidates can change after training without touching what they know of the others. */
import type { JudgedRecord } from "../../judged/record.ts";
import type { Router } from "../router.ts";

/** A router that learns one more candidate from a few hundred judged prompts. */
export interface GrowableRouter extends Router {
  /**
   * The same router with `name` as its last candidate. Scores of the other candidates stay the same bit for bit; this
   * router is left as it is.
   *
   * @param records judged prompts with answers of `name` and of every candidate of this router
   * @throws {TuttiError} INVALID_ARGUMENT when the router has the candidate already; RECORD_INVALID when a record lacks
   *   an answer; DATASET_INVALID without records
   */
  withCandidate(name: string, records: readonly JudgedRecord[]): Promise<GrowableRouter>;
}

/** A trained model that keeps what it learned of later candidates beside its own files. */
export interface GrowableModel extends GrowableRouter {
  withCandidate(name: string, records: readonly JudgedRecord[]): Promise<GrowableModel>;
  /** Writes everything learned since training into `folder`, under the router's name. */
  saveGrowth(folder: string): void;
}

export function isGrowable(router: Router): router is GrowableRouter {
  return "withCandidate" in router;
}

export function isGrowableModel(router: Router): router is GrowableModel {
  return isGrowable(router) && "saveGrowth" in router;
}
