/**
 * Runs the cases of one group in a process with little memory, and reports each on a line of its own: a case that hangs or
 * ends the process is the one whose report is missing.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TuttiError } from "../../../src/support/errors.ts";
import { writeBase } from "./base.ts";
import type { CaseReport, HostileCase, Place } from "./case.ts";

const [group = ""] = process.argv.slice(2);
const { CASES } = (await import(`./${group}.ts`)) as { readonly CASES: readonly HostileCase[] };

function describeError(error: unknown): Pick<CaseReport, "outcome" | "code" | "message"> {
  if (TuttiError.is(error)) return { outcome: "refused", code: error.code, message: error.message };
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return { outcome: "untyped", code: name, message: `${message}\n${stack}` };
}

async function outcomeOf(run: HostileCase["run"], place: Place) {
  try {
    await run(place);
    return { outcome: "taken", code: "", message: "" } as const;
  } catch (error) {
    return describeError(error);
  }
}

/** The most memory that the process ever held, in bytes. */
const highest = (): number => process.resourceUsage().maxRSS * 1024;

const root = mkdtempSync(join(tmpdir(), "tutti-hostile-"));
// Cases about permissions become somebody else, who must be able to get here.
chmodSync(root, 0o755);
try {
  const base = writeBase(join(root, "base"));
  for (const [index, { name, run }] of CASES.entries()) {
    const folder = join(root, String(index));
    mkdirSync(folder);
    const before = { memory: highest(), cpu: process.cpuUsage() };
    const outcome = await outcomeOf(run, { base, folder });
    const { user, system } = process.cpuUsage(before.cpu);
    const report: CaseReport = {
      name,
      ...outcome,
      cpuSeconds: (user + system) / 1e6,
      grownBytes: highest() - before.memory,
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    rmSync(folder, { recursive: true, force: true });
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
