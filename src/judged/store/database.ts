/** The little that the store asks of a database. SQL is written once, with $1, $2, ... for values. */
import type { StoredRow, StoredValue } from "./tables.ts";

/** A list of texts is one value: see {@link Dialect.anyOf}. */
export type SqlValue = StoredValue | readonly string[];

/** Where the two databases speak differently. */
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  /** Condition: the column equals one of the texts that the placeholder stands for. */
  anyOf(column: string, placeholder: string): string;
  /** Suffix of a SELECT whose rows nobody else may change until the transaction ends. */
  readonly lockRows: string;
  /** The same, leaving out rows that somebody else has locked. */
  readonly lockFreeRows: string;
  /** Milliseconds since 1970, by the clock that all workers share. */
  readonly nowMs: string;
}

export interface SqlSession {
  rows(sql: string, values?: readonly SqlValue[]): Promise<readonly StoredRow[]>;
  /** Returns how many rows were changed. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
  /**
   * Inserts rows of equally many values; `conflict` is the clause for rows that are there already. Returns how many were inserted
   * or replaced. No key may occur twice.
   */
  insert(target: InsertTarget, rows: readonly (readonly StoredValue[])[]): Promise<number>;
}

export interface InsertTarget {
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly conflict: string;
}

export interface SqlDatabase extends SqlSession {
  readonly dialect: Dialect;
  /** Address without any password. */
  readonly url: string;
  /** All or nothing; run again from the start where another process was in the way. */
  transaction<Result>(work: (session: SqlSession) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}
