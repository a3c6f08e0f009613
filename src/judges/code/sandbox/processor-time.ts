/** Processor time of another process. */
import { existsSync, readFileSync } from "node:fs";

/** Ticks of /proc, which are hundredths of a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** Seconds that a process has computed, all threads together; undefined where the system does not tell or it has ended. */
export function processorSeconds(pid: number): number | undefined {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "utf8");
  // The name in parentheses may hold anything, blanks and parentheses included.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS]);
  return Number.isFinite(ticks) ? ticks / TICKS_PER_SECOND : undefined;
}
