/** Any router, with expected qualities instead of bare scores. */
import type { LengthModel } from "../length/index.ts";
import { isOutcomeRouter, type OutcomeEstimate, type OutcomeRouter } from "../outcome.ts";
import type { Router, RoutingQuery } from "../router.ts";
import { type CalibrationCurve, calibratedQuality } from "./curve.ts";
import { logit } from "./logistic.ts";

/** Scores and expectations of one prompt from a single pass of the router. */
export interface Assessment {
  readonly scores: Float64Array;
  readonly estimate: OutcomeEstimate;
}

/** Scores stay those of the wrapped router: its ranking is what was trained. */
export class CalibratedRouter implements OutcomeRouter {
  readonly isCalibrated: boolean = true;
  readonly inner: Router;
  /** One per candidate. */
  readonly curves: readonly CalibrationCurve[];
  /** Predicts answer lengths where the wrapped router does not. */
  readonly lengths: LengthModel | undefined;

  constructor(inner: Router, curves: readonly CalibrationCurve[], lengths?: LengthModel) {
    this.inner = inner;
    this.curves = curves;
    this.lengths = lengths;
  }

  get name(): string {
    return this.inner.name;
  }

  get candidates(): readonly string[] {
    return this.inner.candidates;
  }

  get readsDomain(): boolean {
    return this.inner.readsDomain === true;
  }

  scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    return this.inner.scores(queries);
  }

  async outcomes(queries: readonly RoutingQuery[]): Promise<OutcomeEstimate[]> {
    return (await this.assess(queries)).map(({ estimate }) => estimate);
  }

  /** Scores and outcomes at once: the wrapped router's network runs once, not twice. */
  async assess(queries: readonly RoutingQuery[]): Promise<Assessment[]> {
    const known = isOutcomeRouter(this.inner) ? await this.inner.outcomes(queries) : undefined;
    const scores = await this.inner.scores(queries);
    const lengths = await this.lengths?.predict(queries.map(({ prompt }) => prompt));
    return scores.map((row, index) => {
      const raw = known === undefined ? row : known[index]!.quality.map(logit);
      const completionTokens = known?.[index]?.completionTokens ?? lengths?.[index]?.mean;
      return {
        scores: row,
        estimate: {
          quality: raw.map((score, candidate) => calibratedQuality(this.curves[candidate]!, score)),
          ...(completionTokens !== undefined && { completionTokens }),
        },
      };
    });
  }
}
