/**
 * `npm run bench -- NAME [--json FILE] [--rounds N] [--quick] [--threads N] [--subjects A,B]`
 *
 * Prepares every subject of bench/NAME in its own process, then measures in rounds that alternate between the
 * subjects, the order reversed each round. Prints medians with ranges; a peer that cannot run is said. Where the
 * benchmark counts floating-point operations, matrix products take turns too: the fastest is the machine's peak.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { cpus, type as osType, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  type Measured,
  noisyOf,
  peakOf,
  productSubject,
  ratiosOf,
  resultLines,
  resultsOf,
} from "./result.ts";
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
  },
});

function refuse(reason: string): never {
  console.error(
    `${reason}\nusage: npm run bench -- NAME [--json FILE] [--rounds N] [--quick] [--subjects A,B]`,
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
const missing: Record<string, string> = {};
const running = new Map<string, SubjectProcess>();
const measured = new Map<string, Measured>();

for (const subject of subjects) {
  console.error(`preparing ${subject.name} ...`);
  const subjectProcess = new SubjectProcess(subject, threads);
  try {
    const figures = await subjectProcess.prepare();
    running.set(subject.name, subjectProcess);
    measured.set(subject.name, { rounds: [], peakRssBytes: 0, figures });
  } catch (error) {
    missing[subject.name] = (error as Error).message;
    console.error(`MISSING ${subject.name}: ${missing[subject.name]}`);
    subjectProcess.stop();
  }
}
for (let round = 0; round < rounds; round++) {
  const order = [...running.keys()];
  if (round % 2 === 1) order.reverse();
  for (const subject of order) {
    const { seconds, peakRssBytes, cells } = await running.get(subject)!.round();
    const before = measured.get(subject)!;
    measured.set(subject, {
      ...before,
      rounds: [...before.rounds, seconds],
      peakRssBytes: Math.max(before.peakRssBytes, peakRssBytes),
      ...(cells && { cells: [...(before.cells ?? []), cells] }),
    });
    console.error(`round ${round + 1}/${rounds}  ${subject}  ${seconds.toFixed(3)} s`);
  }
}
for (const subjectProcess of running.values()) subjectProcess.stop();

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
