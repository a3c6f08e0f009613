/** Samples the answers of one model's job. */
import type { PromptRow, Spending } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { costUsd, estimateTokens } from "../pricing.ts";
import { isOverload } from "../retries.ts";
import { type ChatTurn, turnText } from "../upstream.ts";
import type { Slot } from "./adaptive-concurrency.ts";
import { failedOutcome, type Outcome, outcomeOf } from "./outcome.ts";
import { keyOf, parseItem, rowBase, type SamplingJob, seedOf } from "./plan.ts";
import { type QueueOptions, QueueWorker, type ReadyItem } from "./queue-worker.ts";
import type { SharedLimiter } from "./shared-limiter.ts";
import { Tally } from "./tally.ts";

export interface JobWorkerOptions extends QueueOptions {
  readonly job: SamplingJob;
  /** Absent where the model has no limits a minute. */
  readonly limiter?: SharedLimiter | undefined;
}

/** Expected of an answer before any is known, where nothing limits it. */
const USUAL_ANSWER_TOKENS = 1024;

interface Ready extends ReadyItem {
  readonly prompt: PromptRow;
}

export class JobWorker extends QueueWorker<Ready> {
  readonly tally: Tally;
  readonly #options: JobWorkerOptions;

  constructor(options: JobWorkerOptions) {
    super(options);
    this.#options = options;
    this.tally = new Tally(options.job.model.name, options.job.name);
  }

  /** Items whose answers the store has by now are finished at once. */
  protected override async read(items: readonly string[]): Promise<readonly Ready[]> {
    const { store, job } = this.#options;
    const parsed = items.map((item) => ({ item, ...parseItem(item) }));
    const keyed = parsed.map((part) => ({ ...part, key: keyOf(job, part.promptKey, part.seedIndex) }));
    const existing = await store.existing(
      "responses",
      keyed.map(({ key }) => key),
    );
    const prompts = new Map<string, PromptRow>();
    const promptKeys = [...new Set(parsed.map(({ promptKey }) => promptKey))];
    for await (const row of store.prompts({ keys: promptKeys })) prompts.set(row.key, row);
    const ready: Ready[] = [];
    for (const { item, key, promptKey } of keyed) {
      const prompt = prompts.get(promptKey);
      if (existing.has(key)) this.leases.finish({ item });
      // A prompt that was taken out of the store since needs no answers.
      else if (prompt === undefined) this.leases.finish({ item, isFailed: true });
      else ready.push({ item, prompt });
    }
    return ready;
  }

  protected override async beforeClose(): Promise<void> {
    await this.#options.limiter?.flush();
  }

  /** The most that an answer may cost, or what one usually costs where nothing limits it. */
  protected override expected({ prompt }: Ready): Spending {
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

  protected override async work({ item, prompt }: Ready, slot: Slot, lease: AbortSignal): Promise<void> {
    const { job } = this.#options;
    const sample = parseItem(item);
    let outcome: Outcome | undefined;
    let latencyMs: number | undefined;
    try {
      const asked = await this.#ask(prompt, seedOf(job, sample), slot, lease);
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
    return this.endsJob(failure) ? undefined : failedOutcome(failure);
  }
}

const turnsOf = ({ messages }: PromptRow): ChatTurn[] =>
  messages.map(({ role, content }) => ({ role, content }));
