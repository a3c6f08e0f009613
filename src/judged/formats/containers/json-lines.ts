/** JSON lines: one object a line, blank lines passed over. */
import { readLines } from "../../lines.ts";
import type { DataRecord } from "../data-record.ts";
import type { ImportLimits } from "../limits.ts";
import { rowOfJson } from "./json-text.ts";

export async function* readJsonLines(
  file: string,
  isGzip: boolean,
  limits: ImportLimits,
): AsyncGenerator<DataRecord> {
  for await (const { text, line } of readLines(file, isGzip, limits)) {
    if (text.trim() !== "") yield rowOfJson(text, { file, line }, limits);
  }
}
