/** What a CPython says of a program and its tests, all in one namespace, as the HumanEval evaluator runs them. No sandbox. */
import { spawnSync } from "node:child_process";
import type { Program } from "../../src/judges/index.ts";

const TIME_LIMIT_MS = 15_000;

export function cpythonVerdict(python: string, { code, tests, entryPoint }: Program): string {
  const call = entryPoint === undefined ? "" : `\ncheck(${entryPoint})`;
  const source = `${code}\n${tests.join("\n")}${call}\n`;
  const runner = "import sys; exec(compile(sys.stdin.read(), 'answer', 'exec'), {})";
  const { status, stderr } = spawnSync(python, ["-c", runner], {
    input: source,
    timeout: TIME_LIMIT_MS,
    encoding: "utf8",
    env: { PYTHONHASHSEED: "0" },
  });
  if (status === 0) return "passed";
  if (status === null) return "timed out";
  const last = stderr.trim().split("\n").at(-1) ?? "";
  return `failed: ${last.slice(0, 120)}`;
}
