/**
 * Packs the judged responses that ship with Tutti: reads each set from a source folder, checks it, and writes it
 * to `assets/judged/` with every row and field kept. Sets whose terms forbid redistribution are not listed.
 *
 *     npx tsx tools/pack-judged-data.ts SOURCE_FOLDER [TARGET_FOLDER]
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { readJudgedRecords, writeJudgedRecords } from "../src/judged/index.ts";

const SETS = ["gsm8k", "math", "humaneval", "mbpp", "arenahard", "mtbench"];
const TOTAL_LIMIT_BYTES = 10_000_000;

const source = process.argv[2];
const target = process.argv[3] ?? fileURLToPath(new URL("../assets/judged", import.meta.url));
if (source === undefined) {
  console.error("usage: npx tsx tools/pack-judged-data.ts SOURCE_FOLDER [TARGET_FOLDER]");
  process.exit(2);
}

let totalBytes = 0;
for (const set of SETS) {
  const name = `${set}.jsonl.gz`;
  const written = join(target, name);
  const { records } = await readJudgedRecords([join(source, name)]);
  await writeJudgedRecords(written, records);
  const { records: readBack } = await readJudgedRecords([written]);
  if (!isDeepStrictEqual(readBack, records)) throw new Error(`${written} does not read back as it was`);
  const bytes = statSync(written).size;
  totalBytes += bytes;
  console.log(`${name}: ${records.length} rows, ${bytes} bytes`);
}
console.log(`total: ${totalBytes} bytes`);
if (totalBytes >= TOTAL_LIMIT_BYTES) {
  console.error(`more than the ${TOTAL_LIMIT_BYTES} bytes allowed`);
  process.exit(1);
}
