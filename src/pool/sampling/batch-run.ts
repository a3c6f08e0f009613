/** One batch of a sampling job, from the plan to its answers. Every step can be taken again by a process that finds it half done. */
import type { FinishedItem, JudgedStore, OpenBatch } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { ModelPricing } from "../pricing.ts";
import { isRetryable } from "../retries.ts";
import type { BatchEndpoint, BatchRequest, BatchResult, ChatTurn } from "../upstream.ts";
import { failedOutcome, outcomeOf } from "./outcome.ts";
import { keyOf, parseItem, rowBase, type SamplingJob } from "./plan.ts";
import { type Asked, readItems, requestOf, turnsOf } from "./requests.ts";
import type { Tally } from "./tally.ts";

export interface BatchSetting {
  readonly store: JudgedStore;
  readonly job: SamplingJob;
  readonly endpoint: BatchEndpoint;
  /** What the provider takes for batches. */
  readonly pricing: ModelPricing;
  readonly tally: Tally;
  /** How long after it was asked a provider may still take a batch. */
  readonly graceMs: number;
}

/** Answers written in one transaction. */
const GROUP = 256;

export class BatchRun {
  readonly #setting: BatchSetting;
  readonly #batch: OpenBatch;
  readonly #stop = new AbortController();
  #providerName: string | undefined;
  #askedMs: number | undefined;
  #hasCancelled = false;
  #isSettled = false;
  #done = 0;
  #total: number;

  constructor(setting: BatchSetting, batch: OpenBatch) {
    this.#setting = setting;
    this.#batch = batch;
    this.#providerName = batch.providerName;
    this.#askedMs = batch.askedMs;
    this.#total = batch.items.length;
  }

  get name(): string {
    return this.#batch.name;
  }

  /** Nothing is left to do. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** As the provider last said. */
  get counts(): { readonly done: number; readonly total: number } {
    return { done: this.#done, total: this.#total };
  }

  /** Ends what is under way, because another process has the batch now. */
  abandon(): void {
    this.#stop.abort(new Error(`batch ${this.name} was taken over`));
  }

  /**
   * Does what can be done now. Returns whether the batch is settled: every item is finished, or open for another batch.
   *
   * @throws {TuttiError} UPSTREAM_*; the batch stays as it is, unless it is of no use to keep it
   */
  async step(isCancelling: boolean): Promise<boolean> {
    const { endpoint } = this.#setting;
    const { signal } = this.#stop;
    if (this.#batch.items.length === 0) return await this.#settle([]);
    if (this.#providerName === undefined && !(await this.#submitOrFind(isCancelling))) return false;
    if (this.#providerName === undefined) return this.#isSettled;
    const { status, done, total, problem } = await endpoint.state(this.#providerName, signal);
    if (total > 0) [this.#done, this.#total] = [done, total];
    if (status === "ended") return await this.#collect(isCancelling);
    if (status === "failed") {
      await this.#settle(this.#batch.items);
      throw this.#useless(`the provider refused a batch: ${problem ?? "it gives no reason"}`);
    }
    if (isCancelling && !this.#hasCancelled) {
      await endpoint.cancel(this.#providerName, signal);
      this.#hasCancelled = true;
    }
    return false;
  }

  /** Returns false while it is not known whether the provider has the batch. */
  async #submitOrFind(isCancelling: boolean): Promise<boolean> {
    if (this.#askedMs !== undefined) {
      const found = await this.#find(this.#askedMs);
      if (found === "unsure") return false;
      if (found !== "none") {
        await this.#setting.store.batches.taken(this.name, found.providerName);
        this.#providerName = found.providerName;
        return true;
      }
    }
    if (isCancelling) await this.#settle(this.#batch.items);
    else await this.#submit();
    return true;
  }

  async #find(askedMs: number): Promise<{ readonly providerName: string } | "none" | "unsure"> {
    const { store, endpoint, graceMs } = this.#setting;
    if ((await store.batches.nowMs()) < askedMs + graceMs) return "unsure";
    const ids = new Set(this.#batch.items.map((item) => this.#idOf(item)));
    const known = await store.batches.providerNames();
    const { name, requests } = this.#batch;
    return await endpoint.find({ name, requests, askedMs, ids, known }, this.#stop.signal);
  }

  async #submit(): Promise<void> {
    const { store, job, endpoint } = this.#setting;
    const { ready, settled } = await readItems(store, job, this.#batch.items);
    await store.work.finish(job.name, this.name, settled);
    const requests = ready.map((asked) => batchRequest(job, asked));
    await store.batches.asking(this.name, requests.length);
    this.#askedMs = await store.batches.nowMs();
    try {
      this.#providerName = await endpoint.submit(this.name, requests, this.#stop.signal);
    } catch (failure) {
      // After anything but a plain no the provider may have it all the same: it is looked for before it is asked again.
      if (TuttiError.is(failure) && !isRetryable(failure)) await this.#settle(this.#batch.items);
      throw failure;
    }
    await store.batches.taken(this.name, this.#providerName);
  }

  /** Writes the answers; requests that have none, for no fault of their own, are open again. */
  async #collect(isCancelling: boolean): Promise<boolean> {
    const { endpoint } = this.#setting;
    const left = new Map(this.#batch.items.map((item) => [this.#idOf(item), item]));
    const wanted = left.size;
    let group: (BatchResult & { readonly item: string })[] = [];
    let failure: TuttiError | undefined;
    for await (const result of endpoint.results(this.#providerName!, this.#stop.signal)) {
      const item = left.get(result.id);
      if (item === undefined) continue;
      if ("failure" in result) {
        this.#setting.tally.addFailure(result.failure);
        failure ??= result.failure;
        if (!result.isFinal) continue;
      }
      left.delete(result.id);
      group.push({ ...result, item });
      if (group.length < GROUP) continue;
      await this.#write(group);
      group = [];
    }
    await this.#write(group);
    await this.#settle([...left.values()]);
    // Another batch of the same would go the same way.
    if (left.size === wanted && !isCancelling) {
      throw this.#useless(`a batch of ${wanted} requests brought no answer`, failure);
    }
    return true;
  }

  async #write(group: readonly (BatchResult & { readonly item: string })[]): Promise<void> {
    if (group.length === 0) return;
    const { store, job, pricing, tally } = this.#setting;
    const promptKeys = [...new Set(group.map(({ item }) => parseItem(item).promptKey))];
    const turns = new Map<string, ChatTurn[]>();
    for await (const prompt of store.prompts({ keys: promptKeys })) turns.set(prompt.key, turnsOf(prompt));
    const createdAt = new Date().toISOString();
    const finished: FinishedItem[] = group.map((result) => {
      const sample = parseItem(result.item);
      const outcome =
        "failure" in result
          ? failedOutcome(result.failure)
          : outcomeOf(result.answer, turns.get(sample.promptKey) ?? [], pricing);
      tally.addOutcome(outcome);
      const responses = [{ ...rowBase(job, sample, createdAt), ...outcome }];
      return { item: result.item, responses, isFailed: outcome.status === "error" };
    });
    this.#stop.signal.throwIfAborted();
    await store.work.finish(job.name, this.name, finished);
  }

  async #settle(open: readonly string[]): Promise<true> {
    const { store, job } = this.#setting;
    if (open.length > 0) await store.work.release(job.name, this.name, open);
    this.#isSettled = true;
    await store.batches.settle(this.name);
    return true;
  }

  #idOf(item: string): string {
    const { promptKey, seedIndex } = parseItem(item);
    return keyOf(this.#setting.job, promptKey, seedIndex);
  }

  #useless(what: string, cause?: TuttiError): TuttiError {
    const model = this.#setting.job.model.name;
    const said = cause === undefined ? "" : `: ${cause.message}`;
    return new TuttiError("UPSTREAM_FAILED", `model "${model}": ${what}${said}`, {
      cause,
      details: { model, batch: this.#providerName ?? this.name, isRetryable: false },
      hint: "see the batch at the provider; the same command asks again what is missing",
    });
  }
}

export function batchRequest(job: SamplingJob, asked: Asked): BatchRequest {
  const { promptKey, seedIndex } = parseItem(asked.item);
  return { id: keyOf(job, promptKey, seedIndex), request: requestOf(job, asked) };
}
