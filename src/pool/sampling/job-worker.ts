/** Works on one job until nothing is left of it, as one of possibly many processes that do. */
import { setTimeout as wait } from "node:timers/promises";
import type { JudgedStore, PromptRow } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { costUsd, estimateTokens } from "../pricing.ts";
import { isOverload } from "../retries.ts";
import { type ChatTurn, turnText } from "../upstream.ts";
import type { AdaptiveConcurrency, Slot } from "./adaptive-concurrency.ts";
import type { Budget, Reservation, Spending } from "./budget.ts";
import { Leases } from "./leases.ts";
import { failedOutcome, isHopeless, type Outcome, outcomeOf } from "./outcome.ts";
import { keyOf, parseItem, rowBase, type SamplingJob, seedOf } from "./plan.ts";
import type { SharedLimiter } from "./shared-limiter.ts";
import { Tally } from "./tally.ts";

export interface JobWorkerOptions {
  readonly store: JudgedStore;
  readonly job: SamplingJob;
  /** Unique among all processes. */
  readonly worker: string;
  readonly leaseMs: number;
  readonly concurrency: AdaptiveConcurrency;
  readonly budget: Budget;
  /** Absent where the model has no limits a minute. */
  readonly limiter?: SharedLimiter | undefined;
  /** No call begins after it aborts; those under way are waited for. */
  readonly signal: AbortSignal;
}

/** Why a worker stopped: `done` when every item of the job is settled, whoever settled it. */
export type JobEnd = "done" | "budget" | "interrupted" | TuttiError;

/** Most items fetched at once; as many as calls may be under way, so that little waits here while another worker has nothing. */
const LARGEST_CLAIM = 256;
/** The next are fetched when fewer than this share of them wait: they come before the last call has begun. */
const LOW_WATER = 0.5;
/** Between looks at a queue whose items are all with other workers. */
const POLL_MS = 500;
/** A model that fails as often in a row fails for good. */
const MOST_FAILURES_IN_A_ROW = 20;
/** Expected of an answer before any is known, where nothing limits it. */
const USUAL_ANSWER_TOKENS = 1024;

interface Ready {
  readonly item: string;
  readonly prompt: PromptRow;
}

export class JobWorker {
  readonly tally: Tally;
  readonly #options: JobWorkerOptions;
  readonly #leases: Leases;
  readonly #ready: Ready[] = [];
  #claiming: Promise<void> | undefined;
  /** There was nothing to claim; before then another look is not worth it. */
  #nextClaimMs = 0;
  readonly #underWay = new Set<Promise<void>>();
  #failuresInARow = 0;
  #end: JobEnd | undefined;
  /** A failure of ours or of the store, not of the model. */
  #broken: unknown;

  constructor(options: JobWorkerOptions) {
    this.#options = options;
    const { store, worker, leaseMs, job } = options;
    this.tally = new Tally(job.model.name, job.name);
    this.#leases = new Leases({ store, job: job.name, worker, leaseMs });
  }

  /** @throws what the store throws; failures of the model end the job and are returned */
  async run(): Promise<JobEnd> {
    try {
      while (this.#end === undefined) {
        this.#checkHealth();
        this.#claimWhenLow();
        if (this.#options.signal.aborted) this.#end = "interrupted";
        else if (this.#ready.length > 0) await this.#startNext();
        else if (this.#claiming !== undefined) await this.#claiming;
        else if (this.#underWay.size > 0) await Promise.race(this.#underWay);
        else if (await this.#isSettled()) this.#end = "done";
        else await wait(POLL_MS);
      }
      await Promise.all(this.#underWay);
      await this.#leases.flush();
      this.#checkHealth();
      return this.#end;
    } finally {
      await this.#claiming;
      await Promise.all(this.#underWay);
      await this.#options.limiter?.flush();
      await this.#leases.close();
    }
  }

  #checkHealth(): void {
    const failure = this.#broken ?? this.#leases.failure;
    if (failure !== undefined) throw failure;
  }

  /** Fetches more items beside the calls, unless enough are waiting or there were none a moment ago. */
  #claimWhenLow(): void {
    const isLow = this.#ready.length <= LOW_WATER * this.#options.concurrency.limit;
    if (!isLow || this.#claiming !== undefined || performance.now() < this.#nextClaimMs) return;
    this.#claiming = this.#claim()
      .catch((failure: unknown) => {
        this.#broken ??= failure;
      })
      .finally(() => {
        this.#claiming = undefined;
      });
  }

  /** Items whose answers the store has by now are finished at once. */
  async #claim(): Promise<void> {
    const { store, job, concurrency } = this.#options;
    const items = await this.#leases.claim(Math.min(LARGEST_CLAIM, concurrency.limit));
    if (items.length === 0) {
      this.#nextClaimMs = performance.now() + POLL_MS;
      return;
    }
    const parsed = items.map((item) => ({ item, ...parseItem(item) }));
    const keyed = parsed.map((part) => ({ ...part, key: keyOf(job, part.promptKey, part.seedIndex) }));
    const existing = await store.existing(
      "responses",
      keyed.map(({ key }) => key),
    );
    const prompts = new Map<string, PromptRow>();
    const promptKeys = [...new Set(parsed.map(({ promptKey }) => promptKey))];
    for await (const row of store.prompts({ keys: promptKeys })) prompts.set(row.key, row);
    for (const { item, key, promptKey } of keyed) {
      const prompt = prompts.get(promptKey);
      if (existing.has(key)) this.#leases.finish({ item });
      // A prompt that was taken out of the store since needs no answers.
      else if (prompt === undefined) this.#leases.finish({ item, isFailed: true });
      else this.#ready.push({ item, prompt });
    }
  }

  async #isSettled(): Promise<boolean> {
    await this.#leases.flush();
    const { open, leased } = await this.#options.store.work.progress(this.#options.job.name);
    return open + leased === 0;
  }

  /** Begins the call of the next item as soon as concurrency and budget allow one. */
  async #startNext(): Promise<void> {
    const { concurrency, budget, signal } = this.#options;
    const next = this.#ready.shift();
    if (next === undefined) return;
    const slot = await concurrency.acquire();
    const reservation = await budget.reserve(this.#expected(next.prompt));
    const lease = this.#leases.signalOf(next.item);
    if (reservation === undefined) this.#end ??= "budget";
    else if (signal.aborted) this.#end ??= "interrupted";
    if (reservation === undefined || this.#end !== undefined || lease === undefined) {
      reservation?.settle({ usd: 0, tokens: 0 });
      slot.release(false);
      return;
    }
    const call: Promise<void> = this.#call(next, slot, reservation, lease)
      .catch((failure: unknown) => {
        this.#broken ??= failure;
      })
      .finally(() => this.#underWay.delete(call));
    this.#underWay.add(call);
  }

  /** The most that an answer may cost, or what one usually costs where nothing limits it. */
  #expected(prompt: PromptRow): Spending {
    const { parameters, model } = this.#options.job;
    const limit = parameters.max_completion_tokens ?? parameters.max_tokens;
    const { answers, completionTokens } = this.tally;
    const usual = answers === 0 ? USUAL_ANSWER_TOKENS : Math.ceil(completionTokens / answers);
    const answerTokens = typeof limit === "number" ? limit : usual;
    const promptTokens = estimateTokens(turnsOf(prompt).map(turnText).join("\n"));
    return {
      usd: costUsd(model.pricing, promptTokens, answerTokens),
      tokens: promptTokens + answerTokens,
    };
  }

  async #call(
    { item, prompt }: Ready,
    slot: Slot,
    reservation: Reservation,
    lease: AbortSignal,
  ): Promise<void> {
    const { job } = this.#options;
    const sample = parseItem(item);
    let outcome: Outcome | undefined;
    let latencyMs: number | undefined;
    try {
      const asked = await this.#ask(prompt, seedOf(job, sample), slot, lease);
      outcome = asked.outcome;
      latencyMs = asked.latencyMs;
      this.#failuresInARow = 0;
    } catch (failure) {
      if (lease.aborted || failure === this.#options.signal.reason) return;
      if (!TuttiError.is(failure)) throw failure;
      outcome = this.#afterFailure(failure, slot);
    } finally {
      slot.release(outcome !== undefined && outcome.status !== "error");
      const { costUsd: usd = 0, promptTokens = 0, completionTokens = 0 } = outcome ?? {};
      reservation.settle({ usd, tokens: promptTokens + completionTokens });
    }
    // A hopeless failure says nothing of the item: it stays open for a later run.
    if (outcome === undefined) return;
    this.tally.addOutcome(outcome);
    const row = {
      ...rowBase(job, sample, new Date().toISOString()),
      ...outcome,
      ...(latencyMs !== undefined && { latencyMs }),
    };
    this.#leases.finish({ item, responses: [row], isFailed: outcome.status === "error" });
  }

  async #ask(
    prompt: PromptRow,
    seed: number,
    slot: Slot,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: Outcome; readonly latencyMs: number }> {
    const { limiter, signal: interruption } = this.#options;
    const { model, parameters } = this.#options.job;
    const messages = turnsOf(prompt);
    let startedMs = performance.now();
    let isFirst = true;
    const answer = await model.upstream.chat(
      {
        messages,
        parameters: { ...parameters, ...(model.supportsSeed !== false && { seed }) },
      },
      {
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
      },
    );
    const latencyMs = performance.now() - startedMs;
    return { outcome: outcomeOf(answer, messages, model.pricing), latencyMs };
  }

  /** The outcome of a call that failed for good; undefined when the whole job is hopeless. */
  #afterFailure(failure: TuttiError, slot: Slot): Outcome | undefined {
    this.tally.addFailure(failure);
    if (isOverload(failure)) slot.overloaded();
    this.#failuresInARow++;
    if (isHopeless(failure) || this.#failuresInARow >= MOST_FAILURES_IN_A_ROW) {
      this.#end ??= failure;
      return undefined;
    }
    return failedOutcome(failure);
  }
}

const turnsOf = ({ messages }: PromptRow): ChatTurn[] =>
  messages.map(({ role, content }) => ({ role, content }));
