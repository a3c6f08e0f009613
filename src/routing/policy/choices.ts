/** Choices among the candidates that constraints and bars have left. Each says which numbers decided. */
import type { CandidateEstimate, Choice } from "./policy.ts";
import { costOf, lowest, qualityOf, runnerUp, shownNumber, shownQuality, shownUsd } from "./words.ts";

/** argmax q; between equals the cheaper, where costs are known. */
export function chooseBestQuality(estimates: readonly CandidateEstimate[]): Choice {
  const measures = [
    (estimate: CandidateEstimate) => -qualityOf(estimate),
    ({ costUsd }: CandidateEstimate) => costUsd ?? 0,
  ];
  const chosen = lowest(estimates, ...measures);
  const next = runnerUp(estimates, chosen, ...measures);
  const ahead = next === undefined ? "" : `, ahead of ${next.model} (${shownQuality(qualityOf(next))})`;
  return {
    chosen,
    sentence: `${chosen.model} has the best expected quality (${shownQuality(qualityOf(chosen))})${ahead}`,
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
  const measures = [
    (estimate: CandidateEstimate) => -netQuality(estimate, qualityPerUsd),
    (estimate: CandidateEstimate) => costOf(estimate),
  ];
  const chosen = lowest(estimates, ...measures);
  const next = runnerUp(estimates, chosen, ...measures);
  const ahead = next === undefined ? "" : `, ahead of ${next.model} (${netInWords(next, qualityPerUsd)})`;
  return {
    chosen,
    sentence: `${chosen.model} has the best ${measure} (${netInWords(chosen, qualityPerUsd)})${ahead}`,
  };
}

/** argmin c; between equals the better, where qualities are known. */
export function chooseCheapest(estimates: readonly CandidateEstimate[]): Choice {
  const measures = [
    (estimate: CandidateEstimate) => costOf(estimate),
    ({ quality }: CandidateEstimate) => -(quality ?? 0),
  ];
  const chosen = lowest(estimates, ...measures);
  const next = runnerUp(estimates, chosen, ...measures);
  const ahead = next === undefined ? "" : `, ahead of ${next.model} (${shownUsd(costOf(next))})`;
  const quality =
    chosen.quality === undefined ? "" : ` at an expected quality of ${shownQuality(chosen.quality)}`;
  return {
    chosen,
    sentence: `${chosen.model} is expected to be the cheapest (${shownUsd(costOf(chosen))})${quality}${ahead}`,
  };
}
