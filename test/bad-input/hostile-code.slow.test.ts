/** Answers that were written to do harm: none reaches the host, none changes the next verdict, none passes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CodeSandbox, type ProgramOutcome } from "../../src/judges/index.ts";
import { JAVASCRIPT_ATTACKS, PYTHON_ATTACKS } from "./hostile/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-hostile-code-"));
const canary = join(folder, "canary.txt");
const SECRET = "a3f9-canary-of-the-host";
let connections = 0;
const server = createServer((_, response) => {
  connections++;
  response.end(SECRET);
});
const sandbox = new CodeSandbox({ limits: { timeSeconds: 2, memoryBytes: 128 << 20, outputBytes: 65_536 } });

beforeAll(async () => {
  writeFileSync(canary, SECRET);
  process.env.TUTTI_CANARY = SECRET;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  delete process.env.TUTTI_CANARY;
  await sandbox.close();
  server.close();
  rmSync(folder, { recursive: true });
});

const place = (code: string): string =>
  code.replaceAll("CANARY_FILE", canary).replaceAll("PORT", String((server.address() as AddressInfo).port));

/** What a program can see of its interpreter, addresses and random numbers included: equal only if the memory is. */
const PROBE = `
import builtins, decimal, os, random, sys, warnings
print(sys.getrecursionlimit(), sys.path, sorted(sys.modules), sorted(builtins.__dict__))
print(os.getcwd(), os.listdir("."), os.listdir("/tmp"), os.listdir("/"), sorted(os.environ.items()))
print(random.random(), hash("text"), decimal.getcontext(), len(warnings.filters), sys.get_int_max_str_digits())
print([os.fstat(fd).st_mode for fd in (0, 1, 2)], os.open("/dev/null", os.O_RDONLY))
print("addresses", id(object()), id([]), id(lambda: 0))
def f(x):
    return x + 1
`;

interface Probe {
  readonly state: string;
  /** The same as long as the process is, if its memory is. */
  readonly addresses: string;
}

async function probe(): Promise<Probe> {
  const outcome = await sandbox.run({ language: "python", code: PROBE, tests: ["assert f(1) == 2"] });
  expect(outcome).toMatchObject({ verdict: "passed", passed: 1, total: 1 });
  const wrong = await sandbox.run({
    language: "python",
    code: "def f(x): return abs(len([x]))",
    tests: ["import math", "assert math.isclose(abs(f(1)), 2)"],
  });
  expect(wrong.verdict).toBe("wrong");
  const [state = "", addresses = ""] = outcome.output.split("addresses");
  return { state, addresses };
}

/** After these the process may have been replaced. */
function isReplacing({ verdict, failure }: ProgramOutcome): boolean {
  return (
    ["timeout", "memory"].includes(verdict) ||
    ["StackOverflow", "InterpreterFailure", "ProcessDied"].includes(failure?.type ?? "")
  );
}

function expectContained(outcome: ProgramOutcome, verdicts: readonly string[]): void {
  expect(verdicts, JSON.stringify(outcome)).toContain(outcome.verdict);
  expect(JSON.stringify(outcome)).not.toContain(SECRET);
  expect(outcome.output.length).toBeLessThan(66_000);
  expect(connections).toBe(0);
  expect(readFileSync(canary, "utf8")).toBe(SECRET);
}

describe("Python", () => {
  let before: Probe;
  beforeAll(async () => {
    before = await probe();
  }, 180_000);

  test.each(PYTHON_ATTACKS)(
    "$name",
    async ({ code, tests = ["assert f(1) == 2"], verdicts }) => {
      const outcome = await sandbox.run({ language: "python", code: place(code), tests });
      expectContained(outcome, verdicts);
      const after = await probe();
      expect(after.state).toBe(before.state);
      if (!isReplacing(outcome)) expect(after.addresses).toBe(before.addresses);
      before = after;
    },
    120_000,
  );
});

describe("JavaScript", () => {
  test.each(JAVASCRIPT_ATTACKS)(
    "$name",
    async ({ code, tests = ["assert.strictEqual(f(1), 2)"], verdicts }) => {
      const outcome = await sandbox.run({ language: "javascript", code: place(code), tests });
      expectContained(outcome, verdicts);
      const honest = await sandbox.run({
        language: "javascript",
        code: "function f(x) { return x + 1; }",
        tests: ["assert.strictEqual(f(1), 2)", "assert.deepStrictEqual([f(1)], [3])"],
      });
      expect(honest).toMatchObject({ verdict: "wrong", passed: 1, total: 2 });
    },
    120_000,
  );
});
