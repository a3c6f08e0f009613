/** The rows of the import-export benchmark, and what both sides do with them. */
import { createWriteStream, existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { RandomStream } from "../src/tensor/random.ts";

const FOLDER = join(import.meta.dirname, "../.cache/bench/import-export");
const VOCABULARY = 30_000;
/** Every so manieth prompt is an earlier one with a word more. */
const REPEATED = 20;

/** Where the files of a size lie. */
export const placeOf = (rows: number): string => join(FOLDER, String(rows));

function* lines(rows: number): Generator<string> {
  const random = new RandomStream({ seed: 11, stream: 0 });
  // Log-uniform ranks: common words are common, as in texts.
  const word = (): string => `w${Math.floor(VOCABULARY ** random.nextUniform())}`;
  const words = (least: number, most: number): string =>
    Array.from({ length: least + Math.floor((most - least) * random.nextUniform()) }, word).join(" ");
  let earlier = "";
  for (let row = 0; row < rows; row++) {
    const isRepeated = row % REPEATED === REPEATED - 1;
    const question = isRepeated ? `${earlier} ${word()}` : `${words(10, 60)} ${row}`;
    if (row % REPEATED === 0) earlier = question;
    const messages = [
      { role: "user", content: question },
      { role: "assistant", content: words(10, 60) },
    ];
    yield `${JSON.stringify({ messages })}\n`;
  }
}

/** A file of conversations (a prompt and an answer of 35 words each on average), made when it is first asked for. */
export async function conversations(rows: number): Promise<string> {
  const path = join(placeOf(rows), "rows.jsonl.gz");
  if (existsSync(path)) return path;
  mkdirSync(placeOf(rows), { recursive: true });
  const part = `${path}.part`;
  await pipeline(Readable.from(lines(rows)), createGzip({ level: 1 }), createWriteStream(part));
  renameSync(part, path);
  return path;
}
