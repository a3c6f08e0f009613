/** The table of agreement and of every disagreement, with the reasons found by looking at each. Pure. */
import type { Program, ProgramFailure } from "../../src/judges/index.ts";

export interface Judged {
  readonly benchmark: string;
  readonly id: string;
  readonly model: string;
  readonly recorded: number;
  readonly verdict: string;
}

export interface Disagreement extends Judged {
  readonly result: string;
  readonly failure?: ProgramFailure;
  readonly program?: Program;
  /** What CPython says of the same program. */
  readonly cpython?: string;
}

const cell = (text: string): string => text.replace(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 110);

export function agreementPage(
  canonicalPassed: number,
  canonicalTotal: number,
  judged: readonly Judged[],
  disagreements: readonly Disagreement[],
): string {
  const benchmarks = [...new Set(judged.map(({ benchmark }) => benchmark))].sort();
  const shares = benchmarks.map((benchmark) => {
    const own = judged.filter((entry) => entry.benchmark === benchmark);
    const apart = disagreements.filter((entry) => entry.benchmark === benchmark).length;
    const share = (100 * (own.length - apart)) / own.length;
    return `| ${benchmark} | ${own.length} | ${own.length - apart} | ${share.toFixed(2)} % |`;
  });
  const rows = disagreements.map(({ id, model, result, verdict, failure, cpython }) => {
    const ours = failure ? `${verdict}: ${failure.type} ${failure.message}` : verdict;
    return `| ${id} | ${model} | ${cell(result)} | ${cell(ours)} | ${cell(cpython ?? "-")} |`;
  });
  return `${[
    "# Agreement of the code judge with recorded verdicts",
    "",
    `Canonical solutions of HumanEval that pass: ${canonicalPassed} of ${canonicalTotal}.`,
    "",
    "| benchmark | responses | same verdict | agreement |",
    "|---|---|---|---|",
    ...shares,
    "",
    "## Every disagreement",
    "",
    ...(rows.length === 0
      ? ["None."]
      : ["| response | model | recorded | judged | CPython, same program |", "|---|---|---|---|---|"]),
    ...rows,
  ].join("\n")}\n`;
}
