/** What the evaluation says, in plain words, the unwelcome parts included. */

import { dollars, escapeHtml, isNumber, shown, shownInterval, signed } from "../../plots/svg.ts";
import {
  type AgainstSingle,
  overlapWarning,
  type RouterAnalysis,
  type RouterEvaluation,
} from "../evaluation/index.ts";

type Difference = RouterEvaluation["differences"][number];

const ORACLE = "oracle";

const strong = (name: string): string => `<strong>${escapeHtml(name)}</strong>`;

const signedInterval = ([low, high]: readonly [number, number], digits = 1): string =>
  `[${signed(low, digits)}, ${signed(high, digits)}]`;

/** One sentence with the number that matters and its interval, the figures behind it, then what is beaten and what not. */
export function headline(evaluation: RouterEvaluation): string {
  const { analysis } = evaluation;
  const own = analysis?.againstSingle[analysis.served];
  const trained = [...new Set(evaluation.differences.map(({ router }) => router))];
  const verdicts = trained.map((router) =>
    verdict(
      router,
      evaluation.differences.filter((difference) => difference.router === router),
    ),
  );
  const lead =
    analysis && own
      ? `<p class="lead">${againstSingle(analysis, own)}</p>${tiles(analysis, own)}<p>${bestRouter(evaluation)}</p>`
      : `<p class="lead">${bestRouter(evaluation)}</p>`;
  return `${warningOf(analysis)}<div class="headline">${lead}${verdicts.join("")}</div>`;
}

/** Before any figure, what makes figures worthless. */
function warningOf(analysis: RouterAnalysis | undefined): string {
  const warning = overlapWarning(analysis?.trainingOverlap);
  return warning === undefined
    ? ""
    : `<p class="warning"><strong>Caution:</strong> ${escapeHtml(warning.replace(" %", "%"))}.</p>`;
}

/** What routing brings over always taking one model, which is what one would do without a router. */
function againstSingle(analysis: RouterAnalysis, { difference, interval }: AgainstSingle): string {
  const { served, bestSingle, quality, costs } = analysis;
  const numbers = `${signed(difference)} points of quality, 95% interval ${signedInterval(interval)}`;
  const single = `always using ${strong(bestSingle.model)}`;
  const verdictWords =
    interval[0] > 0
      ? `Routing with ${strong(served)} gives better answers than ${single}: ${numbers}`
      : interval[1] < 0
        ? `Routing with ${strong(served)} gives worse answers than ${single}: ${numbers}`
        : `No difference in quality is shown between routing with ${strong(served)} and ${single}: ${numbers}`;
  const cost = costs?.routers[served];
  return `${verdictWords}, to ${shown(quality[served]?.quality)} of 100${isNumber(cost?.relativeToSingle) ? `, ${costWords(cost.relativeToSingle)}` : ""}.`;
}

function costWords(relative: number): string {
  const percent = Math.round(100 * Math.abs(relative));
  if (percent === 0) return "at the same cost";
  return relative < 1
    ? `at ${percent}% ${relative < 0 ? "lower" : "higher"} cost`
    : `at ${shown(1 + relative)} times the cost`;
}

function tiles(analysis: RouterAnalysis, own: AgainstSingle): string {
  const { served, bestSingle, quality, costs } = analysis;
  const cost = costs?.routers[served];
  const mean = quality[served];
  const shownTiles = [
    mean && {
      value: shown(mean.quality),
      label: "quality of the answers, 0 to 100",
      detail: `${shownInterval(mean.interval)}; ${bestSingle.model} alone ${shown(mean.quality - own.difference)}`,
    },
    own.gapRecovered !== undefined &&
      own.gapInterval && {
        value: `${shown(100 * own.gapRecovered, 0)}%`,
        label: "of what perfect choices would add",
        detail: `[${own.gapInterval.map((share) => `${shown(100 * share, 0)}%`).join(", ")}]`,
      },
    cost && {
      value: dollars(cost.cost),
      label: "for 1,000 prompts",
      detail:
        isNumber(cost.relativeToSingle) && cost.relativeInterval
          ? `${signed(100 * cost.relativeToSingle, 0)}% [${cost.relativeInterval.map((share) => `${signed(100 * share, 0)}%`).join(", ")}] against ${bestSingle.model}`
          : `${bestSingle.model} is free`,
    },
    {
      value: `${own.wins} : ${own.losses}`,
      label: `prompts won and lost against ${bestSingle.model}`,
      detail: `${own.ties} with equally good answers`,
    },
  ].filter((tile) => typeof tile === "object");
  const items = shownTiles.map(
    ({ value, label, detail }) =>
      `<div class="tile"><dt>${escapeHtml(label)}</dt><dd><b>${escapeHtml(value)}</b><span class="soft">${escapeHtml(detail)}</span></dd></div>`,
  );
  return `<dl class="tiles">${items.join("")}</dl>`;
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
      : `${strong(router)} beats ${escapeHtml(listed(beatenNames(beaten, differences)))}.`;
  if (others.length === 0) return `<p>${wins}</p>`;
  const items = others.map(
    ({ baseline, mean, interval }) =>
      `<li><span>${escapeHtml(baseline)}</span> <span>${signed(mean)} ${signedInterval(interval)}</span>${interval[1] < 0 ? " <em>is better</em>" : ""}</li>`,
  );
  return `<p>${wins} It does <strong>not</strong> beat these (points of difference, 95% interval):</p><ul class="misses">${items.join("")}</ul>`;
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

const FIXED = "fixed:";

/** By name, but single models together when all of them are beaten. */
function beatenNames(beaten: readonly Difference[], all: readonly Difference[]): string[] {
  const isFixed = ({ baseline }: Difference): boolean => baseline.startsWith(FIXED);
  const models = all.filter(isFixed).length;
  if (models < 2 || beaten.filter(isFixed).length < models) return beaten.map(({ baseline }) => baseline);
  const others = beaten.filter((difference) => !isFixed(difference)).map(({ baseline }) => baseline);
  return [...others, `each of the ${models} models alone`];
}
