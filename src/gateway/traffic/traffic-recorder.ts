/** Keeps answered requests in a store, beside the answers' way to the client: requests neither wait for it nor fail with it. */
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { RowSet } from "../../judged/index.ts";
import type { Pool } from "../../pool/index.ts";
import { type ResponseIdentity, responseIdentity } from "../../pool/model-identity.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { type Logger, silentLogger } from "../../support/logger.ts";
import type { Feedback, KeptFeedback } from "./messages.ts";
import { type AnsweredRequest, trafficRows } from "./traffic-rows.ts";
import { WriterProcess } from "./writer-process.ts";

/** Where answered requests go. */
export interface TrafficSink {
  /** Returns at once and never throws. */
  record(answered: AnsweredRequest): void;
  /** Keeps what somebody thinks of a recorded answer. @throws {TuttiError} see `keepFeedback`; STORE_FAILED, also after 10 s */
  judge(feedback: Feedback): Promise<KeptFeedback>;
}

export interface TrafficRecorderOptions {
  /** Address of the store. */
  readonly store: string;
  readonly pool: Pool;
  /** Gets `traffic-not-written` and `traffic-dropped`, with counts and what the store said. */
  readonly logger?: Logger;
  /** Text that waits to be written at most; what comes beyond it is dropped and counted. @default 64 MiB */
  readonly maxWaitingBytes?: number;
}

export interface TrafficCounts {
  readonly written: number;
  readonly waiting: number;
  /** Requests that the store has no form for. */
  readonly leftOut: number;
  /** Given up because the store could not keep up, or refused the rows. */
  readonly dropped: number;
}

const MAX_WAITING_BYTES = 64 * 2 ** 20;
const ROWS_AT_A_TIME = 200;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const CLOSE_MS = 5_000;
const FEEDBACK_MS = 10_000;

interface Waiting {
  readonly rows: RowSet;
  readonly bytes: number;
}

export class TrafficRecorder implements TrafficSink {
  readonly #options: TrafficRecorderOptions;
  readonly #logger: Logger;
  readonly #identities: ReadonlyMap<string, ResponseIdentity>;
  #writer: WriterProcess;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  readonly #closing = new AbortController();
  #written = 0;
  #leftOut = 0;
  #dropped = 0;

  private constructor(
    options: TrafficRecorderOptions,
    writer: WriterProcess,
    identities: ReadonlyMap<string, ResponseIdentity>,
  ) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#writer = writer;
    this.#identities = identities;
  }

  /** @throws {TuttiError} STORE_FAILED when the store cannot be opened; local models are hashed, which takes a while */
  static async open(options: TrafficRecorderOptions): Promise<TrafficRecorder> {
    const writer = new WriterProcess();
    try {
      await writer.ask({ kind: "open", store: options.store });
      const identities = new Map<string, ResponseIdentity>();
      for (const model of options.pool.models) identities.set(model.name, await responseIdentity(model));
      return new TrafficRecorder(options, writer, identities);
    } catch (failure) {
      await writer.close(CLOSE_MS);
      throw failure;
    }
  }

  get counts(): TrafficCounts {
    const [written, leftOut, dropped] = [this.#written, this.#leftOut, this.#dropped];
    return { written, waiting: this.#waiting.length, leftOut, dropped };
  }

  record(answered: AnsweredRequest): void {
    // Once the answer is on its way.
    setImmediate(() => this.#take(answered));
  }

  async judge(feedback: Feedback): Promise<KeptFeedback> {
    const late = new AbortController();
    const limit = wait(FEEDBACK_MS, undefined, { signal: late.signal, ref: false }).then((): never => {
      throw new TuttiError("STORE_FAILED", `the store has not taken the feedback within ${FEEDBACK_MS} ms`, {
        hint: "send it again later: said twice it counts once",
      });
    });
    try {
      return await Promise.race([this.#judge(feedback), limit]);
    } finally {
      late.abort();
      limit.catch(() => undefined);
    }
  }

  /** The answer itself may still wait to be written. */
  async #judge(feedback: Feedback): Promise<KeptFeedback> {
    await nextTurn();
    await this.#writing;
    await this.#reopen();
    return (await this.#writer.ask({ kind: "judge", feedback }))!;
  }

  #take(answered: AnsweredRequest): void {
    try {
      const identity = this.#identities.get(answered.model.name);
      const rows = identity && trafficRows(answered, identity);
      if (rows === undefined) {
        this.#leftOut++;
        return;
      }
      const bytes = JSON.stringify(rows).length;
      if (this.#waitingBytes + bytes > (this.#options.maxWaitingBytes ?? MAX_WAITING_BYTES)) {
        this.#drop();
        return;
      }
      this.#waiting.push({ rows, bytes });
      this.#waitingBytes += bytes;
      this.#writing ??= this.#write();
    } catch (failure) {
      this.#leftOut++;
      this.#logger.error("traffic-not-written", { message: messageOf(failure) });
    }
  }

  /** Told at the first, and then ever more rarely. */
  #drop(): void {
    if (!Number.isInteger(Math.log2(++this.#dropped))) return;
    this.#logger.warn("traffic-dropped", { dropped: this.#dropped, waiting: this.#waiting.length });
  }

  /** Writes what waits, for up to 5 s. */
  async close(): Promise<TrafficCounts> {
    await nextTurn();
    this.#closing.abort();
    const timer = setTimeout(() => void this.#writer.close(0), CLOSE_MS);
    await this.#writing;
    clearTimeout(timer);
    await this.#writer.close(CLOSE_MS);
    return this.counts;
  }

  async #write(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    let size = ROWS_AT_A_TIME;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.slice(0, size);
      try {
        await this.#writeGroup(group.map(({ rows }) => rows));
        this.#written += group.length;
        this.#settle(group.length);
        [pauseMs, size] = [FIRST_PAUSE_MS, ROWS_AT_A_TIME];
      } catch (failure) {
        const waiting = this.#waiting.length;
        this.#logger.error("traffic-not-written", { message: messageOf(failure), waiting });
        if (TuttiError.is(failure) && failure.code === "STORE_INVALID") {
          // One of the group is at fault: they are tried one by one, and that one is given up.
          if (group.length === 1) {
            this.#settle(1);
            this.#drop();
          }
          size = 1;
          continue;
        }
        if (this.#closing.signal.aborted) break;
        await wait(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
    this.#writing = undefined;
  }

  #settle(count: number): void {
    for (const { bytes } of this.#waiting.splice(0, count)) this.#waitingBytes -= bytes;
  }

  async #reopen(): Promise<void> {
    if (!this.#writer.isGone) return;
    this.#writer = new WriterProcess();
    await this.#writer.ask({ kind: "open", store: this.#options.store });
  }

  async #writeGroup(rows: readonly RowSet[]): Promise<void> {
    await this.#reopen();
    await this.#writer.ask({
      kind: "write",
      rows: {
        prompts: rows.flatMap(({ prompts = [] }) => prompts),
        responses: rows.flatMap(({ responses = [] }) => responses),
        selections: rows.flatMap(({ selections = [] }) => selections),
      },
    });
  }
}
