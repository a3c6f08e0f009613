/** Sections of the report about held-out prompts: systems, stages and sources side by side. */
import { forestPlot } from "../../plots/forest-plot.ts";
import { type DataTable, dataTable, figure, section } from "../../plots/parts.ts";
import { escapeHtml, shown, shownInterval, signed } from "../../plots/svg.ts";
import type { EvaluateResult } from "./evaluate-stage.ts";
import type { Difference, DomainMeasures, Systems } from "./measures.ts";

type Names = (system: string) => string;

/** What a reader calls the systems. */
export function namesOf({ start, sft, dpo }: Systems): Names {
  const own: Readonly<Record<string, string>> = {
    [start]: "target, untouched",
    [sft]: "target + SFT",
    ...(dpo !== undefined && { [dpo]: "target + SFT + DPO" }),
  };
  return (system) => own[system] ?? system;
}

export const isOwn = ({ start, sft, dpo }: Systems, system: string): boolean =>
  [start, sft, dpo].includes(system);

interface Scale {
  readonly digits: number;
  readonly unit: string;
}

function systemsPlot(domain: DomainMeasures, systems: Systems, { digits, unit }: Scale): string {
  const name = namesOf(systems);
  const rows = Object.entries(domain.systems).map(([system, { value, interval }]) => ({
    ...{ label: name(system), value, interval, stands: isOwn(systems, system) },
  }));
  return forestPlot(domain.domain, rows, { references: [], axis: unit, digits });
}

function differencesTable(differences: readonly Difference[], name: Names, { digits }: Scale): DataTable {
  return {
    heads: ["difference", "prompts", "mean", "95% interval", "reads as"],
    rows: differences.map(({ of, against, value, interval, prompts }) => [
      `${name(of)} − ${name(against)}`,
      String(prompts),
      signed(value, digits),
      shownInterval(interval, digits),
      interval[0] > 0 ? "better" : interval[1] < 0 ? "worse" : "not told apart",
    ]),
  };
}

function measuresSection(
  title: string,
  lead: string,
  domains: readonly DomainMeasures[],
  systems: Systems,
  scale: Scale,
): string {
  if (domains.length === 0) return "";
  const parts = domains.map(
    (domain) =>
      `<h3>${escapeHtml(domain.domain)}</h3>${figure(systemsPlot(domain, systems, scale))}` +
      dataTable(differencesTable(domain.differences, namesOf(systems), scale)),
  );
  return section(title, lead, parts.join(""));
}

/** Means of an answer's tokens beside the scores: a gain in score that is a gain in length is suspect. */
function lengthsSection(domains: readonly DomainMeasures[], systems: Systems): string {
  if (domains.length === 0) return "";
  const name = namesOf(systems);
  const all = [...new Set(domains.flatMap((domain) => Object.keys(domain.systems)))];
  const table: DataTable = {
    heads: ["mean tokens of an answer", ...domains.map(({ domain }) => domain)],
    rows: all.map((system) => [
      name(system),
      ...domains.map((domain) => shown(domain.systems[system]?.value, 0)),
    ]),
  };
  return section(
    "Lengths",
    "Judges that read answers tend to like longer ones: look at lengths and judged scores together.",
    dataTable(table),
  );
}

export const measuresOf = (table: unknown): DomainMeasures[] => table as DomainMeasures[];

/** Verifiable metrics first, judged ones apart from them. */
const MEASURES = [
  {
    title: "Verifiable metrics, stage by stage",
    lead: "Percent of correct answers to held-out prompts.",
    table: "verifiable",
    scale: { digits: 1, unit: "% correct" },
  },
  {
    title: "Judged metrics: mean score",
    lead: "Of the domain's scorer, on held-out prompts.",
    table: "judged",
    scale: { digits: 3, unit: "score" },
  },
  {
    title: "Judged metrics: wins over the untouched target",
    lead: "Percent of the held-out prompts where the score is higher; equal scores count half.",
    table: "wins",
    scale: { digits: 1, unit: "% won" },
  },
] as const;

/** One section a metric that any domain has, then the lengths. */
export const measureSections = (evaluate: EvaluateResult, systems: Systems): string[] => [
  ...MEASURES.map(({ title, lead, table, scale }) =>
    measuresSection(title, lead, measuresOf(evaluate[table]), systems, scale),
  ),
  lengthsSection(measuresOf(evaluate.lengths), systems),
];
