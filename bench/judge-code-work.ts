/** The programs of the code judge's benchmark: answers to MBPP that ship with Tutti, and their tests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { codeReference, extractProgram, type Program } from "../src/judges/index.ts";
import { writeFileAtomic } from "../src/support/atomic-file.ts";
import { permutation } from "../src/tensor/random.ts";

const ROOT = join(import.meta.dirname, "..");
export const PROGRAMS_FILE: string = join(ROOT, ".cache/bench/judge-code-programs.json");
const PROGRAMS = 200;
const SHUFFLE = { seed: 6, stream: 0 };

export interface RecordedProgram extends Program {
  /** Whether it passed when it was recorded; those that did not end then are left out. */
  readonly isPassing: boolean;
}

interface Row {
  readonly id: string;
  readonly tests: string;
  readonly candidates: Readonly<Record<string, { readonly response: string; readonly score: number }>>;
}

/** Writes the programs for subjects in either language. */
export async function writePrograms(): Promise<void> {
  const rows = gunzipSync(readFileSync(join(ROOT, "assets/judged/mbpp.jsonl.gz"))).toString("utf8");
  const programs = rows
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)
    .flatMap(({ id, tests, candidates }) => {
      const reference = codeReference({ tests: tests.split(/\n(?=assert )/) }, id);
      return Object.values(candidates).flatMap(({ response, score }): RecordedProgram[] => {
        const extracted = extractProgram(response, reference);
        const { language, tests: texts } = reference;
        return extracted ? [{ language, code: extracted.code, tests: texts, isPassing: score === 1 }] : [];
      });
    });
  const chosen = [...permutation(programs.length, SHUFFLE)].slice(0, PROGRAMS);
  writeFileAtomic(PROGRAMS_FILE, JSON.stringify(chosen.map((index) => programs[index]!)));
}

export function readPrograms(): readonly RecordedProgram[] {
  return JSON.parse(readFileSync(PROGRAMS_FILE, "utf8")) as RecordedProgram[];
}
