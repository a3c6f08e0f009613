/** A routing decision with its alternatives, for people. */
import type { Decision } from "../gateway/index.ts";
import type { Neighbour } from "../routing/baselines/index.ts";
import { type Change, shownUsd } from "../routing/policy/index.ts";
import { printable } from "./io.ts";

export interface Explanation extends Decision {
  /** By candidate, where lengths are predicted. */
  readonly answerTokens: Readonly<Record<string, { readonly low: number; readonly high: number }>>;
  readonly nearestTrainingPrompts: readonly Neighbour[];
  /** Whom expected quality would choose, where no policy is set and the scores chose another. */
  readonly byExpectedQuality?: { readonly model: string; readonly reason: string };
  /** Of the decision that was made; empty where the scores made it against expected quality. */
  readonly whatWouldChange: readonly Change[];
}

const PROMPT_CHARACTERS = 90;

/** Columns side by side; those that say nothing of any candidate are left out. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const used = header.map((_, column) => rows.some((row) => row[column] !== ""));
  const lines = [header, ...rows].map((row) => row.filter((_, column) => used[column]));
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) =>
    `  ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join("  ")}`.trimEnd(),
  );
}

function candidateTable({ scores, answerTokens }: Explanation): string[] {
  const rows = [...scores]
    .sort((a, b) => (b.quality ?? b.score) - (a.quality ?? a.score) || b.score - a.score)
    .map((candidate) => {
      const { model, score, quality, estimatedCostUsd, estimatedLatencyMs } = candidate;
      const interval = answerTokens[model];
      const range =
        interval === undefined ? "" : ` (${Math.round(interval.low)}-${Math.round(interval.high)})`;
      return [
        model,
        score.toFixed(4),
        quality === null ? "" : quality.toFixed(3),
        interval === undefined && estimatedCostUsd === null
          ? ""
          : `${Math.round(candidate.estimatedCompletionTokens)}${range}`,
        estimatedCostUsd === null ? "" : shownUsd(estimatedCostUsd),
        estimatedLatencyMs === null ? "" : `${Math.round(estimatedLatencyMs)} ms`,
        candidate.excluded === null ? "" : "left out",
      ];
    });
  return table(["model", "score", "quality", "tokens (8 of 10)", "cost", "latency", ""], rows);
}

export function explanationText(explanation: Explanation): string {
  const { model, reason, routingMs, nearestTrainingPrompts: nearest, whatWouldChange } = explanation;
  const { byExpectedQuality: other } = explanation;
  const neighbours = nearest.map(({ id, similarity, prompt }) => {
    const text = printable(prompt.replaceAll(/\s+/g, " ").slice(0, PROMPT_CHARACTERS));
    return `  ${similarity.toFixed(3)}  ${printable(id)}  ${text}`;
  });
  return [
    model,
    `  ${reason} (${routingMs.toFixed(1)} ms)`,
    ...(other === undefined
      ? []
      : [
          `  no policy is set, so the scores decided; expected quality alone would choose ${other.model}: ${other.reason}`,
        ]),
    "",
    "scores and expectations:",
    ...candidateTable(explanation),
    "",
    ...(whatWouldChange.length === 0
      ? []
      : ["what would change the decision:", ...whatWouldChange.map(({ sentence }) => `  ${sentence}`), ""]),
    "nearest training prompts:",
    ...neighbours,
  ].join("\n");
}
