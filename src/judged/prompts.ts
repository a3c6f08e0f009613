/** Prompts alone, as traffic holds them: nothing of answers or scores is needed or read. */
import { readLines } from "./lines.ts";
import { describeReceived, fieldError } from "./place.ts";
import { parseRow } from "./read.ts";
import { type JudgedRecord, promptText } from "./record.ts";
import { checkPrompt } from "./validate.ts";

export interface TrafficPrompt {
  /** The row's own, or FILE:LINE. */
  readonly id: string;
  readonly prompt: string;
}

/**
 * Prompts of `.jsonl` and `.jsonl.gz` files. A row holds `prompt`, text or chat messages, as judged records do, or the
 * `messages` of a chat request.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, FILE_CORRUPT; RECORD_INVALID naming file, line and field
 */
export async function readPrompts(paths: readonly string[]): Promise<TrafficPrompt[]> {
  const prompts: TrafficPrompt[] = [];
  for (const file of paths) {
    for await (const { text, line } of readLines(file)) {
      if (text.trim() === "") continue;
      const place = { file, line };
      const row = parseRow(text, place);
      if (typeof row !== "object" || row === null || Array.isArray(row)) {
        throw fieldError(place, {
          field: "(row)",
          received: describeReceived(row),
          expected: "a JSON object with a prompt",
          hint: 'write one object per line, for instance {"prompt": "text"}',
        });
      }
      const { id, prompt, messages } = row as Record<string, unknown>;
      const given = { prompt: prompt ?? messages };
      checkPrompt(given, place);
      prompts.push({
        id: typeof id === "string" ? id : `${file}:${line}`,
        prompt: promptText(given.prompt as JudgedRecord["prompt"]),
      });
    }
  }
  return prompts;
}
