/** A drift report as text for a terminal. */
import type { ClusterChange, DriftReport } from "./detect.ts";

/** Changes of share smaller than this are not worth a line. */
const SHOWN_CHANGE = 0.03;
const SHOWN_CLUSTERS = 3;

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
const pValue = (value: number): string => (value < 0.01 ? value.toFixed(3) : value.toFixed(2));

export function formatDrift(report: DriftReport): string {
  const { pValues, prompts, medianLength, unfamiliarShare, unfamiliar, alpha } = report;
  const lines = [
    report.hasDrifted
      ? "DRIFT: traffic has left what the router was trained on"
      : "no drift: traffic looks like what the router was trained on",
    "",
    `mix of prompts      p = ${pValue(pValues.mix)}`,
    `unfamiliar prompts  p = ${pValue(pValues.novelty)}   ${percent(unfamiliarShare)} of traffic (1.0 % expected)`,
    `prompt length       p = ${pValue(pValues.length)}   median ${medianLength.traffic} characters, ${medianLength.training} in training`,
    `${prompts.tested} of ${prompts.distinct} distinct prompts tested; alarm when a p-value is at most ${alpha}`,
  ];
  const changed = report.clusters
    .filter(({ trafficShare, trainingShare }) => Math.abs(trafficShare - trainingShare) >= SHOWN_CHANGE)
    .slice(0, SHOWN_CLUSTERS);
  if (!report.hasDrifted) return lines.join("\n");
  if (unfamiliar.ids.length > 0) {
    lines.push(
      "",
      `unlike anything in training: ${unfamiliar.words.join(", ")}`,
      ...unfamiliar.typical.map(quoted),
    );
  }
  for (const cluster of changed) lines.push("", changeLine(cluster), ...cluster.typical.map(quoted));
  lines.push("", `what to do: ${advice(report)}`);
  return lines.join("\n");
}

const quoted = (prompt: string): string => `  "${prompt}"`;

function changeLine({ words, trainingShare, trafficShare }: ClusterChange): string {
  const direction = trafficShare > trainingShare ? "more" : "less";
  return `${direction} of ${words.join(", ")}: ${percent(trainingShare)} of training, ${percent(trafficShare)} of traffic`;
}

function advice({ pValues, alpha, unfamiliar }: DriftReport): string {
  if (pValues.novelty <= alpha) {
    return `the router guesses on the unfamiliar prompts; judge answers to some of them (${unfamiliar.ids.length} ids are in --json) and train again with them`;
  }
  return "the prompts are known kinds in another mix; evaluate on judged recent traffic, and train again if the router lost";
}
