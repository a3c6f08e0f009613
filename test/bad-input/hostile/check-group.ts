/** Expects that every case of a group is refused with a typed error, in time, in little memory, and by name. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, test } from "vitest";
import type { CaseReport, HostileCase } from "./case.ts";

const HEAP_MEGABYTES = 256;
const MOST_GROWN_BYTES = 200e6;
const CPU_SECONDS = 2;
/** Longest silence of the process, after which a case hangs. */
const SILENCE_MS = 120_000;

interface Run {
  readonly reports: ReadonlyMap<string, CaseReport>;
  /** How the process ended, and what it said. */
  readonly end: string;
}

async function runGroup(group: string): Promise<Run> {
  const script = join(import.meta.dirname, "run-group.ts");
  const flags = [`--max-old-space-size=${HEAP_MEGABYTES}`, "--import", "tsx"];
  const child = spawn(process.execPath, [...flags, script, group], { stdio: ["ignore", "pipe", "pipe"] });
  let talk = "";
  child.stderr.on("data", (chunk) => {
    talk = (talk + String(chunk)).slice(-2000);
  });
  const reports = new Map<string, CaseReport>();
  let timer = setTimeout(() => child.kill("SIGKILL"), SILENCE_MS);
  const ended = new Promise<string>((resolve) => {
    child.once("close", (code, signal) => resolve(`ended with ${signal ?? code}: ${talk}`));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(timer);
    timer = setTimeout(() => child.kill("SIGKILL"), SILENCE_MS);
    const report = JSON.parse(line) as CaseReport;
    reports.set(report.name, report);
  }
  clearTimeout(timer);
  return { reports, end: await ended };
}

export function checkGroup(group: string, cases: readonly HostileCase[]): void {
  describe(group, () => {
    let run: Run;
    beforeAll(async () => {
      run = await runGroup(group);
    }, 600_000);

    test("cases have names of their own", () => {
      expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    });

    test.each(cases)("$name", ({ name, codes, mentions, seconds = CPU_SECONDS }) => {
      const report = run.reports.get(name);
      if (!report) return expect.fail(`no report: the process ${run.end}`);
      expect(report.outcome, `${report.code}: ${report.message}`).not.toBe("untyped");
      expect(report.cpuSeconds).toBeLessThan(seconds);
      expect(report.grownBytes).toBeLessThan(MOST_GROWN_BYTES);
      if (codes.length === 0) return;
      expect(report.outcome, "was taken as if nothing were wrong").toBe("refused");
      expect(codes).toContain(report.code);
      for (const mention of mentions) expect(report.message).toContain(mention);
    });
  });
}
