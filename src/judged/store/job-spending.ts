/** What jobs have spent and what is reserved for items under way, counted where all processes of a store see it. */
import type { Dialect, SqlSession } from "./database.ts";
import type { JudgementRow } from "./rows.ts";
import type { BudgetLimits, FinishedItem, ItemReservation, Reserved, Spending } from "./store.ts";
import { toStoredText } from "./stored-text.ts";

/** Rounding in sums of many small prices. */
const TOLERANCE = 1e-12;

export function sumOf(parts: readonly Spending[]): Spending {
  return parts.reduce((sum, { usd, tokens }) => ({ usd: sum.usd + usd, tokens: sum.tokens + tokens }), {
    usd: 0,
    tokens: 0,
  });
}

/** Tokens of a verdict have no column: they stand in the explanation. */
function spendingOfVerdict({ costUsd = 0, explanation }: JudgementRow): Spending {
  const { tokens } = explanation;
  return { usd: costUsd, tokens: typeof tokens === "number" ? tokens : 0 };
}

export function spendingOf({ responses = [], judgements = [] }: FinishedItem): Spending {
  return sumOf([
    ...responses.map(({ costUsd = 0, promptTokens = 0, completionTokens = 0 }) => ({
      usd: costUsd,
      tokens: promptTokens + completionTokens,
    })),
    ...judgements.map(spendingOfVerdict),
  ]);
}

/** Other transactions that spend or reserve for the job wait until this one ends. */
export async function addSpending(
  session: SqlSession,
  job: string,
  { usd, tokens }: Spending,
): Promise<void> {
  await session.run(
    `INSERT INTO job_spending (job, usd, tokens) VALUES ($1, $2, $3)
     ON CONFLICT (job) DO UPDATE SET usd = job_spending.usd + excluded.usd, tokens = job_spending.tokens + excluded.tokens`,
    [toStoredText(job), usd, tokens],
  );
}

interface Reserving {
  readonly job: string;
  readonly worker: string;
  readonly items: readonly ItemReservation[];
  readonly jobs: readonly string[];
  readonly limits: BudgetLimits;
}

/** Within a transaction: one process at a time reserves for a job. */
export async function reserveItems(
  session: SqlSession,
  dialect: Dialect,
  { job, worker, items, jobs, limits }: Reserving,
): Promise<Reserved> {
  const names = [...new Set(jobs)].map(toStoredText).sort();
  for (const name of names) {
    await session.run(
      "INSERT INTO job_spending (job, usd, tokens) VALUES ($1, 0, 0) ON CONFLICT (job) DO NOTHING",
      [name],
    );
  }
  const spent = await session.rows(
    `SELECT usd, tokens FROM job_spending WHERE ${dialect.anyOf("job", "$1")} ORDER BY job ${dialect.lockRows}`,
    [names],
  );
  const [reserved] = await session.rows(
    `SELECT COUNT(*) AS items, COALESCE(SUM(reserved_usd), 0) AS usd, COALESCE(SUM(reserved_tokens), 0) AS tokens
     FROM work_items WHERE ${dialect.anyOf("job", "$1")} AND reserved_usd IS NOT NULL
       AND state = 'leased' AND (lease_until IS NULL OR lease_until > ${dialect.nowMs})`,
    [names],
  );
  const before = sumOf(
    [...spent, reserved!].map(({ usd, tokens }) => ({ usd: Number(usd), tokens: Number(tokens) })),
  );
  const granted = fitting(before, items, limits);
  for (const { item, usd, tokens } of items.slice(0, granted)) {
    await session.run(
      `UPDATE work_items SET reserved_usd = $4, reserved_tokens = $5
       WHERE item = $1 AND job = $2 AND worker = $3 AND state = 'leased'`,
      [toStoredText(item), toStoredText(job), toStoredText(worker), usd, tokens],
    );
  }
  return { granted, open: Number(reserved!.items) + granted };
}

/** How many of the items fit beside what is spent and reserved, from the first on. */
export function fitting(
  before: Spending,
  items: readonly Spending[],
  { usd = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY }: BudgetLimits,
): number {
  let sum = before;
  let count = 0;
  for (const item of items) {
    sum = sumOf([sum, item]);
    if (sum.usd > usd + TOLERANCE || sum.tokens > tokens) break;
    count++;
  }
  return count;
}
