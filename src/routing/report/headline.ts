/** What the evaluation says, in plain words, the unwelcome parts included. */
import type { RouterEvaluation } from "../evaluation/index.ts";
import { escapeHtml, isNumber, shown, shownInterval } from "./svg.ts";

type Difference = RouterEvaluation["differences"][number];

const ORACLE = "oracle";

const signed = (value: number): string => (value > 0 ? `+${shown(value)}` : shown(value));

const strong = (name: string): string => `<strong>${escapeHtml(name)}</strong>`;

/** Best router first; then, for each trained router, what it beats and by name what it does not. */
export function headline(evaluation: RouterEvaluation): string {
  const trained = [...new Set(evaluation.differences.map(({ router }) => router))];
  const verdicts = trained.map((router) =>
    verdict(
      router,
      evaluation.differences.filter((difference) => difference.router === router),
    ),
  );
  return `<div class="headline"><p class="lead">${bestRouter(evaluation)}</p>${verdicts.join("")}</div>`;
}

function bestRouter(evaluation: RouterEvaluation): string {
  const means = Object.entries(evaluation.mean).filter(
    ([router, { normalised }]) => router !== ORACLE && isNumber(normalised),
  );
  if (means.length === 0) return "No router has a mean normalised score.";
  const [name, { normalised, interval }] = means.reduce((a, b) =>
    b[1].normalised > a[1].normalised ? b : a,
  );
  return `${strong(name)} has the best mean normalised score: ${shown(normalised)} ${shownInterval(interval)}, where 0 is a random choice and 100 an oracle.`;
}

function verdict(router: string, differences: readonly Difference[]): string {
  const isBeaten = ({ interval }: Difference): boolean => interval[0] > 0;
  const beaten = differences.filter(isBeaten);
  const others = differences.filter((difference) => !isBeaten(difference)).sort((a, b) => a.mean - b.mean);
  const wins =
    beaten.length === 0
      ? `${strong(router)} beats no baseline.`
      : `${strong(router)} beats ${beaten.map(({ baseline }) => escapeHtml(baseline)).join(", ")}.`;
  if (others.length === 0) return `<p>${wins}</p>`;
  const items = others.map(
    ({ baseline, mean, interval }) =>
      `<li><span>${escapeHtml(baseline)}</span> <span>${signed(mean)} [${signed(interval[0])}, ${signed(interval[1])}]</span>${interval[1] < 0 ? " <em>is better</em>" : ""}</li>`,
  );
  return `<p>${wins} It does <strong>not</strong> beat these (points of difference, 95% interval):</p><ul class="misses">${items.join("")}</ul>`;
}
