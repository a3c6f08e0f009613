/** Choices among the candidates that constraints and bars have left. Each says which numbers decided. */
import type { CandidateEstimate, Choice } from "./policy.ts";
import { costOf, lowest, qualityOf, runnerUp, shownNumber, shownQuality, shownUsd } from "./words.ts";

/** What decides: the second measure between candidates that are level under the first. The lower, the better. */
interface Order {
  readonly measures: readonly [Measure, Measure];
  readonly shown: (estimate: CandidateEstimate) => string;
  /** What a lower second measure is called. */
  readonly virtue: string;
}
type Measure = (estimate: CandidateEstimate) => number;

/** The best under an order, with a clause on the one that comes next. */
function first(
  estimates: readonly CandidateEstimate[],
  { measures, shown, virtue }: Order,
): { chosen: CandidateEstimate; compared: string } {
  const chosen = lowest(estimates, ...measures);
  const next = runnerUp(estimates, chosen, ...measures);
  if (next === undefined) return { chosen, compared: "" };
  const name = `${next.model} (${shown(next)})`;
  const [main, second] = measures;
  if (main(next) !== main(chosen)) return { chosen, compared: `, ahead of ${name}` };
  const reason = second(next) === second(chosen) ? ", which comes later in the list" : ` but ${virtue}`;
  return { chosen, compared: `, level with ${name}${reason}` };
}

/** argmax q; between equals the cheaper, where costs are known. */
export function chooseBestQuality(estimates: readonly CandidateEstimate[]): Choice {
  const shown = (estimate: CandidateEstimate) => shownQuality(qualityOf(estimate));
  const { chosen, compared } = first(estimates, {
    measures: [(estimate) => -qualityOf(estimate), ({ costUsd }) => costUsd ?? 0],
    shown,
    virtue: "cheaper",
  });
  return {
    chosen,
    sentence: `${chosen.model} has the best expected quality (${shown(chosen)})${compared}`,
  };
}

/** q - lambda c */
export function netQuality(estimate: CandidateEstimate, qualityPerUsd: number): number {
  return qualityOf(estimate) - qualityPerUsd * costOf(estimate);
}

/** "quality 0.812 - 3.1 x $0.002 = 0.806" */
function netInWords(estimate: CandidateEstimate, qualityPerUsd: number): string {
  const net = shownQuality(netQuality(estimate, qualityPerUsd));
  return `${shownQuality(qualityOf(estimate))} - ${shownNumber(qualityPerUsd)} x ${shownUsd(costOf(estimate))} = ${net}`;
}

/** argmax q - lambda c; between equals the cheaper, so that a larger lambda never chooses a dearer one. */
export function chooseNetQuality(
  estimates: readonly CandidateEstimate[],
  qualityPerUsd: number,
  measure = "quality - lambda x cost",
): Choice {
  const shown = (estimate: CandidateEstimate) => netInWords(estimate, qualityPerUsd);
  const { chosen, compared } = first(estimates, {
    measures: [(estimate) => -netQuality(estimate, qualityPerUsd), costOf],
    shown,
    virtue: "cheaper",
  });
  return { chosen, sentence: `${chosen.model} has the best ${measure} (${shown(chosen)})${compared}` };
}

/** argmin c; between equals the better, where qualities are known. */
export function chooseCheapest(estimates: readonly CandidateEstimate[]): Choice {
  const shown = (estimate: CandidateEstimate) => shownUsd(costOf(estimate));
  const { chosen, compared } = first(estimates, {
    measures: [costOf, ({ quality }) => -(quality ?? 0)],
    shown,
    virtue: "better",
  });
  const quality =
    chosen.quality === undefined ? "" : ` at an expected quality of ${shownQuality(chosen.quality)}`;
  return {
    chosen,
    sentence: `${chosen.model} is expected to be the cheapest (${shown(chosen)})${quality}${compared}`,
  };
}
