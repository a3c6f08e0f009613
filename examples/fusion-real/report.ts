/** Coverage, results with intervals, and differences that are paired over the test questions: means over the seeds. */
import { forestPlot } from "../../src/plots/forest-plot.ts";
import { standaloneSvg } from "../../src/plots/standalone-svg.ts";
import { shownInterval, signed } from "../../src/plots/svg.ts";
import { type BootstrapEstimate, meanOf } from "../../src/statistics/bootstrap.ts";
import { groupedBootstrap } from "../../src/statistics/grouped-bootstrap.ts";
import { type Experiment, type Measured, SOURCES } from "./experiment.ts";
import { FAMILIES, isRight, type Question } from "./tasks.ts";

interface Coverage {
  readonly source: string;
  /** Percent of the sampled answers that are right. */
  readonly right: number;
  /** Percent of the questions with a right answer among the samples, in all and by family. */
  readonly covered: number;
  readonly families: readonly number[];
}

/** Mean over the seeds, interval over seeds and questions, mean of every seed. */
interface Figure extends BootstrapEstimate {
  readonly seeds: readonly number[];
}

interface ArmSummary extends Figure {
  readonly arm: string;
  readonly kind: Measured["kind"];
  readonly families: readonly number[];
  readonly steps: number;
  /** Rows trained on, or pairs in a stage of preference; of every seed. */
  readonly examples: readonly number[];
}

export interface Summary {
  readonly questions: { readonly asked: number; readonly test: number };
  readonly coverage: readonly Coverage[];
  /** Of every seed. */
  readonly pairs: readonly Readonly<Record<string, number>>[];
  readonly drops: readonly Readonly<Record<string, Readonly<Record<string, number>>>>[];
  readonly arms: readonly ArmSummary[];
  readonly differences: readonly (Figure & { readonly name: string })[];
}

const rounded = (value: number): number => Number(value.toFixed(2));

function figureOf(name: string, groups: readonly (readonly number[])[]): Figure {
  const { value, interval } = groupedBootstrap(groups, name, { samples: 2000 });
  return {
    value: rounded(value),
    interval: [rounded(interval[0]), rounded(interval[1])],
    seeds: groups.map((group) => rounded(meanOf(group))),
  };
}

const meanByPlace = (rows: readonly (readonly number[])[]): number[] =>
  rows[0]!.map((_, place) => rounded(meanOf(rows.map((row) => row[place]!))));

const byFamily = (questions: readonly Question[], values: readonly number[]): number[] =>
  FAMILIES.map((_, family) =>
    rounded(meanOf(values.filter((_, index) => questions[index]!.family === family))),
  );

function coverageOf({ sets: { asked }, answers }: Experiment): Coverage[] {
  const rights = answers.map((given) =>
    given.map((texts, index) => texts.map((text) => (isRight(asked[index]!, text) ? 100 : 0))),
  );
  const one = (source: string, samples: readonly (readonly number[])[]): Coverage => {
    const covered = samples.map((values) => Math.max(...values));
    return {
      source,
      right: rounded(meanOf(samples.flat())),
      covered: rounded(meanOf(covered)),
      families: byFamily(asked, covered),
    };
  };
  const joint = asked.map((_, index) => rights.flatMap((samples) => samples[index]!));
  return [...rights.map((samples, place) => one(SOURCES[place]!, samples)), one("all together", joint)];
}

const meanCoverage = (seeds: readonly (readonly Coverage[])[]): Coverage[] =>
  seeds[0]!.map(({ source }, place) => {
    const entries = seeds.map((coverage) => coverage[place]!);
    return {
      source,
      right: rounded(meanOf(entries.map(({ right }) => right))),
      covered: rounded(meanOf(entries.map(({ covered }) => covered))),
      families: meanByPlace(entries.map(({ families }) => families)),
    };
  });

const scores = ({ right }: Measured): number[] => Array.from(right, (bit) => (bit === "1" ? 100 : 0));

/** The best on the very questions of the comparison, which favours it. */
const bestOf = (arms: readonly Measured[]): Measured =>
  arms.reduce((best, arm) => (meanOf(scores(arm)) > meanOf(scores(best)) ? arm : best));

type Side = (arm: Measured) => boolean;

const FUSED = ["fused SFT + LN-DPO", "fused SFT, all questions", "fused SFT"] as const;
const named =
  (name: string): Side =>
  ({ arm }) =>
    arm === name;
const COMPARISONS: readonly (readonly [name: string, better: Side, worse: Side])[] = [
  ...(
    [
      [FUSED[0], "fused SFT+DPO"],
      [FUSED[1], "fused SFT, all"],
    ] as const
  ).flatMap(([fused, short]): [string, Side, Side][] => [
    [`${short} - target before`, named(fused), named(SOURCES[0]!)],
    [`${short} - best source`, named(fused), ({ kind }) => kind === "source"],
    [`${short} - best single`, named(fused), ({ arm }) => arm.startsWith("single: ")],
  ]),
  ["DPO: after - before", named(FUSED[0]), named(FUSED[2])],
  ["DPO - as much SFT on all", named(FUSED[0]), named(FUSED[1])],
];

/** What is best is chosen anew in every seed. */
function differencesOf(experiments: readonly Experiment[]): Summary["differences"] {
  return COMPARISONS.flatMap(([name, isBetter, isWorse]) => {
    const sides = experiments.map(({ measured }) => ({
      better: measured.filter(isBetter),
      worse: measured.filter(isWorse),
    }));
    if (sides.some(({ better, worse }) => better.length === 0 || worse.length === 0)) return [];
    const groups = sides.map(({ better, worse }) => {
      const base = scores(bestOf(worse));
      return scores(bestOf(better)).map((score, question) => score - base[question]!);
    });
    return [{ name, ...figureOf(name, groups) }];
  });
}

/** @param experiments of at least one seed, each with the same arms */
export function summaryOf(experiments: readonly Experiment[]): Summary {
  const [first] = experiments;
  return {
    questions: { asked: first!.sets.asked.length, test: first!.sets.test.length },
    coverage: meanCoverage(experiments.map(coverageOf)),
    pairs: experiments.map(({ pairs }) => pairs),
    drops: experiments.map(({ drops }) => drops),
    arms: first!.measured.map(({ arm, kind, steps }, place) => {
      const runs = experiments.map(({ measured }) => measured[place]!);
      return {
        arm,
        kind,
        ...figureOf(arm, runs.map(scores)),
        families: meanByPlace(runs.map((run, index) => byFamily(experiments[index]!.sets.test, scores(run)))),
        steps,
        examples: runs.map(({ examples }) => examples),
      };
    }),
    differences: differencesOf(experiments),
  };
}

/** Forest plots of the models and of the differences. */
export function plotOf({ arms, differences, questions }: Summary): string {
  return standaloneSvg(
    "A model fused from real sources of 135 to 270 million parameters beside its baselines",
    [
      {
        heading: `Right answers to ${questions.test} test questions a seed, greedy`,
        svg: forestPlot(
          "Right answers",
          arms.map(({ arm, value, interval }) => ({
            label: arm,
            value,
            interval,
            stands: arm.startsWith("fused"),
          })),
          { references: [], axis: "% of test questions, mean of the seeds", include: [0] },
        ),
      },
      {
        heading: "Paired differences",
        svg: forestPlot(
          "Differences",
          differences.map(({ name, value, interval }) => ({
            label: name,
            value,
            interval,
            stands: name.startsWith("fused"),
          })),
          { references: [{ at: 0, name: "no difference" }], axis: "points" },
        ),
      },
    ],
  );
}

/** Markdown. */
export function tableOf({ questions, coverage, arms, differences }: Summary): string {
  const families = FAMILIES.join(" | ");
  const rules = "---|".repeat(FAMILIES.length);
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  const fixed = (values: readonly number[]): string[] => values.map((value) => value.toFixed(1));
  return [
    `Coverage of ${questions.asked} questions a seed, %:`,
    "",
    `| source | answers right | questions covered | ${families} |`,
    `|---|---|---|${rules}`,
    ...coverage.map((entry) =>
      row([entry.source, ...fixed([entry.right, entry.covered, ...entry.families])]),
    ),
    "",
    `Right answers to ${questions.test} test questions a seed, greedy, %:`,
    "",
    `| model | ${families} | all | 95 % | seeds | steps | examples |`,
    `|---|${rules}---|---|---|---|---|`,
    ...arms.map((arm) =>
      row([
        arm.arm,
        ...fixed([...arm.families, arm.value]),
        shownInterval(arm.interval),
        fixed(arm.seeds).join(", "),
        arm.steps,
        arm.examples.join(", "),
      ]),
    ),
    "",
    "| difference, points | paired over questions | seeds |",
    "|---|---|---|",
    ...differences.map(({ name, value, interval, seeds }) =>
      row([
        name,
        `${signed(value)} ${shownInterval(interval)}`,
        seeds.map((mean) => signed(mean)).join(", "),
      ]),
    ),
    "",
  ].join("\n");
}
