/** A finished tuning as text for a terminal. */

import { alignRows } from "../../support/align-rows.ts";
import type { Interval } from "../evaluation/index.ts";
import type { TuningResult } from "./result.ts";
import { describeSetting } from "./tunable-method.ts";

const range = ([low, high]: Interval): string => `[${low.toFixed(1)}, ${high.toFixed(1)}]`;

/** Every setting that was reached with what it cost and how far it came, then what the holdout says of the chosen one. */
export function formatTuning(result: TuningResult): string {
  const { holdout, chosen, settings, folds, prompts } = result;
  const reached = settings.filter(({ status }) => status !== "not tried");
  const unreached = settings.length - reached.length;
  const ranked = reached.toSorted(
    (a, b) =>
      Number(b.status === "evaluated") - Number(a.status === "evaluated") ||
      (b.usedForChoosing ?? -Infinity) - (a.usedForChoosing ?? -Infinity),
  );
  const rows = [
    ["setting", "status", "folds", "time", "used for choosing"],
    ...ranked.map(({ method, setting, status, folds: done, timeShare, usedForChoosing }) => [
      describeSetting(method, setting),
      status,
      `${done}/${folds}`,
      `${(100 * timeShare).toFixed(0)} %`,
      usedForChoosing?.toFixed(1) ?? "",
    ]),
  ];
  const { overBestSingle: over } = holdout;
  const lines = [
    alignRows(rows),
    ...(unreached > 0
      ? [
          `${unreached} more ${unreached === 1 ? "setting was" : "settings were"} not reached within the budget`,
        ]
      : []),
    "",
    "The last column made the choice and is therefore no result: the best of many looks better than it is.",
    "",
    `chosen: ${describeSetting(chosen.method, chosen.setting)}, trained on ${prompts.search} prompts`,
    `on ${holdout.prompts} prompts set apart, read once: mean normalised score ${holdout.normalised.toFixed(1)} ${range(holdout.interval)} (random 0, oracle 100)`,
    `  ${over.mean >= 0 ? "+" : ""}${over.mean.toFixed(1)} ${range(over.interval)} over always asking ${over.model}`,
    ...Object.entries(holdout.benchmarks).map(
      ([name, { n, normalised, interval }]) =>
        `  ${name}: ${normalised.toFixed(1)} ${range(interval)}, n=${n}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}
