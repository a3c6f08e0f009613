/** What every section of the report needs to know about an evaluation. */

import { isNumber } from "../../plots/svg.ts";
import type { RouterEvaluation } from "../evaluation/index.ts";

export const ORACLE = "oracle";

export interface View {
  readonly evaluation: RouterEvaluation;
  /** Best first, without the oracle, whose score is 100 by definition. */
  readonly routers: readonly string[];
  /** Routers that the evaluation compares with the others. */
  readonly trained: ReadonlySet<string>;
}

export function viewOf(evaluation: RouterEvaluation): View {
  const mean = (router: string): number => {
    const { normalised } = evaluation.mean[router]!;
    return isNumber(normalised) ? normalised : Number.NEGATIVE_INFINITY;
  };
  return {
    evaluation,
    routers: Object.keys(evaluation.mean)
      .filter((router) => router !== ORACLE)
      .sort((a, b) => (mean(a) === mean(b) ? 0 : mean(b) - mean(a))),
    trained: new Set(evaluation.differences.map(({ router }) => router)),
  };
}
