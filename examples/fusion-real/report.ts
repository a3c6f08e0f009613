/** Coverage, results with intervals, and differences that are paired over the test questions. */
import { shownInterval, signed } from "../../src/plots/svg.ts";
import { type BootstrapEstimate, bootstrapped, meanOf } from "../../src/statistics/bootstrap.ts";
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

interface ArmSummary extends BootstrapEstimate {
  readonly arm: string;
  readonly kind: Measured["kind"];
  readonly families: readonly number[];
  readonly steps: number;
  readonly examples: number;
}

export interface Summary {
  readonly questions: { readonly asked: number; readonly test: number };
  readonly coverage: readonly Coverage[];
  readonly pairs: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly arms: readonly ArmSummary[];
  readonly differences: readonly (BootstrapEstimate & { readonly name: string })[];
}

const rounded = (value: number): number => Number(value.toFixed(2));

function estimateOf(name: string, values: readonly number[]): BootstrapEstimate {
  const { value, interval } = bootstrapped(values, meanOf, name, { samples: 2000 });
  return { value: rounded(value), interval: [rounded(interval[0]), rounded(interval[1])] };
}

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

const scores = ({ right }: Measured): number[] => Array.from(right, (bit) => (bit === "1" ? 100 : 0));

/** The best on the very questions of the comparison, which favours it. */
const bestOf = (arms: readonly Measured[]): Measured =>
  arms.reduce((best, arm) => (meanOf(scores(arm)) > meanOf(scores(best)) ? arm : best));

function differencesOf(arms: readonly Measured[]): Summary["differences"] {
  const named = (name: string): Measured[] => arms.filter(({ arm }) => arm === name);
  const sources = arms.filter(({ kind }) => kind === "source");
  const single = arms.filter(({ arm }) => arm.startsWith("single: "));
  const untouched = named(SOURCES[0]!);
  const sft = named("fused SFT");
  const aligned = named("fused SFT + LN-DPO");
  const all = named("fused SFT, all questions");
  const pairs: [string, Measured[], Measured[]][] = [
    ...[aligned, all].flatMap((fused): [string, Measured[], Measured[]][] => [
      [`${fused[0]?.arm} - untouched target`, fused, untouched],
      [`${fused[0]?.arm} - best source`, fused, sources],
      [`${fused[0]?.arm} - best single-source distillation`, fused, single],
    ]),
    ["DPO: after - before", aligned, sft],
  ];
  return pairs
    .filter(([, better, worse]) => better.length > 0 && worse.length > 0)
    .map(([name, better, worse]) => {
      const base = scores(bestOf(worse));
      const values = scores(better[0]!).map((score, index) => score - base[index]!);
      return { name, ...estimateOf(name, values) };
    });
}

export function summaryOf(experiment: Experiment): Summary {
  const { sets, measured, pairs, drops } = experiment;
  return {
    questions: { asked: sets.asked.length, test: sets.test.length },
    coverage: coverageOf(experiment),
    pairs,
    drops,
    arms: measured.map((arm) => ({
      arm: arm.arm,
      kind: arm.kind,
      ...estimateOf(arm.arm, scores(arm)),
      families: byFamily(sets.test, scores(arm)),
      steps: arm.steps,
      examples: arm.examples,
    })),
    differences: differencesOf(measured),
  };
}

/** Markdown. */
export function tableOf({ questions, coverage, pairs, arms, differences }: Summary): string {
  const families = FAMILIES.join(" | ");
  const rules = "---|".repeat(FAMILIES.length);
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  const fixed = (values: readonly number[]): string[] => values.map((value) => value.toFixed(1));
  return [
    `Coverage of ${questions.asked} questions, %:`,
    "",
    `| source | answers right | questions covered | ${families} |`,
    `|---|---|---|${rules}`,
    ...coverage.map((entry) =>
      row([entry.source, ...fixed([entry.right, entry.covered, ...entry.families])]),
    ),
    "",
    `Right answers to ${questions.test} test questions, greedy, %; pairs: ${JSON.stringify(pairs)}:`,
    "",
    `| model | ${families} | all | 95 % | steps | examples |`,
    `|---|${rules}---|---|---|---|`,
    ...arms.map((arm) =>
      row([
        arm.arm,
        ...fixed([...arm.families, arm.value]),
        shownInterval(arm.interval),
        arm.steps,
        arm.examples,
      ]),
    ),
    "",
    "| difference, points | paired over questions |",
    "|---|---|",
    ...differences.map(({ name, value, interval }) =>
      row([name, `${signed(value)} ${shownInterval(interval)}`]),
    ),
    "",
  ].join("\n");
}
