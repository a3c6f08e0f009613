/** How far an exported router is from the one that it was made of: what 8 bits cost on this processor. */
import { TuttiError } from "../../support/errors.ts";
import { argmax, centred, type Router, type RoutingQuery } from "../router.ts";

export interface ExportAgreement {
  readonly prompts: number;
  /** Share of the prompts for which both choose the same model. */
  readonly sameChoiceShare: number;
  /** sqrt(sum (e - s)^2 / sum s^2) of exported scores e and the router's s, both less the mean of their prompt; Infinity
   * when only the exported scores differ between models. */
  readonly relativeError: number;
}

const QUERIES_PER_CALL = 256;

/**
 * Scores every query with both.
 *
 * @param onProgress called with the number of queries done
 * @throws {TuttiError} EXPORT_INVALID when they do not score the same candidates; INVALID_ARGUMENT without queries
 */
export async function exportAgreement(
  exported: Router,
  router: Router,
  queries: readonly RoutingQuery[],
  onProgress?: (done: number) => void,
): Promise<ExportAgreement> {
  if (exported.candidates.join("\n") !== router.candidates.join("\n")) {
    throw new TuttiError(
      "EXPORT_INVALID",
      `the exported router scores ${exported.candidates.join(", ")}; ${router.name} scores ${router.candidates.join(", ")}`,
      { hint: "name the router that it was exported from, or export that one again" },
    );
  }
  if (queries.length === 0) throw new TuttiError("INVALID_ARGUMENT", "no prompts to compare the scores of");
  let [same, squaredErrors, squares] = [0, 0, 0];
  for (let start = 0; start < queries.length; start += QUERIES_PER_CALL) {
    const part = queries.slice(start, start + QUERIES_PER_CALL);
    const [theirs, ours] = [await exported.scores(part), await router.scores(part)];
    for (const [index, own] of ours.entries()) {
      if (argmax(own) === argmax(theirs[index]!)) same++;
      const [a, b] = [centred(own), centred(theirs[index]!)];
      for (const [column, score] of a.entries()) {
        squares += score ** 2;
        squaredErrors += (b[column]! - score) ** 2;
      }
    }
    onProgress?.(start + part.length);
  }
  return {
    prompts: queries.length,
    sameChoiceShare: same / queries.length,
    relativeError: squaredErrors === 0 ? 0 : Math.sqrt(squaredErrors / squares),
  };
}
