/** Outcomes by what they depend on: the same program with the same tests and limits is not run twice. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../judged/index.ts";
import type { Program, ProgramLimits, ProgramOutcome } from "./program.ts";

export interface OutcomeCache {
  get(key: string): Promise<ProgramOutcome | undefined>;
  set(key: string, outcome: ProgramOutcome): Promise<void>;
}

/** SHA-256 over program, tests, limits and the version of the judge. */
export function outcomeKey(program: Program, limits: ProgramLimits, version: string): string {
  const { language, code, tests, entryPoint = null, setup = null } = program;
  const parts = [version, language, code, tests, entryPoint, setup, { ...limits }];
  return createHash("sha256").update(canonicalJson(parts)).digest("hex");
}

/** Outcomes that only depend on the program: how fast the machine was plays no part in them. */
export function isLasting({ verdict, failure }: ProgramOutcome): boolean {
  return verdict !== "timeout" && failure?.type !== "ProcessDied";
}

/** The last outcomes, in memory; the one that was not asked for longest goes first. */
export class RecentOutcomes implements OutcomeCache {
  private readonly size: number;
  private readonly outcomes = new Map<string, ProgramOutcome>();

  constructor(size: number) {
    this.size = size;
  }

  get(key: string): Promise<ProgramOutcome | undefined> {
    const found = this.outcomes.get(key);
    if (found) {
      this.outcomes.delete(key);
      this.outcomes.set(key, found);
    }
    return Promise.resolve(found);
  }

  set(key: string, outcome: ProgramOutcome): Promise<void> {
    this.outcomes.delete(key);
    this.outcomes.set(key, outcome);
    for (const oldest of this.outcomes.keys()) {
      if (this.outcomes.size <= this.size) break;
      this.outcomes.delete(oldest);
    }
    return Promise.resolve();
  }
}
