/** Samples the answers of one model's job. */
import type { Spending } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { isOverload } from "../retries.ts";
import type { ChatRequest } from "../upstream.ts";
import type { Slot } from "./adaptive-concurrency.ts";
import { failedOutcome, type Outcome, outcomeOf } from "./outcome.ts";
import { parseItem, rowBase, type SamplingJob } from "./plan.ts";
import { type QueueOptions, QueueWorker } from "./queue-worker.ts";
import { type Asked, mostSpent, readItems, requestOf } from "./requests.ts";
import type { SharedLimiter } from "./shared-limiter.ts";
import { Tally } from "./tally.ts";

export interface JobWorkerOptions extends QueueOptions {
  readonly job: SamplingJob;
  /** Absent where the model has no limits a minute. */
  readonly limiter?: SharedLimiter | undefined;
}

export class JobWorker extends QueueWorker<Asked> {
  readonly tally: Tally;
  readonly #options: JobWorkerOptions;

  constructor(options: JobWorkerOptions) {
    super(options);
    this.#options = options;
    this.tally = new Tally(options.job.model.name, options.job.name);
  }

  protected override async read(items: readonly string[]): Promise<readonly Asked[]> {
    const { ready, settled } = await readItems(this.#options.store, this.#options.job, items);
    for (const item of settled) this.leases.finish(item);
    return ready;
  }

  protected override async beforeClose(): Promise<void> {
    await this.#options.limiter?.flush();
  }

  protected override expected({ prompt }: Asked): Spending {
    const { job } = this.#options;
    return mostSpent(job, prompt, { pricing: job.model.pricing, tally: this.tally });
  }

  protected override async work({ item, prompt }: Asked, slot: Slot, lease: AbortSignal): Promise<void> {
    const { job } = this.#options;
    const sample = parseItem(item);
    let outcome: Outcome | undefined;
    let latencyMs: number | undefined;
    try {
      const asked = await this.#ask(requestOf(job, { item, prompt }), slot, lease);
      outcome = asked.outcome;
      latencyMs = asked.latencyMs;
      this.succeeded();
    } catch (failure) {
      if (lease.aborted || failure === this.#options.signal.reason) return;
      if (!TuttiError.is(failure)) throw failure;
      outcome = this.#afterFailure(failure, slot);
    } finally {
      slot.release(outcome !== undefined && outcome.status !== "error");
    }
    // A hopeless failure says nothing of the item: it stays open for a later run.
    if (outcome === undefined) return;
    this.tally.addOutcome(outcome);
    const row = {
      ...rowBase(job, sample, new Date().toISOString()),
      ...outcome,
      ...(latencyMs !== undefined && { latencyMs }),
    };
    this.leases.finish({ item, responses: [row], isFailed: outcome.status === "error" });
  }

  async #ask(
    request: ChatRequest,
    slot: Slot,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: Outcome; readonly latencyMs: number }> {
    const { limiter, signal: interruption } = this.#options;
    const { model } = this.#options.job;
    let startedMs = performance.now();
    let isFirst = true;
    const answer = await model.upstream.chat(request, {
      signal,
      // Who waits for leave has not begun: an interruption need not wait for it.
      ...(limiter && {
        leave: (tokens: number, until: AbortSignal) =>
          limiter.acquire(tokens, AbortSignal.any([until, interruption])),
      }),
      onAttempt: () => {
        startedMs = performance.now();
        if (!isFirst) slot.restart();
        isFirst = false;
      },
      onRetry: (failure) => {
        this.tally.addFailure(failure);
        if (isOverload(failure)) slot.overloaded();
      },
    });
    const latencyMs = performance.now() - startedMs;
    return { outcome: outcomeOf(answer, request.messages, model.pricing), latencyMs };
  }

  /** The outcome of a call that failed for good; undefined when the whole job is hopeless. */
  #afterFailure(failure: TuttiError, slot: Slot): Outcome | undefined {
    this.tally.addFailure(failure);
    if (isOverload(failure)) slot.overloaded();
    return this.endsJob(failure) ? undefined : failedOutcome(failure);
  }
}
