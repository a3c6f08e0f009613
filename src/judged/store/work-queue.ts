/** The work queue in the store's own database, so that an item and its rows are finished in one transaction. */
import type { SqlDatabase, SqlSession } from "./database.ts";
import { addSpending, reserveItems, spendingOf, sumOf } from "./job-spending.ts";
import { putRows } from "./put-rows.ts";
import type {
  BudgetLimits,
  FinishedItem,
  ItemReservation,
  JobProgress,
  Reserved,
  Spending,
  WorkQueue,
} from "./store.ts";
import { fromStoredText, toStoredText } from "./stored-text.ts";
import { JUDGEMENTS, RESPONSES, type StoredRow } from "./tables.ts";

const ITEM_COLUMNS = [
  { name: "job", type: "text" },
  { name: "item", type: "text" },
  { name: "state", type: "text" },
];

function itemsOf(rows: readonly StoredRow[]): string[] {
  return rows.map(({ item }) => fromStoredText(String(item)));
}

export class SqlWorkQueue implements WorkQueue {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async add(job: string, items: readonly string[]): Promise<number> {
    const name = toStoredText(job);
    const rows = [...new Set(items)].map((item) => [name, toStoredText(item), "open"]);
    const target = {
      table: "work_items",
      columns: ITEM_COLUMNS,
      conflict: "ON CONFLICT (item, job) DO NOTHING",
    };
    return await this.#database.transaction((session) => session.insert(target, rows));
  }

  async claim(job: string, worker: string, limit: number, leaseMs: number): Promise<readonly string[]> {
    const { dialect } = this.#database;
    const rows = await this.#database.transaction((session) =>
      session.rows(
        `UPDATE work_items SET state = 'leased', worker = $2, lease_until = ${dialect.nowMs} + $3,
           reserved_usd = NULL, reserved_tokens = NULL
         WHERE position IN (
           SELECT position FROM work_items
           WHERE job = $1 AND state IN ('open', 'leased') AND (state = 'open' OR lease_until <= ${dialect.nowMs})
           ORDER BY position LIMIT $4 ${dialect.lockFreeRows})
         RETURNING position, item`,
        [toStoredText(job), toStoredText(worker), Math.round(leaseMs), limit],
      ),
    );
    return itemsOf([...rows].sort((a, b) => Number(a.position) - Number(b.position)));
  }

  async renew(
    job: string,
    worker: string,
    items: readonly string[],
    leaseMs: number,
  ): Promise<readonly string[]> {
    return await this.#database.transaction(async (session) => {
      const held = await this.#held(session, job, worker, items);
      await session.run(
        `UPDATE work_items SET lease_until = ${this.#database.dialect.nowMs} + $3
         WHERE job = $1 AND ${this.#database.dialect.anyOf("item", "$2")}`,
        [toStoredText(job), held.map(toStoredText), Math.round(leaseMs)],
      );
      return held;
    });
  }

  async finish(job: string, worker: string, finished: readonly FinishedItem[]): Promise<readonly string[]> {
    return await this.#database.transaction(async (session) => {
      const held = await this.#held(
        session,
        job,
        worker,
        finished.map(({ item }) => item),
      );
      const isHeld = new Set(held);
      const kept = finished.filter(({ item }) => isHeld.has(item));
      const failed = kept.filter(({ isFailed }) => isFailed).map(({ item }) => item);
      const isFailed = new Set(failed);
      await putRows(
        session,
        RESPONSES,
        kept.flatMap(({ responses = [] }) => responses),
      );
      await putRows(
        session,
        JUDGEMENTS,
        kept.flatMap(({ judgements = [] }) => judgements),
      );
      await this.#settle(session, job, failed, "failed");
      await this.#settle(
        session,
        job,
        held.filter((item) => !isFailed.has(item)),
        "done",
      );
      await addSpending(session, job, sumOf(kept.map(spendingOf)));
      return held;
    });
  }

  async reserve(
    held: { readonly job: string; readonly worker: string; readonly items: readonly ItemReservation[] },
    jobs: readonly string[],
    limits: BudgetLimits,
  ): Promise<Reserved> {
    return await this.#database.transaction((session) =>
      reserveItems(session, this.#database.dialect, { ...held, jobs, limits }),
    );
  }

  async spent(jobs: readonly string[]): Promise<Spending> {
    const rows = await this.#database.rows(
      `SELECT usd, tokens FROM job_spending WHERE ${this.#database.dialect.anyOf("job", "$1")}`,
      [jobs.map(toStoredText)],
    );
    return sumOf(rows.map(({ usd, tokens }) => ({ usd: Number(usd), tokens: Number(tokens) })));
  }

  async release(job: string, worker: string, items: readonly string[]): Promise<void> {
    await this.#database.transaction(async (session) => {
      await this.#settle(session, job, await this.#held(session, job, worker, items), "open");
    });
  }

  async progress(job: string): Promise<JobProgress> {
    const rows = await this.#database.rows(
      "SELECT state, COUNT(*) AS items FROM work_items WHERE job = $1 GROUP BY state",
      [toStoredText(job)],
    );
    const counts = Object.fromEntries(rows.map(({ state, items }) => [String(state), Number(items)]));
    const { open = 0, leased = 0, done = 0, failed = 0 } = counts;
    return { open, leased, done, failed };
  }

  async reopen(job: string): Promise<number> {
    return await this.#database.run(
      "UPDATE work_items SET state = 'open' WHERE job = $1 AND state = 'failed'",
      [toStoredText(job)],
    );
  }

  async jobs(): Promise<readonly string[]> {
    const rows = await this.#database.rows("SELECT DISTINCT job FROM work_items ORDER BY job");
    return rows.map(({ job }) => fromStoredText(String(job)));
  }

  /** Which of the items the worker holds, in the order of adding; nobody else can take them until the transaction ends. */
  async #held(
    session: SqlSession,
    job: string,
    worker: string,
    items: readonly string[],
  ): Promise<readonly string[]> {
    const { dialect } = this.#database;
    // Who holds them is asked here and not in the statement, so that PostgreSQL looks the items up one by one.
    const rows = await session.rows(
      `SELECT position, item, state, worker FROM work_items
       WHERE job = $1 AND ${dialect.anyOf("item", "$2")} ORDER BY position ${dialect.lockRows}`,
      [toStoredText(job), items.map(toStoredText)],
    );
    const name = toStoredText(worker);
    return itemsOf(rows.filter((row) => row.state === "leased" && row.worker === name));
  }

  async #settle(session: SqlSession, job: string, items: readonly string[], state: string): Promise<void> {
    if (items.length === 0) return;
    await session.run(
      `UPDATE work_items SET state = $3, worker = NULL, lease_until = NULL, reserved_usd = NULL, reserved_tokens = NULL
       WHERE job = $1 AND ${this.#database.dialect.anyOf("item", "$2")}`,
      [toStoredText(job), items.map(toStoredText), state],
    );
  }
}
