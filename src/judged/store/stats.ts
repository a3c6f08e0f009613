/** Counts over a whole store. */
import type { SqlDatabase, SqlSession } from "./database.ts";
import type { StoreStats } from "./store.ts";
import { fromStoredText } from "./stored-text.ts";

async function countsBy(session: SqlSession, table: string, column: string): Promise<Record<string, number>> {
  const rows = await session.rows(
    `SELECT ${column} AS name, COUNT(*) AS items FROM ${table} GROUP BY ${column} ORDER BY ${column}`,
  );
  return Object.fromEntries(rows.map(({ name, items }) => [fromStoredText(String(name)), Number(items)]));
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

export async function readStats(database: SqlDatabase): Promise<StoreStats> {
  const promptsByDomain = await countsBy(database, "prompts", "domain");
  const responsesByModel = await countsBy(database, "responses", "model");
  const responsesByStatus = await countsBy(database, "responses", "status");
  const judgementsByJudge = await countsBy(database, "judgements", "judge");
  const [selections] = await database.rows("SELECT COUNT(*) AS items FROM selections");
  const [sums] = await database.rows(
    `SELECT SUM(cost_usd) AS cost, SUM(completion_tokens) AS tokens,
            (SELECT SUM(cost_usd) FROM judgements) AS judging FROM responses`,
  );
  return {
    prompts: total(promptsByDomain),
    responses: total(responsesByModel),
    judgements: total(judgementsByJudge),
    selections: Number(selections?.items ?? 0),
    promptsByDomain,
    responsesByModel,
    responsesByStatus,
    judgementsByJudge,
    costUsd: Number(sums?.cost ?? 0) + Number(sums?.judging ?? 0),
    completionTokens: Number(sums?.tokens ?? 0),
  };
}
