/**
 * `npm run bench -- NAME [--json FILE] [--rounds N] [--quick] [--threads N]`
 *
 * Prepares every subject of bench/NAME in its own process, then measures in rounds that alternate between the
 * subjects, the order reversed each round. Prints medians with ranges; a peer that cannot run is said.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { cpus, type as osType, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Benchmark, SubjectResult } from "./subject.ts";
import { SubjectProcess } from "./subject-process.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "string" },
    rounds: { type: "string", default: "7" },
    quick: { type: "boolean", default: false },
    threads: { type: "string", default: "2" },
  },
});

const known = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "subjects" && entry.name !== "peers")
  .map(({ name }) => name);
const name = positionals[0] ?? "";
if (!known.includes(name)) {
  console.error(
    `usage: npm run bench -- NAME [--json FILE] [--rounds N] [--quick]; NAME is one of ${known.join(", ")}`,
  );
  process.exit(2);
}

const { benchmark } = (await import(join(import.meta.dirname, name, "bench.ts"))) as { benchmark: Benchmark };
const rounds = values.quick ? 2 : Number(values.rounds);
const threads = Number(values.threads);
const missing: Record<string, string> = {};
const running = new Map<string, SubjectProcess>();
const seconds = new Map<string, number[]>();
const peaks = new Map<string, number>();

for (const subject of benchmark.subjects) {
  console.error(`preparing ${subject.name} ...`);
  const subjectProcess = new SubjectProcess(subject, threads);
  try {
    await subjectProcess.prepare();
    running.set(subject.name, subjectProcess);
    seconds.set(subject.name, []);
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
    const measurement = await running.get(subject)!.round();
    seconds.get(subject)!.push(measurement.seconds);
    peaks.set(subject, Math.max(peaks.get(subject) ?? 0, measurement.peakRssBytes));
    console.error(`round ${round + 1}/${rounds}  ${subject}  ${measurement.seconds.toFixed(3)} s`);
  }
}
for (const subjectProcess of running.values()) subjectProcess.stop();

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
const subjects: Record<string, SubjectResult> = {};
for (const [subject, measured] of seconds) {
  subjects[subject] = {
    median: median(measured),
    min: Math.min(...measured),
    max: Math.max(...measured),
    unit: benchmark.unit,
    peakRssBytes: peaks.get(subject) ?? 0,
    rounds: measured,
  };
}
const ratios: Record<string, number> = {};
for (const [ours, peer] of benchmark.ratios) {
  const [a, b] = [subjects[ours], subjects[peer]];
  if (a && b) ratios[`${ours}_over_${peer}`] = a.median / b.median;
}
const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  system: `${osType()} ${release()}`,
  node: process.version,
  threads,
};
const result = { name, machine, subjects, ratios, ...(Object.keys(missing).length > 0 && { missing }) };
for (const [subject, { median: middle, min, max, unit, peakRssBytes }] of Object.entries(subjects)) {
  const memory = `${(peakRssBytes / 1e9).toFixed(2)} GB peak`;
  console.log(
    `${subject.padEnd(16)} ${middle.toFixed(3)} ${unit}  [${min.toFixed(3)}, ${max.toFixed(3)}]  ${memory}`,
  );
}
for (const [ratio, value] of Object.entries(ratios)) console.log(`${ratio} = ${value.toFixed(3)}`);
for (const [subject, reason] of Object.entries(missing)) console.log(`${subject}: not measured: ${reason}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
