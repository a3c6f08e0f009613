/** What a training set consists of, beside what it was chosen from. */
import { type Distribution, distribution } from "../../statistics/distribution.ts";
import { groupedBy } from "../../support/grouped-by.ts";
import { type GroupedAnswer, isScored, lengthsOf } from "./group.ts";
import { countReasons, type Selection } from "./selector.ts";

/** One side of the training set: the answers to imitate, or those to move away from. */
export interface SideReport {
  /** Source -> share of the side's answers, largest first. */
  readonly sourceShares: Readonly<Record<string, number>>;
  readonly lengths: Distribution | undefined;
  readonly scores: Distribution | undefined;
}

export interface DomainReport {
  readonly prompts: number;
  readonly promptsKept: number;
  readonly rows: number;
}

export interface SelectionReport {
  readonly selector: Selection["selector"];
  readonly prompts: number;
  readonly promptsKept: number;
  readonly rows: number;
  readonly domains: Readonly<Record<string, DomainReport>>;
  readonly kept: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  /** What the lengths are counted in. */
  readonly lengthUnit: "tokens" | "characters";
  readonly chosen: SideReport;
  readonly rejected?: SideReport;
  /** Score of the chosen answer minus that of the rejected one. */
  readonly gaps?: Distribution | undefined;
  /** Share of the pairs whose chosen answer is the longer one: far from one half, length is what the pairs teach. */
  readonly longerChosenShare?: number;
}

function shares(answers: readonly GroupedAnswer[]): Record<string, number> {
  const counts = [...groupedBy(answers, ({ source }) => source)].sort(([, a], [, b]) => b.length - a.length);
  return Object.fromEntries(counts.map(([source, members]) => [source, members.length / answers.length]));
}

function sideReport(answers: readonly GroupedAnswer[], lengths: readonly number[]): SideReport {
  return {
    sourceShares: shares(answers),
    lengths: distribution(lengths),
    scores: distribution(answers.filter(isScored).map(({ score }) => score)),
  };
}

export interface SelectionValues {
  readonly chosen: readonly GroupedAnswer[];
  readonly rejected: readonly GroupedAnswer[];
  readonly chosenLengths: readonly number[];
  readonly rejectedLengths: readonly number[];
  readonly gaps: readonly number[];
}

/** The values behind the report's distributions. Lengths of both sides are in one unit. */
export function selectionValues({ rows }: Selection): SelectionValues {
  const chosen = rows.map(({ answer }) => answer);
  const rejected = rows.flatMap((row) => (row.rejected ? [row.rejected] : []));
  const lengths = lengthsOf([...chosen, ...rejected]);
  const gaps = rows.flatMap(({ answer, rejected: other }) =>
    other && isScored(answer) && isScored(other) ? [answer.score - other.score] : [],
  );
  return {
    chosen,
    rejected,
    chosenLengths: lengths.slice(0, chosen.length),
    rejectedLengths: lengths.slice(chosen.length),
    gaps,
  };
}

function domainsOf({ decisions, rows }: Selection): Record<string, DomainReport> {
  const rowsOf = groupedBy(rows, ({ group }) => group.domain);
  return Object.fromEntries(
    [...groupedBy(decisions, ({ group }) => group.domain)].map(([domain, members]) => [
      domain,
      {
        prompts: new Set(members.map(({ group }) => group)).size,
        promptsKept: new Set(members.filter(({ isKept }) => isKept).map(({ group }) => group)).size,
        rows: rowsOf.get(domain)?.length ?? 0,
      },
    ]),
  );
}

/** Counts per domain and reason, shares of sources, distributions of lengths, scores and gaps. */
export function selectionReport(selection: Selection): SelectionReport {
  const { selector, prompts, promptsKept, rows, decisions, drops } = selection;
  const values = selectionValues(selection);
  const { chosen, rejected, chosenLengths, rejectedLengths, gaps } = values;
  const isInTokens = [...chosen, ...rejected].every(({ tokens }) => tokens !== undefined);
  return {
    selector,
    prompts,
    promptsKept,
    rows: rows.length,
    domains: domainsOf(selection),
    kept: countReasons(decisions.filter(({ isKept }) => isKept)),
    drops,
    lengthUnit: isInTokens ? "tokens" : "characters",
    chosen: sideReport(chosen, chosenLengths),
    ...(rejected.length > 0 && {
      rejected: sideReport(rejected, rejectedLengths),
      gaps: distribution(gaps),
      longerChosenShare:
        chosenLengths.reduce((sum, length, pair) => {
          const other = rejectedLengths[pair]!;
          return sum + (length > other ? 1 : length === other ? 0.5 : 0);
        }, 0) / chosen.length,
    }),
  };
}
