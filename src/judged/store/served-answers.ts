/** Answers that a gateway has served, found by the names that its clients know them by. */
import type { Dialect, SqlSession } from "./database.ts";
import { toStoredText } from "./stored-text.ts";

/** Selector of the choices that a gateway made; their options hold the names. */
export const SERVED_SELECTOR = "gateway";
/** Of the gateway's decision, and of the completion as the client got it. */
export const SERVED_NAMES = ["decision", "completion"] as const;

/** The name as an expression, by which it is indexed. */
export function servedName(dialect: Dialect["name"], field: (typeof SERVED_NAMES)[number]): string {
  // PostgreSQL's own JSON refuses strings with U+0000, which options may hold.
  return dialect === "sqlite"
    ? `options ->> '$.${field}'`
    : `substring(options FROM '"${field}":"([^"\\\\]*)"')`;
}

/** Keys of the responses that were served under a name; several where a provider gives a name twice. */
export async function servedAnswers(
  session: SqlSession,
  dialect: Dialect["name"],
  name: string,
): Promise<readonly string[]> {
  const keys = new Set<string>();
  for (const field of SERVED_NAMES) {
    const rows = await session.rows(
      `SELECT response_key FROM selections WHERE selector = '${SERVED_SELECTOR}' AND ${servedName(dialect, field)} = $1 LIMIT 2`,
      [toStoredText(name)],
    );
    for (const { response_key: key } of rows) keys.add(String(key));
  }
  return [...keys];
}
