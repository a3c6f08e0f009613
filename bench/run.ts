/**
 * `npm run bench -- NAME [--json FILE] [--rounds N] [--quick] [--threads N] [--subjects A,B] [--resume FILE]`
 *
 * Prepares every subject of bench/NAME in its own process, then measures in rounds that alternate between the
 * subjects, the order reversed each round. Prints medians with ranges; a peer that cannot run is said. Where the
 * benchmark counts floating-point operations, matrix products take turns too: the fastest is the machine's peak.
 * `--resume` keeps every finished round in a file; the same command goes on behind them (for rounds of minutes).
 */
import { readdirSync, writeFileSync } from "node:fs";
import { cpus, type as osType, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KeptRounds } from "./kept-rounds.ts";
import { noisyOf, peakOf, productSubject, ratiosOf, resultLines, resultsOf } from "./result.ts";
import type { Benchmark } from "./subject.ts";
import { SubjectProcess } from "./subject-process.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "string" },
    rounds: { type: "string", default: "7" },
    quick: { type: "boolean", default: false },
    threads: { type: "string", default: "2" },
    subjects: { type: "string" },
    resume: { type: "string" },
  },
});

const missing: Record<string, string> = {};

function leaveOut(subject: string, { message }: Error): void {
  missing[subject] = message;
  console.error(`MISSING ${subject}: ${message}`);
}

function refuse(reason: string): never {
  console.error(
    `${reason}\nusage: npm run bench -- NAME [--json FILE] [--rounds N] [--quick] [--subjects A,B] [--resume FILE]`,
  );
  process.exit(2);
}

const known = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "subjects" && entry.name !== "peers")
  .map(({ name }) => name);
const name = positionals[0] ?? "";
if (!known.includes(name)) refuse(`NAME is one of ${known.join(", ")}`);

const { benchmark } = (await import(join(import.meta.dirname, name, "bench.ts"))) as { benchmark: Benchmark };
const names = benchmark.subjects.map((subject) => subject.name);
const chosen = values.subjects?.split(",") ?? names;
const stranger = chosen.find((subject) => !names.includes(subject));
if (stranger !== undefined) refuse(`${name} has no subject "${stranger}"; it has ${names.join(", ")}`);
const products = benchmark.throughput?.products ?? [];
const subjects = [
  ...benchmark.subjects.filter((subject) => chosen.includes(subject.name)),
  ...products.map(productSubject),
];

const rounds = values.quick ? 2 : Number(values.rounds);
const threads = Number(values.threads);
const running = new Map<string, SubjectProcess>();
const kept = new KeptRounds(values.resume);

for (const subject of subjects) {
  if (kept.roundsOf(subject.name) >= rounds) continue;
  console.error(`preparing ${subject.name} ...`);
  const subjectProcess = new SubjectProcess(subject, threads);
  try {
    kept.begin(subject.name, await subjectProcess.prepare());
    running.set(subject.name, subjectProcess);
  } catch (error) {
    leaveOut(subject.name, error as Error);
    subjectProcess.stop();
  }
}
for (let round = 0; round < rounds; round++) {
  const order = [...running.keys()];
  if (round % 2 === 1) order.reverse();
  for (const subject of order) {
    if (kept.roundsOf(subject) > round) continue;
    try {
      const measurement = await running.get(subject)!.round();
      kept.add(subject, measurement);
      console.error(`round ${round + 1}/${rounds}  ${subject}  ${measurement.seconds.toFixed(3)} s`);
    } catch (error) {
      leaveOut(subject, error as Error);
      running.delete(subject);
    }
  }
}
for (const subjectProcess of running.values()) subjectProcess.stop();

const measured = kept.measured();
const peak = peakOf(products, measured);
const results = resultsOf(benchmark, measured, peak);
const ratios = ratiosOf(benchmark, results);
const noisy = noisyOf(measured);
const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  system: `${osType()} ${release()}`,
  node: process.version,
  threads,
};
for (const line of resultLines(results)) console.log(line);
if (peak) console.log(`product peak: ${peak.gflopsPerSecond.toFixed(1)} GFLOP/s (${peak.product})`);
for (const [ratio, value] of Object.entries(ratios)) console.log(`${ratio} = ${value.toFixed(3)}`);
for (const subject of noisy) console.log(`${subject}: rounds differ by more than half: its median is rough`);
for (const [subject, reason] of Object.entries(missing)) console.log(`${subject}: not measured: ${reason}`);
if (values.json !== undefined) {
  const result = {
    name,
    machine,
    subjects: results,
    ratios,
    ...(benchmark.throughput && { flopsPerUnit: benchmark.throughput.flopsPerUnit }),
    ...(peak && { peak }),
    ...(noisy.length > 0 && { noisy }),
    ...(Object.keys(missing).length > 0 && { missing }),
  };
  writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
}
