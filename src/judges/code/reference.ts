/** What a prompt's `reference` must hold for its answers to be judged by running them. */
import type { JsonObject } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { isJsonObject } from "../../support/json.ts";
import { CODE_LANGUAGES, type CodeLanguage } from "./program.ts";

/**
 * `prompt.reference` of a coding prompt:
 *
 * ```json
 * { "language": "python", "tests": ["assert f(1) == 2"], "entryPoint": "f", "prefix": "import math\n\ndef f(x):\n", "setup": "" }
 * ```
 */
export interface CodeReference {
  /** "python" where it is not given. */
  readonly language: CodeLanguage;
  /**
   * Python: statements, in one text or several; each top-level statement with an `assert` is a test, and a function
   * `check(candidate)` is one test for each such statement of its body. JavaScript and TypeScript: one test a text, which may use
   * `assert` and `await`.
   */
  readonly tests: readonly string[];
  /** The function under test: what `check` is called with, and how the right block of an answer is known. */
  readonly entryPoint?: string;
  /** Code that the answer goes on from: imports, helpers, signature and docstring. Kept in front of the answer's code. */
  readonly prefix?: string;
  /** Runs before the answer's code. */
  readonly setup?: string;
}

const MEMBERS: ReadonlySet<string> = new Set(["language", "tests", "entryPoint", "prefix", "setup"]);

/** @throws TuttiError `JUDGE_INVALID` where the prompt has no tests, or they are not what the schema says */
export function codeReference(reference: JsonObject | undefined, promptId: string): CodeReference {
  const refuse = (problem: string): never => {
    throw new TuttiError("JUDGE_INVALID", `prompt ${JSON.stringify(promptId)}: ${problem}`, {
      details: { promptId, members: [...MEMBERS] },
      hint: "docs/judges-code.md describes `reference` for code",
    });
  };
  if (!isJsonObject(reference)) return refuse("has no `reference` with tests");
  const { language = "python", tests } = reference;
  if (!CODE_LANGUAGES.includes(language as CodeLanguage)) {
    return refuse(
      `reference.language is ${JSON.stringify(language)}, expected one of ${CODE_LANGUAGES.join(", ")}`,
    );
  }
  const list = typeof tests === "string" ? [tests] : tests;
  if (!Array.isArray(list) || list.length === 0 || !list.every((test) => typeof test === "string")) {
    return refuse("reference.tests must be a text or a list of texts");
  }
  const texts: Partial<Record<"entryPoint" | "prefix" | "setup", string>> = {};
  for (const name of ["entryPoint", "prefix", "setup"] as const) {
    const value = reference[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== "string") return refuse(`reference.${name} must be a text`);
    texts[name] = value;
  }
  return { language: language as CodeLanguage, tests: list as string[], ...texts };
}
