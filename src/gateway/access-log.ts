/** One log line per request: who was asked, who answered, how long it took and what it cost. Never what was said. */
import type { Logger } from "../support/logger.ts";
import type { Clock } from "./clock.ts";

/** Fields of the `request` event. Those that do not apply to a request are left out. */
export interface AccessFields {
  requestedModel?: string;
  model?: string;
  decisionId?: string;
  router?: string | null;
  reason?: string;
  routingMs?: number;
  isStream?: boolean;
  promptTokens?: number | null;
  completionTokens?: number | null;
  usageSource?: string | null;
  costUsd?: number | null;
  errorCode?: string;
}

const LONGEST_FIELD_CHARACTERS = 200;

/** Gathers the fields of one request and writes its line exactly once. */
export class AccessEntry {
  readonly requestId: string;
  readonly fields: AccessFields = {};
  /** Set by a route whose answer goes on after the handler has returned. */
  isStreaming = false;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #startedMs: number;
  readonly #request: { readonly method: string; readonly path: string };
  #isWritten = false;

  constructor(
    requestId: string,
    request: { readonly method: string; readonly path: string },
    clock: Clock,
    logger: Logger,
  ) {
    this.requestId = requestId;
    this.#request = request;
    this.#clock = clock;
    this.#logger = logger;
    this.#startedMs = clock.monotonicMs();
  }

  get elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#startedMs;
  }

  write(status: number): void {
    if (this.#isWritten) return;
    this.#isWritten = true;
    const { method, path } = this.#request;
    const fields = {
      requestId: this.requestId,
      method,
      path,
      status,
      latencyMs: this.elapsedMs,
      ...this.fields,
    };
    this.#logger.info(
      "request",
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shortened(value)])),
    );
  }
}

/** Path and model name come from the client and may be anything. */
function shortened(value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 1e9) / 1e9;
  if (typeof value !== "string" || value.length <= LONGEST_FIELD_CHARACTERS) return value;
  return `${value.slice(0, LONGEST_FIELD_CHARACTERS)}...`;
}
