/** Works on a judging job until nothing is left of it, as one of possibly many processes that do. */
import { setTimeout as wait } from "node:timers/promises";
import type { JudgedStore, PromptRow, ResponseRow } from "../../judged/index.ts";
import { isOverload, type JobEnd } from "../../pool/index.ts";
import type { AdaptiveConcurrency, Slot } from "../../pool/sampling/adaptive-concurrency.ts";
import type { Budget, Reservation } from "../../pool/sampling/budget.ts";
import { Leases } from "../../pool/sampling/leases.ts";
import { isHopeless } from "../../pool/sampling/outcome.ts";
import { TuttiError } from "../../support/errors.ts";
import { createBreather } from "../../support/event-loop.ts";
import type { Verdict } from "../judge.ts";
import { type Assessed, collected, isPairJudge, type JudgingJob, keyOf, parseItem, rowOf } from "./plan.ts";
import { Tally } from "./tally.ts";

export interface JudgingWorkerOptions {
  readonly store: JudgedStore;
  readonly job: JudgingJob;
  /** Unique among all processes. */
  readonly worker: string;
  readonly leaseMs: number;
  readonly concurrency: AdaptiveConcurrency;
  readonly budget: Budget;
  /** Nothing is begun after it aborts; what is under way is waited for. */
  readonly signal: AbortSignal;
}

/** Items fetched ahead: enough that fetching is rare beside verdicts that take a millisecond. */
const LEAST_CLAIM = 64;
const LARGEST_CLAIM = 256;
const CLAIM_AHEAD = 2;
/** Between looks at a queue whose items are all with other workers. */
const POLL_MS = 500;
/** A judge that fails as often in a row, whatever it is asked, fails for good. */
const MOST_FAILURES_IN_A_ROW = 20;

interface Ready {
  readonly item: string;
  readonly prompt: PromptRow;
  readonly answers: Assessed;
}

export class JudgingWorker {
  readonly tally = new Tally();
  readonly #options: JudgingWorkerOptions;
  readonly #leases: Leases;
  readonly #breathe = createBreather();
  #ready: Ready[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #failuresInARow = 0;
  #end: JobEnd | undefined;
  /** A failure of ours or of the store, not of the judge. */
  #broken: unknown;

  constructor(options: JudgingWorkerOptions) {
    this.#options = options;
    const { store, worker, leaseMs, job } = options;
    this.#leases = new Leases({ store, job: job.name, worker, leaseMs });
  }

  /** @throws what the store throws; failures of the judge are counted, or end the job and are returned */
  async run(): Promise<JobEnd> {
    try {
      while (this.#end === undefined) {
        // Verifiers and SQLite never wait for anything: without this no timer would run, and no Ctrl-C be heard.
        await this.#breathe();
        this.#checkHealth();
        if (this.#options.signal.aborted) this.#end = "interrupted";
        else if (this.#ready.length > 0 || (await this.#claim())) await this.#startNext();
        else if (this.#underWay.size > 0) await Promise.race(this.#underWay);
        else if (await this.#isSettled()) this.#end = "done";
        else await wait(POLL_MS);
      }
      await Promise.all(this.#underWay);
      await this.#leases.flush();
      this.#checkHealth();
      return this.#end;
    } finally {
      await Promise.all(this.#underWay);
      await this.#leases.close();
    }
  }

  #checkHealth(): void {
    const failure = this.#broken ?? this.#leases.failure;
    if (failure !== undefined) throw failure;
  }

  /** Fetches items with their rows; those that have their verdict by now are finished at once. */
  async #claim(): Promise<boolean> {
    const { store, job, concurrency } = this.#options;
    const limit = Math.min(LARGEST_CLAIM, Math.max(LEAST_CLAIM, CLAIM_AHEAD * concurrency.limit));
    const items = await this.#leases.claim(limit);
    if (items.length === 0) return false;
    const keyed = items.map((item) => ({ item, key: keyOf(job, parseItem(item)) }));
    const existing = await store.existing(
      "judgements",
      keyed.map(({ key }) => key),
    );
    const responseKeys = [...new Set(items.flatMap(parseItem))];
    const responses = byKey(await collected(store.responses({ keys: responseKeys })));
    const promptKeys = [...new Set([...responses.values()].map(({ promptKey }) => promptKey))];
    const prompts = byKey(await collected(store.prompts({ keys: promptKeys })));
    for (const { item, key } of keyed) {
      const answers = parseItem(item).flatMap((one) => responses.get(one) ?? []) as ResponseRow[];
      const prompt = prompts.get(answers[0]?.promptKey ?? "");
      if (existing.has(key)) this.#leases.finish({ item });
      // Rows that were taken out of the store since need no verdict.
      else if (prompt === undefined || answers.length < parseItem(item).length) {
        this.#leases.finish({ item, isFailed: true });
      } else this.#ready.push({ item, prompt, answers: answers as unknown as Assessed });
    }
    return true;
  }

  async #isSettled(): Promise<boolean> {
    await this.#leases.flush();
    const { open, leased } = await this.#options.store.work.progress(this.#options.job.name);
    return open + leased === 0;
  }

  /** Begins the next item as soon as concurrency and budget allow one. */
  async #startNext(): Promise<void> {
    const { concurrency, budget, signal, job } = this.#options;
    const next = this.#ready.shift();
    if (next === undefined) return;
    const slot = await concurrency.acquire();
    const most = job.judge.mostSpent?.(next.prompt, next.answers) ?? { usd: 0, tokens: 0 };
    const reservation = await budget.reserve(most);
    const lease = this.#leases.signalOf(next.item);
    if (reservation === undefined) this.#end ??= "budget";
    else if (signal.aborted) this.#end ??= "interrupted";
    if (reservation === undefined || this.#end !== undefined || lease === undefined) {
      reservation?.settle({ usd: 0, tokens: 0 });
      slot.release(false);
      return;
    }
    const work: Promise<void> = this.#judge(next, slot, reservation, lease)
      .catch((failure: unknown) => {
        this.#broken ??= failure;
      })
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async #judge(next: Ready, slot: Slot, reservation: Reservation, lease: AbortSignal): Promise<void> {
    const { job } = this.#options;
    let verdict: Verdict | undefined;
    try {
      verdict = await this.#verdictOn(next, lease);
      this.#failuresInARow = 0;
    } catch (failure) {
      if (lease.aborted) return;
      if (!TuttiError.is(failure)) throw failure;
      if (isOverload(failure)) slot.overloaded();
      // A hopeless failure says nothing of the item: it stays open for a later run.
      if (this.#endsJob(failure)) this.#end ??= failure;
      else this.#leases.finish({ item: next.item, isFailed: true });
      return;
    } finally {
      slot.release(verdict !== undefined);
      reservation.settle({ usd: verdict?.costUsd ?? 0, tokens: verdict?.tokens ?? 0 });
    }
    this.tally.addVerdict(next.answers, verdict);
    const row = rowOf(job, next.item, verdict, new Date().toISOString());
    this.#leases.finish({ item: next.item, judgements: [row] });
  }

  async #verdictOn({ prompt, answers: [first, second] }: Ready, signal: AbortSignal): Promise<Verdict> {
    const { judge } = this.#options.job;
    return isPairJudge(judge)
      ? await judge.compare(prompt, first, second!, { signal })
      : await judge.judge(prompt, first, { signal });
  }

  /** What is wrong with a prompt's reference is no sign of a judge that fails. */
  #endsJob(failure: TuttiError): boolean {
    this.tally.addFailure(failure);
    if (failure.code === "JUDGE_INVALID") return false;
    this.#failuresInARow++;
    return isHopeless(failure) || this.#failuresInARow >= MOST_FAILURES_IN_A_ROW;
  }
}

function byKey<Row extends { readonly key: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.key, row]));
}
