/** Decisions of the recent past, in memory, oldest first out. */
import type { UsageSource } from "../pool/index.ts";
import type { Decision } from "./decide.ts";

/** How the answer went. Costs and tokens are null until they are known. */
export interface DecisionOutcome {
  readonly status: "pending" | "completed" | "failed" | "aborted";
  readonly httpStatus: number | null;
  /** Code of the failure, if there was one. */
  readonly errorCode: string | null;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly usageSource: UsageSource | null;
  /** Real tokens times the price of the model. */
  readonly costUsd: number | null;
  readonly latencyMs: number | null;
}

export interface DecisionRecord {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** As the client wrote it: `tutti/auto` or a model of the pool. */
  readonly requestedModel: string;
  readonly decision: Decision;
  readonly outcome: DecisionOutcome;
}

export const PENDING: DecisionOutcome = {
  status: "pending",
  httpStatus: null,
  errorCode: null,
  promptTokens: null,
  completionTokens: null,
  usageSource: null,
  costUsd: null,
  latencyMs: null,
};

/** Keeps the last `capacity` decisions; an older one is forgotten when a new one comes. */
export class DecisionStore {
  readonly capacity: number;
  readonly #records = new Map<string, DecisionRecord>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#records.size;
  }

  add(record: DecisionRecord): void {
    this.#records.set(record.id, record);
    if (this.#records.size <= this.capacity) return;
    const [oldest] = this.#records.keys();
    if (oldest !== undefined) this.#records.delete(oldest);
  }

  get(id: string): DecisionRecord | undefined {
    return this.#records.get(id);
  }

  /** Does nothing when the decision has been forgotten meanwhile. */
  complete(id: string, outcome: DecisionOutcome): void {
    const record = this.#records.get(id);
    if (record !== undefined) this.#records.set(id, { ...record, outcome });
  }
}
