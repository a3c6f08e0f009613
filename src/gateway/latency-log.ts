/** Measured answers from the gateway's own log, so that a new process knows what the last one learned. */
import { messageOf, TuttiError } from "../support/errors.ts";
import { readWholeFile } from "../support/read-file.ts";
import type { MeasuredAnswer } from "./latency-meter.ts";

/** A day of busy traffic; older logs belong into files of their own. */
const MAXIMUM_BYTES = 2 ** 28;

function measuredAnswer(entry: Readonly<Record<string, unknown>>): MeasuredAnswer | undefined {
  const { event, status, model, completionTokens, latencyMs, routingMs, usageSource } = entry;
  const isAnswer = event === "request" && status === 200 && usageSource !== "recorded";
  if (!isAnswer || typeof model !== "string") return undefined;
  if (typeof completionTokens !== "number" || typeof latencyMs !== "number") return undefined;
  const answerMs = latencyMs - (typeof routingMs === "number" ? routingMs : 0);
  return completionTokens > 0 && answerMs >= 0 ? { model, completionTokens, latencyMs: answerMs } : undefined;
}

/**
 * Answers in the JSON lines that `tutti serve` writes; lines of other events, and text around them, are passed over.
 *
 * @throws {TuttiError} FILE_NOT_FOUND; CONFIG_INVALID when the file is not a log of the gateway at all
 */
export function readLatencyLog(path: string): MeasuredAnswer[] {
  const refuse = (problem: string, cause?: unknown): TuttiError =>
    new TuttiError("FILE_NOT_FOUND", `could not read ${path}: ${problem}`, { cause, details: { path } });
  const text = Buffer.from(readWholeFile(path, MAXIMUM_BYTES, refuse)).toString("utf8");
  const entries: Record<string, unknown>[] = [];
  let problem = "it is empty";
  for (const line of text.split("\n")) {
    if (!line.startsWith("{")) continue;
    try {
      entries.push(JSON.parse(line) as Record<string, unknown>);
    } catch (thrown) {
      // The last line of a process that was killed may be cut.
      problem = messageOf(thrown);
    }
  }
  if (!entries.some(({ event }) => event === "request")) {
    throw new TuttiError("CONFIG_INVALID", `${path}: holds no request of the gateway (${problem})`, {
      details: { path },
      hint: "give the file that stderr of `tutti serve` was written to",
    });
  }
  return entries.map(measuredAnswer).filter((answer) => answer !== undefined);
}
