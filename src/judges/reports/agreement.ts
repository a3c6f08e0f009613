/** How far judges agree: Cohen's kappa for every two, Fleiss' for all, with bootstrap intervals over items. */
import {
  type BootstrapEstimate,
  type BootstrapSettings,
  bootstrapped,
  meanOf,
} from "../../statistics/bootstrap.ts";
import { cohenKappa, fleissKappa, type KappaWeights } from "../../statistics/kappa.ts";
import { TuttiError } from "../../support/errors.ts";
import { groupedBy } from "../../support/grouped-by.ts";
import { type Comparison, pairOf } from "./comparison.ts";

/** What one judge said of one item, in categories. */
export interface Rating {
  readonly judge: string;
  readonly item: string;
  readonly category: string;
}

export interface PairAgreement {
  readonly judges: readonly [string, string];
  /** Items that both rated. */
  readonly items: number;
  /** Share of the items on which both say the same. */
  readonly agreement: BootstrapEstimate;
  readonly kappa: BootstrapEstimate;
}

export interface AgreementReport {
  readonly categories: readonly string[];
  readonly pairs: readonly PairAgreement[];
  /** Over the items that all judges rated; absent for two judges, whose kappa is Cohen's. */
  readonly all?: { readonly items: number; readonly kappa: BootstrapEstimate };
}

export interface AgreementOptions extends BootstrapSettings {
  /** In order, for weighted kappas. @default in order of their names */
  readonly categories?: readonly string[];
  /** @default "none" */
  readonly weights?: KappaWeights;
}

/** Comparisons as ratings in the categories first, tie, second. */
export const ratingsOfComparisons = (comparisons: readonly Comparison[]): Rating[] =>
  comparisons.map((comparison) => ({
    judge: comparison.judge,
    item: pairOf(comparison),
    category: comparison.outcome > 0.5 ? "first" : comparison.outcome < 0.5 ? "second" : "tie",
  }));

/** item -> judge -> category number; a judge's last rating of an item counts. */
function tableOf(
  ratings: readonly Rating[],
  categories: readonly string[],
): Map<string, Map<string, number>> {
  const table = new Map<string, Map<string, number>>();
  for (const { judge, item, category } of ratings) {
    const index = categories.indexOf(category);
    if (index < 0) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `ratings: received the category ${JSON.stringify(category)}, expected one of ${categories.join(", ")}`,
      );
    }
    const row = table.get(item) ?? new Map<string, number>();
    table.set(item, row.set(judge, index));
  }
  return table;
}

/**
 * @throws {TuttiError} INVALID_ARGUMENT for fewer than two judges, or a category that is not among those given
 */
export function agreementReport(
  ratings: readonly Rating[],
  { categories: given, weights = "none", ...bootstrap }: AgreementOptions = {},
): AgreementReport {
  const categories = given ?? [...groupedBy(ratings, ({ category }) => category).keys()].sort();
  const judges = [...groupedBy(ratings, ({ judge }) => judge).keys()];
  if (judges.length < 2) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `agreement: received ratings of ${judges.length} judges, expected two or more`,
    );
  }
  const rows = [...tableOf(ratings, categories).values()];
  const pairs = judges.flatMap((a, index) =>
    judges.slice(index + 1).map((b): PairAgreement => {
      const both = rows.flatMap((row) => {
        const [first, second] = [row.get(a), row.get(b)];
        return first === undefined || second === undefined ? [] : [[first, second] as const];
      });
      const kappa = (items: readonly (readonly [number, number])[]): number =>
        cohenKappa(
          items.map(([first]) => first),
          items.map(([, second]) => second),
          categories.length,
          weights,
        );
      const name = `agreement ${a} ${b}`;
      return {
        judges: [a, b],
        items: both.length,
        agreement: bootstrapped(
          both,
          (items) => meanOf(items.map(([x, y]) => Number(x === y))),
          name,
          bootstrap,
        ),
        kappa: bootstrapped(both, kappa, name, bootstrap),
      };
    }),
  );
  if (judges.length === 2) return { categories, pairs };
  const complete = rows.flatMap((row) =>
    row.size === judges.length ? [judges.map((judge) => row.get(judge)!)] : [],
  );
  const kappa = (items: readonly (readonly number[])[]): number =>
    items.length === 0 ? Number.NaN : fleissKappa(items, categories.length);
  return {
    categories,
    pairs,
    all: { items: complete.length, kappa: bootstrapped(complete, kappa, "agreement of all", bootstrap) },
  };
}
