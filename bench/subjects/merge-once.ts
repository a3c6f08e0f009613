/**
 * One merge of the benchmark in a process of its own.
 *
 *   merge-once.ts METHOD SIZE
 *
 * Prints {seconds, peakRssBytes}.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type MergeMethodName, type MergeSettings, mergeCheckpoints } from "../../src/fusion/index.ts";
import { MERGED, modelsToMerge } from "../merge-work.ts";

const SETTINGS: Readonly<Partial<Record<MergeMethodName, MergeSettings>>> = {
  sce: { method: "sce", density: 0.1, reading: "upstream", weightFloor: 1e-6 },
  ties: { method: "ties", density: 0.2, isNormalised: true, scale: 1 },
  "dare-linear": {
    method: "dare-linear",
    density: 0.1,
    rescale: "l1",
    isNormalised: false,
    scale: 1,
    seed: 0,
  },
  linear: { method: "linear", isNormalised: true },
};

const [method, size] = process.argv.slice(2) as [MergeMethodName, string];
const folder = modelsToMerge(size);
const out = join(folder, `tutti-${method}`);
for (const path of [out, `${out}.merging`]) rmSync(path, { recursive: true, force: true });

const startedMs = performance.now();
await mergeCheckpoints({
  base: { name: "base", path: join(folder, "base") },
  models: MERGED.map((name) => ({ name, path: join(folder, name), weight: 1 })),
  settings: SETTINGS[method]!,
  out,
  shardBytes: 4e9,
  ignoresTokenizers: true,
});
const seconds = (performance.now() - startedMs) / 1000;
rmSync(out, { recursive: true });
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify({ seconds, peakRssBytes })}\n`);
