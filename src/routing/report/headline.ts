/** What the evaluation says, in plain words, the unwelcome parts included. */
import type { RouterEvaluation } from "../evaluation/index.ts";
import { escapeHtml } from "./svg.ts";

const signed = (value: number): string => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(1)}`;

export function headline(evaluation: RouterEvaluation): string {
  const means = Object.entries(evaluation.mean).filter(([router]) => router !== "oracle");
  const [bestName, best] = means.reduce((a, b) => (b[1].normalised > a[1].normalised ? b : a));
  const first = `<strong>${escapeHtml(bestName)}</strong> has the best mean normalised score: ${best.normalised.toFixed(1)} [${best.interval[0].toFixed(1)}, ${best.interval[1].toFixed(1)}], where 0 is a random choice and 100 an oracle.`;
  const trained = [...new Set(evaluation.differences.map(({ router }) => router))];
  const items = trained.map((router) => describe(evaluation, router));
  return `<div class="headline">${first}${items.length > 0 ? `<ul>${items.map((item) => `<li>${item}</li>`).join("")}</ul>` : ""}</div>`;
}

function describe(evaluation: RouterEvaluation, router: string): string {
  const own = evaluation.differences.filter((difference) => difference.router === router);
  const beaten = own.filter(({ interval }) => interval[0] > 0);
  const rest = own.filter(({ interval }) => interval[0] <= 0);
  const name = `<strong>${escapeHtml(router)}</strong>`;
  const wins =
    beaten.length > 0
      ? `${name} beats ${beaten.map(({ baseline }) => escapeHtml(baseline)).join(", ")}.`
      : `${name} beats no baseline.`;
  if (rest.length === 0) return wins;
  const misses = rest.map(
    ({ baseline, mean, interval }) =>
      `${escapeHtml(baseline)} (${signed(mean)} points, [${signed(interval[0])}, ${signed(interval[1])}])`,
  );
  return `${wins} It does <strong>not</strong> beat ${misses.join(", ")}.`;
}
