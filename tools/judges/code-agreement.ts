/**
 * Judges recorded responses to HumanEval and MBPP and compares the verdicts with the recorded ones.
 *
 *     npx tsx tools/judges/code-agreement.ts --problems humaneval.jsonl.gz --judged FILE [--judged FILE] [--out docs/judges-code-agreement.md]
 *         [--workers N] [--python PYTHON] [--dump FILE]
 *
 * `--problems` is HumanEval itself (`task_id, prompt, test, entry_point, canonical_solution`), whose canonical solutions are judged
 * too. `--python` asks a CPython about every program on which the verdicts differ: it runs them without a sandbox.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import {
  type CodeReference,
  CodeSandbox,
  extractProgram,
  type Program,
  type ProgramOutcome,
} from "../../src/judges/index.ts";
import { agreementPage, type Disagreement, type Judged } from "./agreement-page.ts";
import { cpythonVerdict } from "./cpython.ts";

interface Problem {
  readonly task_id: string;
  readonly prompt: string;
  readonly test: string;
  readonly entry_point: string;
  readonly canonical_solution: string;
}

interface Row {
  readonly id: string;
  readonly benchmark: string;
  readonly task_id?: string;
  readonly tests?: string;
  readonly candidates: Readonly<
    Record<string, { readonly response: string; readonly score: number; readonly result?: string }>
  >;
}

const { values } = parseArgs({
  options: {
    problems: { type: "string" },
    judged: { type: "string", multiple: true },
    out: { type: "string" },
    workers: { type: "string", default: "1" },
    python: { type: "string" },
    dump: { type: "string" },
  },
});
if (values.problems === undefined || values.judged === undefined) {
  console.error(
    "usage: npx tsx tools/judges/code-agreement.ts --problems FILE --judged FILE [--judged FILE] [--out FILE]",
  );
  process.exit(2);
}

function readLines<T>(path: string): T[] {
  const text = gunzipSync(readFileSync(path)).toString("utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

const problems = new Map(readLines<Problem>(values.problems).map((problem) => [problem.task_id, problem]));
const sandbox = new CodeSandbox({ workers: Number(values.workers) });

function referenceOf(row: Row): CodeReference | undefined {
  if (row.benchmark === "MBPP" && row.tests !== undefined) {
    return { language: "python", tests: row.tests.split(/\n(?=assert )/) };
  }
  const problem = row.benchmark === "HumanEval" ? problems.get(row.task_id ?? "") : undefined;
  return problem && humanEval(problem);
}

const humanEval = ({ prompt, test, entry_point }: Problem): CodeReference => ({
  language: "python",
  tests: [test],
  entryPoint: entry_point,
  prefix: prompt,
});

function programOf(
  text: string,
  { language, tests, entryPoint, ...rest }: CodeReference,
): Program | undefined {
  const extracted = extractProgram(text, {
    language,
    tests,
    ...(entryPoint !== undefined && { entryPoint }),
    ...rest,
  });
  return (
    extracted && { language, tests, code: extracted.code, ...(entryPoint !== undefined && { entryPoint }) }
  );
}

async function canonicalPassing(): Promise<{
  readonly passed: number;
  readonly failures: readonly string[];
}> {
  const failures: string[] = [];
  await Promise.all(
    [...problems.values()].map(async (problem) => {
      const program = programOf(problem.prompt + problem.canonical_solution, humanEval(problem))!;
      const outcome = await sandbox.run(program);
      if (outcome.verdict !== "passed") failures.push(`${problem.task_id}: ${JSON.stringify(outcome)}`);
    }),
  );
  return { passed: problems.size - failures.length, failures };
}

const canonical = await canonicalPassing();
for (const failure of canonical.failures) console.error(failure);
console.error(`canonical solutions: ${canonical.passed} of ${problems.size} pass`);

const judged: Judged[] = [];
const disagreements: Disagreement[] = [];
const began = performance.now();
await Promise.all(
  values.judged
    .flatMap((path) => readLines<Row>(path))
    .flatMap((row) => {
      const reference = referenceOf(row);
      if (!reference) return [];
      return Object.entries(row.candidates).map(async ([model, { response, score, result }]) => {
        const program = programOf(response, reference);
        const outcome: ProgramOutcome | undefined = program && (await sandbox.run(program));
        const verdict = outcome?.verdict ?? "no_code";
        const entry = { benchmark: row.benchmark, id: row.id, model, recorded: score, verdict };
        judged.push(entry);
        if ((verdict === "passed") === (score === 1)) return;
        disagreements.push({
          ...entry,
          result: result ?? "",
          ...(outcome?.failure && { failure: outcome.failure }),
          ...(program && { program }),
        });
      });
    }),
);
const seconds = (performance.now() - began) / 1000;
await sandbox.close();

disagreements.sort((a, b) => `${a.id} ${a.model}`.localeCompare(`${b.id} ${b.model}`));
const explained = disagreements.map((disagreement) => ({
  ...disagreement,
  ...(values.python !== undefined &&
    disagreement.program && { cpython: cpythonVerdict(values.python, disagreement.program) }),
}));
const page = agreementPage(canonical.passed, problems.size, judged, explained);
if (values.out !== undefined) writeFileSync(values.out, page);
if (values.dump !== undefined) writeFileSync(values.dump, `${JSON.stringify(explained, null, 1)}\n`);
console.log(page);
console.error(`${judged.length} responses in ${seconds.toFixed(0)} s`);
