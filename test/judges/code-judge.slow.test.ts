/** The code judge on real answers, real benchmarks and real processes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { JsonObject, PromptRow, ResponseRow } from "../../src/judged/index.ts";
import {
  CODE_JUDGE_VERSION,
  CodeSandbox,
  createCodeJudge,
  PROGRAM_VERDICTS,
  type ProgramOutcome,
} from "../../src/judges/index.ts";
import { TuttiError } from "../../src/support/index.ts";
import { fixtureJson } from "../support/fixtures.ts";

interface Problem {
  readonly task_id: string;
  readonly prompt: string;
  readonly canonical_solution: string;
  readonly test: string;
  readonly entry_point: string;
  readonly answers: readonly { readonly model: string; readonly response: string; readonly score: number }[];
}

const START_MS = 180_000;
const judge = createCodeJudge({ limits: { timeSeconds: 20 } });
const sharing = createCodeJudge({ credit: "share", limits: { timeSeconds: 2 } });
afterAll(async () => {
  await judge.close!();
  await sharing.close!();
});

const promptOf = (reference: JsonObject): PromptRow => ({
  key: "p",
  id: "p1",
  messages: [{ role: "user", content: "Write f." }],
  domain: "code",
  source: "test",
  reference,
  createdAt: "2026-01-01T00:00:00.000Z",
});

const responseOf = (text: string): ResponseRow => ({
  key: "r",
  promptKey: "p",
  model: "m",
  modelRevision: "1",
  template: "provider",
  parameters: {},
  seedIndex: 0,
  text,
  status: "ok",
  source: "test",
  createdAt: "2026-01-01T00:00:00.000Z",
});

const problems = fixtureJson<Problem[]>("judges/humaneval.json");
const referenceOf = ({ test, entry_point, prompt }: Problem): JsonObject => ({
  tests: test,
  entryPoint: entry_point,
  prefix: prompt,
});

test(
  "canonical solutions pass, as bodies and as whole functions; empty bodies do not",
  async () => {
    for (const problem of problems) {
      const prompt = promptOf(referenceOf(problem));
      const body = await judge.judge(prompt, responseOf(problem.canonical_solution));
      expect(body, problem.task_id).toMatchObject({
        score: 1,
        verdict: "passed",
        explanation: { form: "body" },
      });
      const whole = await judge.judge(
        prompt,
        responseOf(`Sure:\n\`\`\`python\n${problem.prompt}${problem.canonical_solution}\n\`\`\``),
      );
      expect(whole, problem.task_id).toMatchObject({ score: 1, explanation: { form: "block" } });
      const nothing = await judge.judge(prompt, responseOf("    pass"));
      expect(nothing, problem.task_id).toMatchObject({ score: 0 });
      expect(["wrong", "error"]).toContain(nothing.verdict);
    }
  },
  START_MS,
);

test(
  "recorded answers get their recorded verdicts",
  async () => {
    const answers = problems.flatMap((problem) =>
      problem.answers.map((answer) => ({ ...answer, problem, prompt: promptOf(referenceOf(problem)) })),
    );
    expect(answers.length).toBeGreaterThan(20);
    for (const { prompt, response, score, problem, model } of answers) {
      const verdict = await judge.judge(prompt, responseOf(response));
      expect(verdict.score, `${problem.task_id} ${model}: ${JSON.stringify(verdict)}`).toBe(score);
    }
  },
  START_MS,
);

test(
  "an explanation says which test failed, how, and where",
  async () => {
    const prompt = promptOf({ tests: ["assert f(1) == 2", "assert f(0) == 0, 'zero'", "assert f(-1) == 0"] });
    const answer = "```python\ndef f(x):\n    print('called', x)\n    return 10 // x and x + 1\n```";
    const { score, verdict, explanation } = await judge.judge(prompt, responseOf(answer));
    expect([score, verdict]).toEqual([0, "error"]);
    expect(explanation).toMatchObject({
      language: "python",
      form: "block",
      passed: 2,
      total: 3,
      failure: { test: "assert f(0) == 0, 'zero'", type: "ZeroDivisionError", line: 3 },
      output: "called 1\ncalled 0\ncalled -1\n",
    });
    const wrong = await judge.judge(prompt, responseOf("```python\ndef f(x):\n    return x + 1\n```"));
    expect(wrong).toMatchObject({
      verdict: "wrong",
      explanation: { failure: { type: "AssertionError", message: "zero" } },
    });
  },
  START_MS,
);

test(
  "partial credit counts what passed, also when the rest takes for ever",
  async () => {
    const prompt = promptOf({ tests: ["assert f(1) == 1", "assert f(2) == 3", "assert f(3) == 3"] });
    const twoOfThree = await sharing.judge(prompt, responseOf("```\ndef f(x):\n    return x\n```"));
    expect(twoOfThree).toMatchObject({ score: 2 / 3, verdict: "wrong" });
    const late = await sharing.judge(
      prompt,
      responseOf("```\ndef f(x):\n    while x > 1: pass\n    return x\n```"),
    );
    expect(late).toMatchObject({ score: 1 / 3, verdict: "timeout", explanation: { passed: 1, total: 3 } });
    expect(sharing.version).toBe(`${CODE_JUDGE_VERSION}+2s+256MiB+share`);
  },
  START_MS,
);

test(
  "verdicts that are not about tests",
  async () => {
    const prompt = promptOf({ tests: ["assert f(1) == 1"] });
    expect(await judge.judge(prompt, responseOf("I would rather not."))).toMatchObject({
      score: 0,
      verdict: "no_code",
    });
    expect(await judge.judge(prompt, responseOf("```python\ndef f(x)\n```"))).toMatchObject({
      score: 0,
      verdict: "syntax",
      explanation: { failure: { line: 1 } },
    });
    const broken = await judge.judge(promptOf({ tests: ["assert f(1"] }), responseOf("def f(x): return 1"));
    expect(broken).toMatchObject({ score: null, verdict: "invalid_tests" });
    const missing = await judge.judge(
      promptOf({ tests: ["import numpy\nassert f(1) == 1"] }),
      responseOf("def f(x): return 1"),
    );
    expect(missing).toMatchObject({
      score: null,
      verdict: "invalid_tests",
      explanation: { failure: { type: "ModuleNotFoundError" } },
    });
    await expect(judge.judge(promptOf({ answer: "3" }), responseOf("x"))).rejects.toSatisfy(
      (error) => TuttiError.is(error) && error.code === "JUDGE_INVALID",
    );
  },
  START_MS,
);

test(
  "what Python programs expect to be there",
  async () => {
    const prompt = promptOf({ setup: "import math", tests: ["assert f(4) == 2"] });
    const programs = [
      "def f(x): return math.isqrt(x)",
      "import asyncio\nasync def g(x):\n    await asyncio.sleep(0.01)\n    return x // 2\ndef f(x): return asyncio.run(g(x))",
      "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: 'int'\ndef f(x): return A(x).x - 2",
      "import tempfile\ndef f(x):\n    with tempfile.TemporaryFile('w+') as file:\n        file.write('2')\n        file.seek(0)\n        return int(file.read())",
      "import sqlite3\ndef f(x): return sqlite3.connect(':memory:').execute('select ? / 2', (x,)).fetchone()[0]",
      "import sys\nsys.setrecursionlimit(100_000)\ndef g(n): return n and 1 + g(n - 1)\ndef f(x): return g(20_000) // 10_000",
      "if __name__ == '__main__':\n    raise SystemExit(input())\ndef f(x): return x // 2",
      "import pickle\nclass P: pass\ndef f(x): return 2 if isinstance(pickle.loads(pickle.dumps(P())), P) else 0",
    ];
    for (const code of programs) {
      const verdict = await judge.judge(prompt, responseOf(`\`\`\`python\n${code}\n\`\`\``));
      expect(verdict.verdict, `${code}\n${JSON.stringify(verdict)}`).toBe("passed");
    }
  },
  START_MS,
);

test(
  "JavaScript and TypeScript",
  async () => {
    const javascript = promptOf({
      language: "javascript",
      entryPoint: "f",
      tests: ["assert.deepStrictEqual(await f([1]), [2]);"],
    });
    const answers = [
      "```js\nfunction f(list) { return list.map((x) => x + 1); }\n```",
      "```javascript\nconst f = async (list) => list.map((x) => x + 1);\nmodule.exports = { f };\n```",
      "```\nexport default function f(list) { return list.map((x) => x + 1); }\n```",
      "const assert = require('node:assert');\nfunction f(list) { assert(list.length); return list.map((x) => x + 1); }",
    ];
    for (const answer of answers) {
      expect(await judge.judge(javascript, responseOf(answer)), answer).toMatchObject({
        score: 1,
        verdict: "passed",
      });
    }
    const typescript = promptOf({
      language: "typescript",
      tests: ["const two: number = f(1);\nassert.strictEqual(two, 2);", "assert.equal(A.B, 1)"],
    });
    const typed =
      "```ts\nexport enum A { B = 1 }\ninterface X { y?: string }\nexport function f<T extends number>(x: T): number { return (x as number) + 1; }\n```";
    expect(await judge.judge(typescript, responseOf(typed))).toMatchObject({
      score: 1,
      explanation: { passed: 2 },
    });
    const wrong = await judge.judge(
      javascript,
      responseOf("```js\nfunction f(list) {\n  return list;\n}\n```"),
    );
    expect(wrong).toMatchObject({
      verdict: "wrong",
      explanation: { failure: { type: "AssertionError", message: "[1] is not deeply equal to [2]" } },
    });
  },
  START_MS,
);

test(
  "the same program is run once, and again after it was too late",
  async () => {
    let runs = 0;
    const known = new Map<string, ProgramOutcome>();
    const counting = createCodeJudge({
      limits: { timeSeconds: 1 },
      cache: {
        get: (key) => Promise.resolve(known.get(key)),
        set: (key, outcome) => {
          runs++;
          known.set(key, outcome);
          return Promise.resolve();
        },
      },
    });
    const prompt = promptOf({ language: "javascript", tests: ["assert(f(1))"] });
    const answer = responseOf("function f(x) { return Math.random(); }");
    const [first, second] = await Promise.all([
      counting.judge(prompt, answer),
      counting.judge(prompt, answer),
    ]);
    expect([first.verdict, second, await counting.judge(prompt, answer), runs]).toEqual([
      "passed",
      first,
      first,
      1,
    ]);
    const endless = await counting.judge(prompt, responseOf("function f(x) { for (;;) {} }"));
    expect([endless.verdict, runs]).toEqual(["timeout", 1]);
    await counting.close!();
  },
  START_MS,
);

test(
  "a judgement that is given up ends its process; the next one is not disturbed",
  async () => {
    const sandbox = new CodeSandbox({ limits: { timeSeconds: 60 } });
    const endless = { language: "javascript", code: "for (;;) {}", tests: ["assert(1)"] } as const;
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 2000);
    const began = performance.now();
    await expect(sandbox.run(endless, controller.signal)).rejects.toThrow("abort");
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(await sandbox.run({ ...endless, code: "" })).toMatchObject({ verdict: "passed" });
    await sandbox.close();
    await expect(sandbox.run(endless)).rejects.toThrow("closed");
  },
  START_MS,
);

test("the version names the interpreters that are installed", () => {
  const root = join(import.meta.dirname, "../../node_modules");
  const versionOf = (name: string): string =>
    (JSON.parse(readFileSync(join(root, name, "package.json"), "utf8")) as { version: string }).version;
  expect(CODE_JUDGE_VERSION).toContain(`pyodide-${versionOf("pyodide")}`);
  expect(CODE_JUDGE_VERSION).toContain(`quickjs-${versionOf("quickjs-emscripten-core")}`);
  expect(CODE_JUDGE_VERSION).toContain(`amaro-${versionOf("amaro")}`);
  expect(PROGRAM_VERDICTS).toContain("passed");
});
