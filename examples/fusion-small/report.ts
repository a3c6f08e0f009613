/** From the answers of all seeds to figures with intervals, a table and a plot. */
import { cpus } from "node:os";
import { type ForestRow, forestPlot } from "../../src/plots/forest-plot.ts";
import { standaloneSvg } from "../../src/plots/standalone-svg.ts";
import { shown, shownInterval, signed } from "../../src/plots/svg.ts";
import { type BootstrapEstimate, meanOf } from "../../src/statistics/bootstrap.ts";
import { groupedBootstrap } from "../../src/statistics/grouped-bootstrap.ts";
import { type Choice, comparisons } from "./comparisons.ts";
import type { ArmResult, WorldResult } from "./results.ts";
import type { Sizes } from "./sizes.ts";
import { FAMILIES, WORLDS } from "./world.ts";

type Decoding = "sampled" | "greedy";

/** Percent of test prompts answered right: mean over seeds, interval over seeds and prompts, mean of every seed. */
interface Figure extends BootstrapEstimate {
  readonly seeds: readonly number[];
}

interface ArmSummary {
  readonly arm: string;
  readonly sampled: Figure;
  readonly greedy: Figure;
  /** Sampled, by family. */
  readonly families: readonly number[];
  readonly fillers: number;
  readonly steps: number;
  readonly examples: number;
  readonly logProbabilities?: ArmResult["logProbabilities"];
}

interface DifferenceSummary {
  readonly name: string;
  readonly sampled: Figure;
  readonly greedy: Figure;
}

interface WorldSummary {
  readonly world: string;
  readonly title: string;
  readonly coverage: Readonly<Record<string, number>>;
  /** Joint coverage minus that of the best source, in points. */
  readonly headroom: number;
  readonly pairs: Readonly<Record<string, number>>;
  readonly arms: readonly ArmSummary[];
  readonly differences: readonly DifferenceSummary[];
}

export interface Summary {
  readonly machine: Readonly<Record<string, unknown>>;
  readonly sizes: Sizes;
  readonly seeds: readonly number[];
  readonly worlds: readonly WorldSummary[];
}

const SAMPLES = 2000;
const rounded = (value: number): number => Number(value.toFixed(2));

const scores = (bits: string): number[] => Array.from(bits, (bit) => (bit === "1" ? 100 : 0));

function figureOf(name: string, groups: readonly (readonly number[])[]): Figure {
  const { value, interval } = groupedBootstrap(groups, name, { samples: SAMPLES });
  return {
    value: rounded(value),
    interval: [rounded(interval[0]), rounded(interval[1])],
    seeds: groups.map((group) => rounded(meanOf(group))),
  };
}

const armNamed = ({ arms }: WorldResult, name: string): ArmResult => {
  const found = arms.find(({ arm }) => arm === name);
  if (!found) throw new Error(`there is no arm "${name}"`);
  return found;
};

function armSummary(runs: readonly WorldResult[], name: string): ArmSummary {
  const results = runs.map((run) => armNamed(run, name));
  const figure = (decoding: Decoding): Figure =>
    figureOf(
      name,
      results.map((result) => scores(result[decoding])),
    );
  const perFamily = results[0]!.sampled.length / FAMILIES.length;
  return {
    arm: name,
    sampled: figure("sampled"),
    greedy: figure("greedy"),
    families: FAMILIES.map((_, family) => {
      const part = (bits: string): string => bits.slice(family * perFamily, (family + 1) * perFamily);
      return rounded(meanOf(results.map(({ sampled }) => meanOf(scores(part(sampled))))));
    }),
    fillers: rounded(meanOf(results.map(({ fillers }) => fillers))),
    steps: results[0]!.steps,
    examples: Math.round(meanOf(results.map(({ examples }) => examples))),
    ...meanLogProbabilities(results),
  };
}

function meanLogProbabilities(results: readonly ArmResult[]): Pick<ArmSummary, "logProbabilities"> {
  const found = results.flatMap(({ logProbabilities }) => (logProbabilities ? [logProbabilities] : []));
  if (found.length === 0) return {};
  const mean = (role: string, at: 0 | 1): number =>
    rounded(meanOf(found.map((figures) => figures[role]![at])));
  const roles = Object.keys(found[0]!);
  return {
    logProbabilities: Object.fromEntries(roles.map((role) => [role, [mean(role, 0), mean(role, 1)]])),
  };
}

/** The arm itself, or the best of several in this seed, on the very answers that it is compared on. */
function picked(run: WorldResult, pick: Choice, decoding: Decoding): number[] {
  const names = typeof pick === "string" ? [pick] : pick;
  const candidates = names.map((name) => scores(armNamed(run, name)[decoding]));
  return candidates.reduce((best, other) => (meanOf(other) > meanOf(best) ? other : best));
}

function differenceOf(
  runs: readonly WorldResult[],
  name: string,
  better: Choice,
  worse: Choice,
): DifferenceSummary {
  const figure = (decoding: Decoding): Figure =>
    figureOf(
      name,
      runs.map((run) => {
        const base = picked(run, worse, decoding);
        return picked(run, better, decoding).map((score, prompt) => score - base[prompt]!);
      }),
    );
  return { name, sampled: figure("sampled"), greedy: figure("greedy") };
}

const meanRecord = (records: readonly Readonly<Record<string, number>>[]): Record<string, number> =>
  Object.fromEntries(
    Object.keys(records[0]!).map((key) => [key, rounded(meanOf(records.map((record) => record[key]!)))]),
  );

function worldSummary(runs: readonly WorldResult[]): WorldSummary {
  const { world, arms, data } = runs[0]!;
  const percent = runs.map((run) =>
    Object.fromEntries(Object.entries(run.data.coverage).map(([name, share]) => [name, 100 * share])),
  );
  const headroom = percent.map(({ joint, ...sources }) => joint! - Math.max(...Object.values(sources)));
  return {
    world,
    title: WORLDS.find(({ name }) => name === world)!.title,
    coverage: meanRecord(percent),
    headroom: rounded(meanOf(headroom)),
    pairs: Object.fromEntries(
      Object.keys(data.pairs).map((rule) => [
        rule,
        Math.round(meanOf(runs.map((run) => run.data.pairs[rule]!))),
      ]),
    ),
    arms: arms.map(({ arm }) => armSummary(runs, arm)),
    differences: comparisons(arms.map(({ arm }) => arm)).map(({ name, better, worse }) =>
      differenceOf(runs, name, better, worse),
    ),
  };
}

export function summaryOf(results: readonly WorldResult[], sizes: Sizes): Summary {
  const names = [...new Set(results.map(({ world }) => world))];
  return {
    machine: { cpu: cpus()[0]?.model, threads: 1, node: process.version },
    sizes,
    seeds: [...new Set(results.map(({ seed }) => seed))],
    worlds: names.map((name) => worldSummary(results.filter(({ world }) => world === name))),
  };
}

/** Markdown. */
export function tableOf({ worlds, seeds }: Summary): string {
  const lines = worlds.flatMap(({ title, coverage, headroom, pairs, arms, differences }) => [
    `## ${title}`,
    "",
    `Coverage: ${listed(coverage, " %")}; joint minus best source ${headroom.toFixed(1)} points. Pairs: ${listed(pairs, "")}.`,
    "",
    `| model | ${FAMILIES.map(({ name }) => name).join(" | ")} | mean, sampled | seeds | greedy | fillers | steps | examples |`,
    `|---|${"---|".repeat(FAMILIES.length + 6)}`,
    ...arms.map(({ arm, families, sampled, greedy, fillers, steps, examples }) => {
      const range = `${Math.min(...sampled.seeds).toFixed(1)} to ${Math.max(...sampled.seeds).toFixed(1)}`;
      const shares = families.map((share) => share.toFixed(1)).join(" | ");
      return `| ${arm} | ${shares} | ${sampled.value.toFixed(1)} | ${range} | ${greedy.value.toFixed(1)} | ${fillers.toFixed(2)} | ${steps} | ${examples} |`;
    }),
    "",
    "| difference, points | sampled | greedy | seeds above 0 (sampled) |",
    "|---|---|---|---|",
    ...differences.map(({ name, sampled, greedy }) => {
      const above = sampled.seeds.filter((value) => value > 0).length;
      return `| ${name} | ${estimate(sampled)} | ${estimate(greedy)} | ${above} of ${seeds.length} |`;
    }),
    "",
  ]);
  return `${lines.join("\n")}\n`;
}

const listed = (figures: Readonly<Record<string, number>>, unit: string): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${unit === "" ? value : value.toFixed(1)}${unit}`)
    .join(", ");

const estimate = ({ value, interval }: Figure): string => `${signed(value)} ${shownInterval(interval)}`;

/** Forest plots, one a world and kind of figure. */
export function plotOf({ worlds }: Summary): string {
  const row = (label: string, { value, interval }: Figure): ForestRow => ({
    label,
    value,
    interval,
    stands: label.startsWith("fused"),
  });
  const figures = worlds.flatMap(({ title, headroom, arms, differences }) => [
    {
      heading: `Sources ${title}: prompts answered right, sampled (joint coverage ${shown(headroom)} points above the best source)`,
      svg: forestPlot(
        `Exact match, sources ${title}`,
        arms.map(({ arm, sampled }) => row(arm, sampled)),
        { references: [], axis: "% of test prompts, mean of the seeds", include: [0, 100] },
      ),
    },
    {
      heading: `Sources ${title}: paired differences`,
      svg: forestPlot(
        `Differences, sources ${title}`,
        differences.map(({ name, sampled }) => row(name, sampled)),
        { references: [{ at: 0, name: "no difference" }], axis: "points" },
      ),
    },
  ]);
  return standaloneSvg("A model fused from three specialised sources beside its baselines", figures);
}
