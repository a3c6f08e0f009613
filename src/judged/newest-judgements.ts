/** One judgement of each judge on each answer or pair, where several versions of the judge have judged it. */
import type { JudgementRow } from "./store/rows.ts";

/** The newest row of every answer, rival and judge, in order of first appearance. */
export function newestJudgements(rows: Iterable<JudgementRow>): JudgementRow[] {
  const newest = new Map<string, JudgementRow>();
  for (const row of rows) {
    const key = JSON.stringify([row.responseKey, row.rivalKey ?? null, row.judge]);
    const known = newest.get(key);
    if (known === undefined || row.createdAt > known.createdAt) newest.set(key, row);
  }
  return [...newest.values()];
}

/** Whether a row is of the judge asked for: its name, or `NAME@VERSION` for one version of it. */
export function isOfJudge({ judge, judgeVersion }: JudgementRow, wanted: string | undefined): boolean {
  return judge === wanted || `${judge}@${judgeVersion}` === wanted;
}
