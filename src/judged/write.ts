/** Writes judged records as JSON lines. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { TuttiError } from "../support/errors.ts";
import { DatasetCollector } from "./collect.ts";
import type { JudgedRecord } from "./record.ts";

const BATCH_CHARACTERS = 1 << 20;
const SMALLEST = 9; // gzip level

function* batches(records: readonly JudgedRecord[]): Generator<Buffer> {
  let text = "";
  for (const record of records) {
    text += `${JSON.stringify(record)}\n`;
    if (text.length < BATCH_CHARACTERS) continue;
    yield Buffer.from(text, "utf8");
    text = "";
  }
  if (text !== "") yield Buffer.from(text, "utf8");
}

async function gzipped(parts: Iterable<Buffer>): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  await pipeline(Readable.from(parts), createGzip({ level: SMALLEST }), async (source) => {
    for await (const chunk of source) chunks.push(chunk as Buffer);
  });
  return chunks;
}

/**
 * Writes one record per line, all fields as they are, gzip'd when the name ends in `.gz`. The file appears whole or
 * not at all, and only when `readJudgedRecords` would accept it.
 *
 * @throws {TuttiError} RECORD_INVALID, UNKNOWN_CANDIDATE, DATASET_INVALID (no records, an id twice) with the line
 *   the record would have had; FILE_WRITE_FAILED
 */
export async function writeJudgedRecords(path: string, records: readonly JudgedRecord[]): Promise<void> {
  if (records.length === 0) {
    throw new TuttiError("DATASET_INVALID", `${path}: received no records, expected at least one`, {
      details: { file: path },
      hint: "an empty file could not be read again; check what selected the records",
    });
  }
  const collector = new DatasetCollector();
  for (const [index, record] of records.entries()) collector.add(record, { file: path, line: index + 1 });
  const parts = [...batches(records)];
  writeFileAtomic(path, ...(path.endsWith(".gz") ? await gzipped(parts) : parts));
}
