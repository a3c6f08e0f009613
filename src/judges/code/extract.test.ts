import { expect, test } from "vitest";
import { codeBlocks, defines, extractProgram } from "./extract.ts";
import type { CodeReference } from "./reference.ts";

const python = (extra: Partial<CodeReference> = {}): CodeReference => ({
  language: "python",
  tests: [],
  ...extra,
});
const PREFIX =
  'from typing import List\n\n\ndef helper(x):\n    return x\n\n\ndef f(x: int) -> int:\n    """ Adds one. """\n';

test("fenced blocks, with tags, indentation and ends that are missing", () => {
  expect(codeBlocks("a\n```Python\nx = 1\n```\nb\n```\ny\n```")).toEqual([
    { tag: "python", code: "x = 1" },
    { tag: "", code: "y" },
  ]);
  expect(codeBlocks(" ```python\ndef f():\n    pass")).toEqual([
    { tag: "python", code: "def f():\n    pass" },
  ]);
  expect(codeBlocks("1. so:\n   ```py\n   if x:\n       y\n   ```")).toEqual([
    { tag: "py", code: "if x:\n    y" },
  ]);
  expect(codeBlocks("~~~js\nconst a = `b`;\n~~~")).toEqual([{ tag: "js", code: "const a = `b`;" }]);
  expect(codeBlocks("```python\r\nx = 1```\r\nafter")).toEqual([{ tag: "python", code: "x = 1" }]);
  expect(codeBlocks("```python\n```")).toEqual([{ tag: "python", code: "" }]);
  expect(codeBlocks("use `x` and ``y``")).toEqual([]);
});

test.each([
  ["def f(x):", true],
  ["async def f(x):", true],
  ["f = lambda x: x", true],
  ["f: int = 3", true],
  ["class f:", true],
  ["from m import f", true],
  ["    def f(x):", false],
  ["def fg(x):", false],
  ["f == 3", false],
  ["# def f", false],
])("whether %j defines f", (code, expected) => {
  expect(defines(code, "f", "python")).toBe(expected);
});

test("the block that defines the entry point is the one that is meant", () => {
  const text =
    "First:\n```python\nprint(1)\n```\nthen\n```python\ndef f(x):\n    return 2\n```\n```python\nprint(f(1))\n```";
  expect(extractProgram(text, python({ entryPoint: "f" }))!.code).toContain("return 2");
  expect(extractProgram(text, python())!.code).toBe("print(1)");
  const shell = "```bash\npip install x\n```\n```python\ndef f(x):\n    return 2\n```";
  expect(extractProgram(shell, python())!.code).toContain("return 2");
});

test("a whole function follows the prompt's imports and helpers, a body completes its function", () => {
  const whole = extractProgram(
    "```python\ndef f(x):\n    return helper(x) + 1\n```",
    python({ entryPoint: "f", prefix: PREFIX }),
  )!;
  expect(whole).toEqual({
    form: "block",
    code: `${PREFIX.trimEnd()}\ndef f(x):\n    return helper(x) + 1\n`,
  });
  const body = extractProgram("    return x + 1", python({ entryPoint: "f", prefix: PREFIX }))!;
  expect(body).toEqual({ form: "body", code: `${PREFIX.trimEnd()}\n    return x + 1\n` });
  const fenced = extractProgram(
    "```python\n    f = x + 1\n    return f\n```",
    python({ entryPoint: "f", prefix: PREFIX }),
  )!;
  expect(fenced).toEqual({ form: "body", code: `${PREFIX.trimEnd()}\n    f = x + 1\n    return f\n` });
  const flush = extractProgram(
    "```\ny = x\nif y:\n    y += 1\nreturn y\n```",
    python({ entryPoint: "f", prefix: PREFIX }),
  )!;
  expect(flush.code).toBe(`${PREFIX.trimEnd()}\n    y = x\n    if y:\n        y += 1\n    return y\n`);
});

test("from __future__ stays first", () => {
  const answer = "from __future__ import annotations\ndef f(x):\n    return x";
  const { code, form } = extractProgram(answer, python({ entryPoint: "f", prefix: PREFIX }))!;
  expect(code.startsWith("from __future__ import annotations\nfrom typing")).toBe(true);
  expect(form).toBe("whole");
});

test("prose is no code", () => {
  expect(extractProgram("I cannot help with that.", python())).toBeUndefined();
  expect(extractProgram("", python({ prefix: PREFIX, entryPoint: "f" }))).toBeUndefined();
  expect(extractProgram("The function is simple to import and define.", python())).toBeUndefined();
  expect(extractProgram("const f = (x) => x;", { language: "javascript", tests: [] })!.form).toBe("whole");
});
