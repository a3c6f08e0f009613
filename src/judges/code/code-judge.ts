/** The judge that runs answers: code is taken out of the answer, run against the prompt's tests in the sandbox, and explained. */
import type { JsonObject, PromptRow, ResponseRow } from "../../judged/index.ts";
import type { Judge, JudgeOptions, Verdict } from "../judge.ts";
import { type ExtractedCode, extractProgram } from "./extract.ts";
import { isLasting, type OutcomeCache, outcomeKey, RecentOutcomes } from "./outcome-cache.ts";
import { DEFAULT_PROGRAM_LIMITS, type Program, type ProgramOutcome } from "./program.ts";
import { codeReference } from "./reference.ts";
import { CodeSandbox, type CodeSandboxOptions } from "./sandbox/sandbox.ts";

/**
 * Changes with everything that can alter a verdict: extraction, harness, interpreters. A test compares the interpreters with
 * those installed.
 */
export const CODE_JUDGE_VERSION = "1+pyodide-314.0.7+quickjs-0.32.0+amaro-0.1.9";

export interface CodeJudgeOptions extends CodeSandboxOptions {
  /** `all`: 1 where every test passed, else 0. `share`: the share of tests that passed. */
  readonly credit?: "all" | "share";
  /** The last 10,000 outcomes in memory, where none is given. */
  readonly cache?: OutcomeCache;
}

const CACHED_OUTCOMES = 10_000;
/** Ends after which the tests that had passed still count. */
const EARNS_SHARE: ReadonlySet<string> = new Set(["wrong", "error", "timeout", "memory"]);

/**
 * A judge by execution. Verdicts are those of `PROGRAM_VERDICTS` and `no_code`; the score is null for `invalid_tests` alone, which
 * says something about the prompt and nothing about the answer.
 */
export function createCodeJudge({ credit = "all", cache, ...options }: CodeJudgeOptions = {}): Judge {
  const sandbox = new CodeSandbox(options);
  const outcomes = cache ?? new RecentOutcomes(CACHED_OUTCOMES);
  const running = new Map<string, Promise<ProgramOutcome | undefined>>();
  const { timeSeconds, memoryBytes } = sandbox.limits;
  const isDefault =
    timeSeconds === DEFAULT_PROGRAM_LIMITS.timeSeconds && memoryBytes === DEFAULT_PROGRAM_LIMITS.memoryBytes;
  const limits = isDefault ? "" : `+${timeSeconds}s+${memoryBytes >>> 20}MiB`;
  const version = `${CODE_JUDGE_VERSION}${limits}${credit === "share" ? "+share" : ""}`;

  const outcomeOf = async (program: Program, signal?: AbortSignal): Promise<ProgramOutcome> => {
    const key = outcomeKey(program, sandbox.limits, CODE_JUDGE_VERSION);
    const known = await outcomes.get(key);
    if (known) return known;
    const pending = running.get(key);
    const shared = pending && (await pending);
    if (shared) return shared;
    const run = sandbox.run(program, signal);
    // Who waits for the same program starts it again if this run fails or is given up.
    running.set(
      key,
      run.catch(() => undefined),
    );
    try {
      const outcome = await run;
      if (isLasting(outcome)) await outcomes.set(key, outcome);
      return outcome;
    } finally {
      running.delete(key);
    }
  };

  return {
    name: "code",
    version,
    maxConcurrency: options.workers ?? 1,
    canJudge: ({ reference }) => reference?.tests !== undefined,
    async judge(prompt: PromptRow, response: ResponseRow, { signal }: JudgeOptions = {}): Promise<Verdict> {
      const { language, tests, entryPoint, setup, ...rest } = codeReference(prompt.reference, prompt.id);
      const extracted = extractProgram(response.text, {
        language,
        tests,
        ...(entryPoint !== undefined && { entryPoint }),
        ...rest,
      });
      if (!extracted) return { score: 0, verdict: "no_code", explanation: { language } };
      const program: Program = {
        language,
        code: extracted.code,
        tests,
        ...(entryPoint !== undefined && { entryPoint }),
        ...(setup !== undefined && { setup }),
      };
      const outcome = await outcomeOf(program, signal);
      return {
        score: scoreOf(outcome, credit),
        verdict: outcome.verdict,
        explanation: explain(outcome, extracted, program),
      };
    },
    close: () => sandbox.close(),
  };
}

function scoreOf({ verdict, passed, total }: ProgramOutcome, credit: "all" | "share"): number | null {
  if (verdict === "invalid_tests") return null;
  if (verdict === "passed") return 1;
  return credit === "share" && total > 0 && EARNS_SHARE.has(verdict) ? passed / total : 0;
}

function explain(
  { passed, total, failure, output, seconds }: ProgramOutcome,
  { form }: ExtractedCode,
  { language }: Program,
): JsonObject {
  return {
    language,
    form,
    passed,
    total,
    ...(failure && { failure: { ...failure } }),
    ...(output !== "" && { output }),
    seconds: Math.round(seconds * 1000) / 1000,
  };
}
