/** Batches at providers, in the store's own database, so that they and their items change in one transaction. */
import type { SqlDatabase, SqlSession } from "./database.ts";
import type { BatchLedger, OpenBatch } from "./store.ts";
import { fromStoredText, toStoredText } from "./stored-text.ts";
import type { StoredRow } from "./tables.ts";

export class SqlBatchLedger implements BatchLedger {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async plan(job: string, name: string, keeper: string, leaseMs: number): Promise<readonly string[]> {
    const { nowMs } = this.#database.dialect;
    return await this.#database.transaction(async (session) => {
      // Who has lost an item by now has lost it: another worker may have taken it.
      await session.run(
        "UPDATE work_items SET lease_until = NULL WHERE job = $1 AND worker = $2 AND state = 'leased'",
        [toStoredText(job), toStoredText(name)],
      );
      const items = await itemsOf(session, job, name);
      if (items.length > 0) {
        await session.run(
          `INSERT INTO batches (name, job, requests, state, keeper, lease_until)
           VALUES ($1, $2, $3, 'open', $4, ${nowMs} + $5)`,
          [toStoredText(name), toStoredText(job), items.length, toStoredText(keeper), Math.round(leaseMs)],
        );
      }
      return items;
    });
  }

  async take(job: string, keeper: string, leaseMs: number): Promise<readonly OpenBatch[]> {
    const { nowMs, lockFreeRows } = this.#database.dialect;
    return await this.#database.transaction(async (session) => {
      const rows = await session.rows(
        `UPDATE batches SET keeper = $2, lease_until = ${nowMs} + $3
         WHERE name IN (SELECT name FROM batches WHERE job = $1 AND state = 'open'
           AND (keeper IS NULL OR lease_until <= ${nowMs}) ${lockFreeRows})
         RETURNING name, job, provider_name, requests, asked_ms`,
        [toStoredText(job), toStoredText(keeper), Math.round(leaseMs)],
      );
      const batches: OpenBatch[] = [];
      for (const row of rows) batches.push(batchOf(row, await itemsOf(session, job, nameOf(row))));
      return batches;
    });
  }

  async renew(keeper: string, leaseMs: number): Promise<readonly string[]> {
    const rows = await this.#database.rows(
      `UPDATE batches SET lease_until = ${this.#database.dialect.nowMs} + $2
       WHERE keeper = $1 AND state = 'open' RETURNING name`,
      [toStoredText(keeper), Math.round(leaseMs)],
    );
    return rows.map(nameOf);
  }

  async release(keeper: string): Promise<void> {
    await this.#database.run(
      "UPDATE batches SET keeper = NULL, lease_until = NULL WHERE keeper = $1 AND state = 'open'",
      [toStoredText(keeper)],
    );
  }

  async asking(name: string, requests: number): Promise<void> {
    await this.#database.run(
      `UPDATE batches SET asked_ms = ${this.#database.dialect.nowMs}, requests = $2 WHERE name = $1`,
      [toStoredText(name), requests],
    );
  }

  async taken(name: string, providerName: string): Promise<void> {
    await this.#database.run("UPDATE batches SET provider_name = $2 WHERE name = $1", [
      toStoredText(name),
      toStoredText(providerName),
    ]);
  }

  async settle(name: string): Promise<void> {
    await this.#database.run(
      "UPDATE batches SET state = 'settled', keeper = NULL, lease_until = NULL WHERE name = $1",
      [toStoredText(name)],
    );
  }

  async open(job: string): Promise<{ readonly batches: number; readonly requests: number }> {
    const [row] = await this.#database.rows(
      "SELECT COUNT(*) AS batches, COALESCE(SUM(requests), 0) AS requests FROM batches WHERE job = $1 AND state = 'open'",
      [toStoredText(job)],
    );
    return { batches: Number(row!.batches), requests: Number(row!.requests) };
  }

  async providerNames(): Promise<ReadonlySet<string>> {
    const rows = await this.#database.rows(
      "SELECT provider_name FROM batches WHERE provider_name IS NOT NULL",
    );
    return new Set(rows.map((row) => fromStoredText(String(row.provider_name))));
  }

  async nowMs(): Promise<number> {
    const [row] = await this.#database.rows(`SELECT ${this.#database.dialect.nowMs} AS now_ms`);
    return Number(row!.now_ms);
  }
}

const nameOf = (row: StoredRow): string => fromStoredText(String(row.name));

function batchOf(row: StoredRow, items: readonly string[]): OpenBatch {
  return {
    name: nameOf(row),
    job: fromStoredText(String(row.job)),
    requests: Number(row.requests),
    items,
    ...(row.provider_name !== null && { providerName: fromStoredText(String(row.provider_name)) }),
    ...(row.asked_ms !== null && { askedMs: Number(row.asked_ms) }),
  };
}

/** In the order of adding. */
async function itemsOf(session: SqlSession, job: string, worker: string): Promise<readonly string[]> {
  const rows = await session.rows(
    `SELECT item FROM work_items WHERE job = $1 AND worker = $2 AND state = 'leased' ORDER BY position`,
    [toStoredText(job), toStoredText(worker)],
  );
  return rows.map(({ item }) => fromStoredText(String(item)));
}
