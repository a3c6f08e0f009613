import type { Benchmark } from "../subject.ts";

/** The headline first. */
const SIZES = process.argv.includes("--quick") ? ["1000", "2000"] : ["100000", "10000", "1000000"];
const SHARED = ["jsonl.gz into a store", "jsonl.gz into parquet", "parquet into jsonl.gz", "split"];
const OWN = ["store into jsonl.gz", "store into parquet", "dedupe"];

/**
 * Rows per second and peak memory of conversations (a prompt and an answer) from gzip'd JSON lines into a store and back, between
 * files, split and searched for near-duplicates. The peer is Hugging Face datasets, whose Arrow cache stands for the store, and
 * pyarrow; neither checks rows, keys them or keeps what is there already, and datasets has no near-duplicates. A store is
 * SQLite, and a row in it two: prompt and answer. The headline is the import of 100,000 rows.
 */
export const benchmark: Benchmark = {
  name: "import-export",
  unit: "seconds per import",
  subjects: [
    {
      name: "tutti",
      runtime: "node",
      script: "subjects/import-export.ts",
      args: ["tutti", ...SHARED, ...OWN, ...SIZES],
    },
    {
      name: "datasets",
      runtime: "node",
      script: "subjects/import-export.ts",
      args: ["datasets", ...SHARED, ...SIZES],
    },
  ],
  ratios: [["tutti", "datasets"]],
};
