/** One chat completion in flight: brings its outcome into the decision store and the access log, once. */
import { type ChatRequest, costUsd, type PoolModel, type Usage } from "../pool/index.ts";
import type { AccessEntry } from "./access-log.ts";
import type { DecisionOutcome, DecisionRecord, DecisionStore } from "./decision-store.ts";
import type { GatewayParts } from "./gateway-env.ts";
import type { LatencyMeter } from "./latency-meter.ts";
import type { TrafficSink } from "./traffic/traffic-recorder.ts";
import { errorCodeOf } from "./wire/error.ts";

/** Client closed the request: nobody sees this status but the log. */
export const CLIENT_CLOSED_STATUS = 499;

/** What was answered, once it was answered in full. */
export interface FullAnswer {
  /** As the client got it. */
  readonly completionId: string;
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly usage: Usage;
}

export interface ExchangeStart {
  readonly record: DecisionRecord;
  readonly model: PoolModel;
  readonly request: ChatRequest;
  /** Replaces the expected cost, charged when the model was chosen, by the real one. */
  readonly settleBudget: ((realUsd: number) => void) | undefined;
}

export class Exchange {
  readonly record: DecisionRecord;
  readonly model: PoolModel;
  readonly #request: ChatRequest;
  readonly #traffic: TrafficSink | undefined;
  readonly #access: AccessEntry;
  readonly #decisions: DecisionStore;
  readonly #latencies: LatencyMeter;
  readonly #settleBudget: ExchangeStart["settleBudget"];
  readonly #startedMs: number;
  #isSettled = false;

  constructor(
    { record, model, request, settleBudget }: ExchangeStart,
    access: AccessEntry,
    { decisions, latencies, traffic }: Pick<GatewayParts, "decisions" | "latencies" | "traffic">,
  ) {
    this.record = record;
    this.model = model;
    this.#request = request;
    this.#traffic = traffic;
    this.#access = access;
    this.#decisions = decisions;
    this.#latencies = latencies;
    this.#startedMs = access.elapsedMs;
    const { decision } = record;
    this.#settleBudget = settleBudget;
    Object.assign(access.fields, {
      model: decision.model,
      decisionId: record.id,
      router: decision.router,
      reason: decision.reason,
      routingMs: decision.routingMs,
    });
    decisions.add(record);
  }

  completed({ completionId, text, finishReason, usage }: FullAnswer): void {
    if (!this.#isSettled) {
      const { record, model } = this;
      const latencyMs = this.#access.elapsedMs - this.#startedMs;
      const completionTokens = usage.completion_tokens;
      if (completionTokens > 0 && usage.tutti_source !== "recorded") {
        this.#latencies.observe({ model: model.name, completionTokens, latencyMs });
      }
      const answer = { completionId, text, finishReason, usage, latencyMs };
      this.#traffic?.record({ record, model, request: this.#request, ...answer });
    }
    this.#settle({ status: "completed", httpStatus: 200, errorCode: null, ...this.#spent(usage) });
  }

  /** @param usage what was answered before the failure, if anything was */
  failed(thrown: unknown, httpStatus: number, usage?: Usage): void {
    const errorCode = errorCodeOf(thrown);
    this.#access.fields.errorCode = errorCode;
    this.#settle({ status: "failed", httpStatus, errorCode, ...this.#spent(usage) });
  }

  aborted(usage?: Usage): void {
    this.#access.fields.errorCode = "CLIENT_CLOSED";
    this.#settle({
      status: "aborted",
      httpStatus: CLIENT_CLOSED_STATUS,
      errorCode: "CLIENT_CLOSED",
      ...this.#spent(usage),
    });
  }

  #spent(usage: Usage | undefined) {
    if (usage === undefined)
      return { promptTokens: null, completionTokens: null, usageSource: null, costUsd: null };
    return {
      promptTokens: usage.prompt_tokens,
      completionTokens: usage.completion_tokens,
      usageSource: usage.tutti_source ?? "upstream",
      costUsd: costUsd(this.model.pricing, usage.prompt_tokens, usage.completion_tokens),
    };
  }

  #settle(outcome: Omit<DecisionOutcome, "latencyMs">): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#decisions.complete(this.record.id, { ...outcome, latencyMs: this.#access.elapsedMs });
    const { promptTokens, completionTokens, usageSource, costUsd: spentUsd } = outcome;
    // What an answer cost that nobody waited for is not known: its expected cost stays charged.
    if (spentUsd !== null || outcome.status !== "aborted") this.#settleBudget?.(spentUsd ?? 0);
    Object.assign(this.#access.fields, { promptTokens, completionTokens, usageSource, costUsd: spentUsd });
    // A stream's handler returned long ago; its line is written when the stream ends.
    if (this.#access.isStreaming) this.#access.write(outcome.httpStatus ?? 0);
  }
}
