/**
 * Does a model fused from three specialised sources beat each of them, and the distillation of any single one?
 *
 *   npx tsx examples/fusion-small/fusion-small.ts [--seeds 0,1,2,3,4] [--worlds weak,blind,styled] [--out runs/fusion-small]
 *       [--result docs/benchmarks/fusion-small.json] [--plot docs/benchmarks/fusion-small.svg]
 *       [--page docs/benchmarks/fusion-small.md] [--quick]
 *
 * Tiny decoders from scratch, exact checkers, one compute thread; docs/benchmarks/fusion-small.md says what is compared and
 * what came out. Stopped or killed, the same command goes on: every trained model and every answered arm is kept as a file
 * under --out. Processes with other --seeds or --worlds can share the work; whoever comes last, with all of them, writes the
 * result. --quick, with an --out of its own, proves that all of it runs and nothing else.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "../../src/cli/progress.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { claimFolder, writeFigures } from "../kept.ts";
import { armsOf, runWorld } from "./arms.ts";
import { plotOf, summaryOf, tableOf } from "./report.ts";
import type { WorldResult } from "./results.ts";
import { QUICK_SIZES, SIZES } from "./sizes.ts";
import { WORLDS } from "./world.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "0,1,2,3,4" },
    worlds: { type: "string", default: WORLDS.map(({ name }) => name).join(",") },
    out: { type: "string", default: "runs/fusion-small" },
    quick: { type: "boolean", default: false },
    result: { type: "string" },
    plot: { type: "string" },
    page: { type: "string" },
  },
});
const seeds = values.seeds.split(",").map(Number);
const worlds = values.worlds.split(",").map((name) => {
  const world = WORLDS.find((known) => known.name === name);
  if (!world)
    throw new Error(`--worlds has ${name}, expected ${WORLDS.map((known) => known.name).join(", ")}`);
  return world;
});
const sizes = values.quick ? QUICK_SIZES : SIZES;
claimFolder(values.out, { sizes });
const backend = createOrtBackend({ threads: 1 });
const total = seeds.length * worlds.reduce((sum, world) => sum + armsOf(world), 0);
const progress = createProgress(process.stderr, { label: "fusion", total, unit: "arms" });
const results: WorldResult[] = [];
let done = 0;
for (const seed of seeds) {
  for (const world of worlds) {
    const folder = join(values.out, `seed-${seed}`, world.name);
    const onArm = (arm: string): void => progress.update(++done, `seed ${seed}, ${world.name}: ${arm}`);
    results.push(await runWorld({ folder, seed, world, sizes, backend, onArm }));
  }
}
progress.finish();
const summary = summaryOf(results, sizes);
const table = tableOf(summary);
process.stdout.write(table);
if (values.result) writeFileAtomic(values.result, `${JSON.stringify(summary, null, 1)}\n`);
if (values.plot) writeFileAtomic(values.plot, plotOf(summary));
if (values.page) writeFigures(values.page, table);
