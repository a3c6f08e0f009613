/** The subject's side of the protocol of bench/subject-process.ts. */
import { createInterface } from "node:readline";

/** A round's number in the benchmark's unit, and what else it measured by name. */
export interface MeasuredCells {
  readonly seconds: number;
  readonly cells: Readonly<Record<string, number>>;
  /** Where the work is done by other processes: the peak of one of those. */
  readonly peakRssBytes?: number;
}

/**
 * Says that the subject is ready, then answers every "round" line with what `measure` returns, in seconds.
 *
 * @param figures what the subject has to say of itself, for the report
 */
export async function answerRounds(
  figures: Readonly<Record<string, number>>,
  measure: () => Promise<number | MeasuredCells>,
): Promise<void> {
  const said = Object.keys(figures).length > 0 ? ` ${JSON.stringify(figures)}` : "";
  process.stdout.write(`ready${said}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== "round") continue;
    const measured = await measure();
    const result = typeof measured === "number" ? { seconds: measured } : measured;
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    process.stdout.write(`${JSON.stringify({ peakRssBytes, ...result })}\n`);
  }
}
