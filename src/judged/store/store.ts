/** What a store of judged responses can do, whichever database keeps it. */
import type { JudgedRecord } from "../record.ts";
import type { JudgementRow, PromptRow, ResponseRow, SelectionRow } from "./rows.ts";

/**
 * All given conditions hold; lists are alternatives. Rows come ordered by key. `keys` and `sources` are of the rows themselves,
 * whichever table is read; `domains` and `splits` are of the prompt that they belong to.
 */
export interface PromptFilter {
  readonly domains?: readonly string[];
  readonly splits?: readonly string[];
  readonly sources?: readonly string[];
  readonly keys?: readonly string[];
}

export interface ResponseFilter extends PromptFilter {
  readonly models?: readonly string[];
  readonly statuses?: readonly ResponseRow["status"][];
  readonly promptKeys?: readonly string[];
}

export interface JudgementFilter extends ResponseFilter {
  readonly judges?: readonly string[];
  readonly responseKeys?: readonly string[];
}

export interface RecordOptions {
  /** A judge's name, with `@VERSION` where the store has verdicts of several versions. */
  readonly judge: string;
  /** Default: all models that the judge scored, sorted. */
  readonly models?: readonly string[];
  readonly filter?: PromptFilter;
  /** Which answers count; every sample of a model is one of its samples, whatever its parameters. */
  readonly responses?: Pick<ResponseFilter, "sources" | "statuses">;
}

/** How many of the rows given were new; the others were there already and stay as they were. */
export interface PutResult {
  readonly inserted: number;
  readonly existing: number;
}

/** Rows of several tables that belong together. */
export interface RowSet {
  readonly prompts?: readonly PromptRow[];
  readonly responses?: readonly ResponseRow[];
  readonly judgements?: readonly JudgementRow[];
  readonly selections?: readonly SelectionRow[];
}

export interface StoreStats {
  readonly prompts: number;
  readonly responses: number;
  readonly judgements: number;
  readonly selections: number;
  /** Domain -> prompts, model -> responses, status -> responses, judge -> judgements. */
  readonly promptsByDomain: Readonly<Record<string, number>>;
  readonly responsesByModel: Readonly<Record<string, number>>;
  readonly responsesByStatus: Readonly<Record<string, number>>;
  readonly judgementsByJudge: Readonly<Record<string, number>>;
  readonly costUsd: number;
  readonly completionTokens: number;
}

/** State of one job's items. */
export interface JobProgress {
  readonly open: number;
  readonly leased: number;
  readonly done: number;
  readonly failed: number;
}

/** What may be spent. */
export interface BudgetLimits {
  readonly usd?: number | undefined;
  /** Of prompts and answers. */
  readonly tokens?: number | undefined;
}

export interface Spending {
  readonly usd: number;
  readonly tokens: number;
}

/** An item, and the most that the work on it may spend. */
export interface ItemReservation extends Spending {
  readonly item: string;
}

export interface Reserved {
  /** How many of the items have room within the limits, from the first on. */
  readonly granted: number;
  /** Items, of whichever process, that have a reservation now. */
  readonly open: number;
}

/** Rows that came of one finished item. */
export interface FinishedItem {
  readonly item: string;
  readonly responses?: readonly ResponseRow[];
  readonly judgements?: readonly JudgementRow[];
  /** The item is given up for good rather than done. */
  readonly isFailed?: boolean;
}

/**
 * Work shared by several processes. An item is leased to one worker until it is finished or the lease expires; then another
 * may take it. A worker that lost its lease cannot finish the item any more.
 */
export interface WorkQueue {
  /** Adds items that the job does not have yet; returns how many were new. */
  add(job: string, items: readonly string[]): Promise<number>;
  /** Leases up to `limit` open or expired items, in the order in which they were added. */
  claim(job: string, worker: string, limit: number, leaseMs: number): Promise<readonly string[]>;
  /** Prolongs the leases that the worker still holds; returns those items. */
  renew(job: string, worker: string, items: readonly string[], leaseMs: number): Promise<readonly string[]>;
  /**
   * Writes the rows and marks the items in one transaction. Items whose lease is lost are left out, their rows are not
   * written. Returns the items that were finished.
   */
  finish(job: string, worker: string, finished: readonly FinishedItem[]): Promise<readonly string[]>;
  /** Gives leased items back, as Ctrl-C does. */
  release(job: string, worker: string, items: readonly string[]): Promise<void>;
  /**
   * Reserves what work on leased items may spend, within limits that all workers of all the jobs share: what the jobs have spent
   * and what is reserved together. A reservation ends with the item's lease, however that ends.
   */
  reserve(
    held: { readonly job: string; readonly worker: string; readonly items: readonly ItemReservation[] },
    jobs: readonly string[],
    limits: BudgetLimits,
  ): Promise<Reserved>;
  /** What the rows that came of finished items of the jobs have cost, by whichever process. */
  spent(jobs: readonly string[]): Promise<Spending>;
  progress(job: string): Promise<JobProgress>;
  /** Opens the items of a job again that were given up; returns how many. */
  reopen(job: string): Promise<number>;
  /** Names of the jobs that have items, sorted. */
  jobs(): Promise<readonly string[]>;
}

/** A batch that is or may be with a provider. */
export interface OpenBatch {
  /** Ours; its items are leased to a worker of this name. */
  readonly name: string;
  readonly job: string;
  /** The provider's name of it; absent while it is not known whether the provider has it. */
  readonly providerName?: string;
  /** How many the provider was last asked, or is to be asked. */
  readonly requests: number;
  /** When the provider was last asked to take it, by the store's clock; absent before. */
  readonly askedMs?: number;
  /** Not finished yet, in the order of the queue. */
  readonly items: readonly string[];
}

/**
 * What is asked of providers in batches that outlive processes. The items of a batch are leased to the batch until it is settled,
 * whichever process looks after it; one process at a time does.
 */
export interface BatchLedger {
  /** Keeps the items that are leased to a worker of the batch's name for the batch, to be looked after by `keeper`. Returns those items. */
  plan(job: string, name: string, keeper: string, leaseMs: number): Promise<readonly string[]>;
  /** Takes the batches of a job that no living process looks after. */
  take(job: string, keeper: string, leaseMs: number): Promise<readonly OpenBatch[]>;
  /** Prolongs the leases that the process still holds; returns the names of those batches. */
  renew(keeper: string, leaseMs: number): Promise<readonly string[]>;
  /** Lets go of every batch, for other processes to take. */
  release(keeper: string): Promise<void>;
  /** Notes that the provider is about to be asked for so many answers. */
  asking(name: string, requests: number): Promise<void>;
  /** The provider has taken it. */
  taken(name: string, providerName: string): Promise<void>;
  /** Every item is finished or released. */
  settle(name: string): Promise<void>;
  /** Requests of the job's batches that are not settled, and how many batches they are in. */
  open(job: string): Promise<{ readonly batches: number; readonly requests: number }>;
  /** The provider's names of all batches there have been, of any job. */
  providerNames(): Promise<ReadonlySet<string>>;
  /** Milliseconds since 1970, by the clock that all processes share. */
  nowMs(): Promise<number>;
}

/** In any minute, of all processes together. */
export interface CallLimits {
  readonly callsPerMinute?: number | undefined;
  /** Of prompts and answers. */
  readonly tokensPerMinute?: number | undefined;
}

export interface LeaveTaken {
  /** Names what was taken, for corrections. */
  readonly grant: string;
  /** How many of the calls may begin now, from the first on. */
  readonly calls: number;
  /** Where none may: when the first could, if nothing changes. */
  readonly waitMs: number;
}

/** Limits of accounts that several processes share, counted by the clock that all of them share. */
export interface SharedLimits {
  /** Asks leave for calls that are expected to take so many tokens each. Leave is meant to be used at once. */
  take(account: string, callTokens: readonly number[], limits: CallLimits): Promise<LeaveTaken>;
  /** What calls took beyond (or, negative, below) what they were counted with. */
  correct(grant: string, tokens: number): Promise<void>;
}

export type StoreTable = "prompts" | "responses" | "judgements" | "selections";

/** Failures are `TuttiError`s with the codes STORE_*. Safe with several processes on one database. */
export interface JudgedStore {
  /** As given to openStore, without any password. */
  readonly url: string;
  readonly work: WorkQueue;
  readonly limits: SharedLimits;
  readonly batches: BatchLedger;
  putPrompts(rows: readonly PromptRow[]): Promise<PutResult>;
  putResponses(rows: readonly ResponseRow[]): Promise<PutResult>;
  putJudgements(rows: readonly JudgementRow[]): Promise<PutResult>;
  putSelections(rows: readonly SelectionRow[]): Promise<PutResult>;
  /** Puts rows of several tables in one transaction. */
  putAll(rows: RowSet): Promise<Readonly<Record<StoreTable, PutResult>>>;
  /** Which of the keys the table has; a response of status `error` counts as missing, and a new row replaces it. */
  existing(table: StoreTable, keys: readonly string[]): Promise<ReadonlySet<string>>;
  prompts(filter?: PromptFilter): AsyncIterable<PromptRow>;
  responses(filter?: ResponseFilter): AsyncIterable<ResponseRow>;
  judgements(filter?: JudgementFilter): AsyncIterable<JudgementRow>;
  selections(selector?: string): AsyncIterable<SelectionRow>;
  /**
   * Judged records for routers, in the order of the prompts' keys: the prompts where every named model has an answer that the judge
   * scored. Candidates come in the order of `models`.
   */
  records(options: RecordOptions): AsyncIterable<JudgedRecord>;
  /** Full-text search, best first. */
  searchPrompts(query: string, limit: number): Promise<readonly PromptRow[]>;
  /** Keys of the responses that a gateway served under a name: its decision's, or the completion's as the client got it. */
  served(name: string): Promise<readonly string[]>;
  stats(): Promise<StoreStats>;
  close(): Promise<void>;
}
