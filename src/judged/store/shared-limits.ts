/** Leave to call, counted in the store's own database, so that the limits of an account hold for all processes together. */
import { randomBytes } from "node:crypto";
import type { SqlDatabase, SqlSession } from "./database.ts";
import type { CallLimits, LeaveTaken, SharedLimits } from "./store.ts";
import { toStoredText } from "./stored-text.ts";

const MINUTE_MS = 60_000;
/** A call begins a moment after it got leave; until then it must not have left the minute. */
const MARGIN_MS = 500;

interface Counted {
  /** Until it leaves the minute. */
  readonly leftMs: number;
  readonly calls: number;
  readonly tokens: number;
}

export class SqlSharedLimits implements SharedLimits {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async take(account: string, callTokens: readonly number[], limits: CallLimits): Promise<LeaveTaken> {
    const name = toStoredText(account);
    const { nowMs } = this.#database.dialect;
    return await this.#database.transaction(async (session) => {
      await this.#lock(session, name);
      const window = MINUTE_MS + MARGIN_MS;
      await session.run(`DELETE FROM call_leaves WHERE account = $1 AND at_ms <= ${nowMs} - $2`, [
        name,
        window,
      ]);
      const rows = await session.rows(
        `SELECT at_ms - ${nowMs} + $2 AS left_ms, calls, tokens FROM call_leaves WHERE account = $1 ORDER BY at_ms`,
        [name, window],
      );
      const counted = rows.map((row) => ({
        leftMs: Number(row.left_ms),
        calls: Number(row.calls),
        tokens: Number(row.tokens),
      }));
      const { calls, waitMs } = fitting(counted, callTokens, limits);
      const grant = randomBytes(8).toString("hex");
      if (calls > 0) {
        const tokens = callTokens.slice(0, calls).reduce((sum, count) => sum + count, 0);
        await session.run(
          `INSERT INTO call_leaves (grant_id, account, at_ms, calls, tokens) VALUES ($1, $2, ${nowMs}, $3, $4)`,
          [grant, name, calls, tokens],
        );
      }
      return { grant, calls, waitMs };
    });
  }

  async correct(grant: string, tokens: number): Promise<void> {
    await this.#database.run("UPDATE call_leaves SET tokens = tokens + $2 WHERE grant_id = $1", [
      grant,
      tokens,
    ]);
  }

  /** One process at a time counts an account. */
  async #lock(session: SqlSession, account: string): Promise<void> {
    await session.run("INSERT INTO call_accounts (account) VALUES ($1) ON CONFLICT (account) DO NOTHING", [
      account,
    ]);
    await session.rows(
      `SELECT account FROM call_accounts WHERE account = $1 ${this.#database.dialect.lockRows}`,
      [account],
    );
  }
}

/**
 * How many of the calls fit beside what is counted, from the first on, and when the next one may. A call that is larger than the
 * whole limit of tokens fits where nothing else is counted.
 *
 * @param counted oldest first
 */
export function fitting(
  counted: readonly Counted[],
  callTokens: readonly number[],
  { callsPerMinute = Number.POSITIVE_INFINITY, tokensPerMinute = Number.POSITIVE_INFINITY }: CallLimits,
): { readonly calls: number; readonly waitMs: number } {
  let calls = counted.reduce((sum, entry) => sum + entry.calls, 0);
  let tokens = counted.reduce((sum, entry) => sum + entry.tokens, 0);
  const hasRoom = (more: number): boolean =>
    calls + 1 <= callsPerMinute && (calls === 0 || tokens + more <= tokensPerMinute);
  let fit = 0;
  while (fit < callTokens.length && hasRoom(callTokens[fit]!)) {
    calls++;
    tokens += callTokens[fit++]!;
  }
  if (fit > 0 || callTokens.length === 0) return { calls: fit, waitMs: 0 };
  for (const entry of counted) {
    calls -= entry.calls;
    tokens -= entry.tokens;
    if (hasRoom(callTokens[0]!)) return { calls: 0, waitMs: Math.max(1, entry.leftMs) };
  }
  return { calls: 0, waitMs: MINUTE_MS };
}
