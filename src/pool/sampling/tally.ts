/** What one process has got for a job. */
import type { ResponseStatus } from "../../judged/index.ts";
import type { TuttiError } from "../../support/errors.ts";
import type { Outcome } from "./outcome.ts";

export interface JobTally {
  readonly model: string;
  readonly job: string;
  /** Answers of this process by status. */
  readonly statuses: Readonly<Partial<Record<ResponseStatus, number>>>;
  /** Failed attempts by code, those that a later attempt made good among them. */
  readonly failures: Readonly<Record<string, number>>;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costUsd: number;
}

export class Tally implements JobTally {
  readonly model: string;
  readonly job: string;
  readonly statuses: Partial<Record<ResponseStatus, number>> = {};
  readonly failures: Record<string, number> = {};
  promptTokens = 0;
  completionTokens = 0;
  costUsd = 0;
  answers = 0;

  constructor(model: string, job: string) {
    this.model = model;
    this.job = job;
  }

  addFailure({ code }: TuttiError): void {
    this.failures[code] = (this.failures[code] ?? 0) + 1;
  }

  addOutcome({ status, promptTokens = 0, completionTokens = 0, costUsd = 0 }: Outcome): void {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    this.promptTokens += promptTokens;
    this.completionTokens += completionTokens;
    this.costUsd += costUsd;
    if (status !== "error") this.answers++;
  }
}
