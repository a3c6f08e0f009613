/**
 * How often `tutti router drift` raises an alarm: without drift (false alarms), and with a share of foreign prompts.
 *
 *   npx tsx examples/drift-power.ts [--seeds 50] [--alpha 0.05] [--sizes 50,200] [--shares 0,0.05,0.1,0.2,1]
 *
 * Training prompts are GSM8K, MBPP and HumanEval; foreign ones are MATH. Each seed splits the prompts anew, so the rates
 * are over training sets as well as over traffic. One line per size and share, with the rate of each question by itself.
 */
import { parseArgs } from "node:util";
import { createProgress } from "../src/cli/progress.ts";
import { type JudgedRecord, promptText, readJudgedRecords } from "../src/judged/index.ts";
import { buildDriftMonitor, detectDrift } from "../src/routing/drift/index.ts";
import { permutation } from "../src/tensor/random.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "50" },
    alpha: { type: "string", default: "0.05" },
    sizes: { type: "string", default: "50,200" },
    shares: { type: "string", default: "0,0.05,0.1,0.2,1" },
  },
});
const seeds = Number(values.seeds);
const alpha = Number(values.alpha);
const numbers = (text: string): number[] => text.split(",").map(Number);
const assets = (...names: string[]): string[] => names.map((name) => `assets/judged/${name}.jsonl.gz`);
const { records } = await readJudgedRecords(assets("gsm8k", "mbpp", "humaneval"));
const { records: foreign } = await readJudgedRecords(assets("math"));
const largest = Math.max(...numbers(values.sizes));

function shuffled(rows: readonly JudgedRecord[], seed: number): JudgedRecord[] {
  return [...permutation(rows.length, { seed, stream: 1 })].map((index) => rows[index]!);
}

const settings = numbers(values.sizes).flatMap((size) =>
  numbers(values.shares).map((share) => ({ size, share })),
);
const alarms = settings.map(() => ({ any: 0, mix: 0, novelty: 0, length: 0 }));
const progress = createProgress(process.stderr, { label: "drift", total: seeds, unit: "seeds" });
for (let seed = 0; seed < seeds; seed++) {
  const known = shuffled(records, seed);
  const strangers = shuffled(foreign, seed);
  const monitor = await buildDriftMonitor(known.slice(largest), undefined, seed);
  for (const [index, { size, share }] of settings.entries()) {
    const count = Math.round(share * size);
    const traffic = [...strangers.slice(0, count), ...known.slice(0, size - count)].map(({ id, prompt }) => ({
      id,
      prompt: promptText(prompt),
    }));
    const report = await detectDrift(monitor, traffic, { alpha, seed, permutations: 199 });
    const tally = alarms[index]!;
    if (report.hasDrifted) tally.any++;
    for (const question of ["mix", "novelty", "length"] as const) {
      if (report.pValues[question] <= alpha) tally[question]++;
    }
  }
  progress.update(seed + 1);
}
progress.finish();
for (const [index, { size, share }] of settings.entries()) {
  const { any, mix, novelty, length } = alarms[index]!;
  const rate = (count: number): string => `${((100 * count) / seeds).toFixed(0)} %`;
  process.stdout.write(
    `${size} prompts, ${100 * share} % foreign: alarm ${rate(any)} (mix ${rate(mix)}, novelty ${rate(novelty)}, length ${rate(length)})\n`,
  );
}
