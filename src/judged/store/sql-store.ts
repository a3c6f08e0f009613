/** The store over SQL: the same statements for SQLite and PostgreSQL. */
import type { JudgedRecord } from "../record.ts";
import { SqlBatchLedger } from "./batch-ledger.ts";
import type { SqlDatabase } from "./database.ts";
import { Conditions, readRows, selectJudgements, selectPrompts, selectResponses } from "./filters.ts";
import { putRows } from "./put-rows.ts";
import { readRecords } from "./records.ts";
import type { JudgementRow, PromptRow, ResponseRow, SelectionRow } from "./rows.ts";
import { searchPrompts } from "./search.ts";
import { servedAnswers } from "./served-answers.ts";
import { SqlSharedLimits } from "./shared-limits.ts";
import { readStats } from "./stats.ts";
import type {
  BatchLedger,
  JudgedStore,
  JudgementFilter,
  PromptFilter,
  PutResult,
  RecordOptions,
  ResponseFilter,
  RowSet,
  SharedLimits,
  StoreStats,
  StoreTable,
  WorkQueue,
} from "./store.ts";
import { JUDGEMENTS, PROMPTS, RESPONSES, SELECTIONS, type StoreRow, type Table } from "./tables.ts";
import { SqlWorkQueue } from "./work-queue.ts";

const KEYS_AT_A_TIME = 1000;

export class SqlStore implements JudgedStore {
  readonly url: string;
  readonly work: WorkQueue;
  readonly limits: SharedLimits;
  readonly batches: BatchLedger;
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.url = database.url;
    this.work = new SqlWorkQueue(database);
    this.limits = new SqlSharedLimits(database);
    this.batches = new SqlBatchLedger(database);
  }

  #put<Row extends StoreRow>(table: Table<Row>, rows: readonly Row[]): Promise<PutResult> {
    return this.#database.transaction((session) => putRows(session, table, rows));
  }

  putPrompts(rows: readonly PromptRow[]): Promise<PutResult> {
    return this.#put(PROMPTS, rows);
  }

  putResponses(rows: readonly ResponseRow[]): Promise<PutResult> {
    return this.#put(RESPONSES, rows);
  }

  putJudgements(rows: readonly JudgementRow[]): Promise<PutResult> {
    return this.#put(JUDGEMENTS, rows);
  }

  putSelections(rows: readonly SelectionRow[]): Promise<PutResult> {
    return this.#put(SELECTIONS, rows);
  }

  putAll(rows: RowSet): Promise<Readonly<Record<StoreTable, PutResult>>> {
    return this.#database.transaction(async (session) => ({
      prompts: await putRows(session, PROMPTS, rows.prompts ?? []),
      responses: await putRows(session, RESPONSES, rows.responses ?? []),
      judgements: await putRows(session, JUDGEMENTS, rows.judgements ?? []),
      selections: await putRows(session, SELECTIONS, rows.selections ?? []),
    }));
  }

  async existing(table: StoreTable, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const condition = this.#database.dialect.anyOf("key", "$1");
    const settled = table === "responses" ? " AND status <> 'error'" : "";
    for (let start = 0; start < keys.length; start += KEYS_AT_A_TIME) {
      const some = keys.slice(start, start + KEYS_AT_A_TIME);
      const rows = await this.#database.rows(`SELECT key FROM ${table} WHERE ${condition}${settled}`, [some]);
      for (const { key } of rows) found.add(String(key));
    }
    return found;
  }

  prompts(filter: PromptFilter = {}): AsyncIterable<PromptRow> {
    const { dialect } = this.#database;
    return readRows(this.#database, dialect, PROMPTS, selectPrompts(dialect, filter), filter.keys);
  }

  responses(filter: ResponseFilter = {}): AsyncIterable<ResponseRow> {
    const { dialect } = this.#database;
    return readRows(this.#database, dialect, RESPONSES, selectResponses(dialect, filter), filter.keys);
  }

  judgements(filter: JudgementFilter = {}): AsyncIterable<JudgementRow> {
    const { dialect } = this.#database;
    return readRows(this.#database, dialect, JUDGEMENTS, selectJudgements(dialect, filter), filter.keys);
  }

  selections(selector?: string): AsyncIterable<SelectionRow> {
    const { dialect } = this.#database;
    const { conditions, values } = new Conditions(dialect).anyOf(
      "s.selector",
      selector === undefined ? undefined : [selector],
    );
    return readRows(this.#database, dialect, SELECTIONS, { from: "selections s", conditions, values });
  }

  records(options: RecordOptions): AsyncIterable<JudgedRecord> {
    return readRecords(this.#database, options);
  }

  searchPrompts(query: string, limit: number): Promise<readonly PromptRow[]> {
    return searchPrompts(this.#database, query, limit);
  }

  served(name: string): Promise<readonly string[]> {
    return servedAnswers(this.#database, this.#database.dialect.name, name);
  }

  stats(): Promise<StoreStats> {
    return readStats(this.#database);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
