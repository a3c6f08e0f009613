/** Any router, with expected qualities instead of bare scores. */
import type { LengthModel } from "../length/index.ts";
import { type Assessment, isOutcomeRouter, type OutcomeEstimate, type OutcomeRouter } from "../outcome.ts";
import type { Router, RoutingQuery } from "../router.ts";
import { type CalibrationCurve, calibratedQuality } from "./curve.ts";
import type { DifficultyModel } from "./difficulty.ts";
import type { CalibrationWeights } from "./fit.ts";
import { logit } from "./logistic.ts";

/** What calibration learned of one router. */
export interface RouterCalibration {
  readonly weights: CalibrationWeights;
  /** One per candidate. */
  readonly curves: readonly CalibrationCurve[];
}

export interface CalibrationParts {
  /** Needed where easiness has a weight. */
  readonly difficulty?: DifficultyModel | undefined;
  /**
   * Predicts answer lengths, in place of the wrapped router where that does too: mean and interval come from one source, and
   * routers differ in quality alone.
   */
  readonly lengths?: LengthModel | undefined;
}

/** Scores stay those of the wrapped router: its ranking is what was trained. */
export class CalibratedRouter implements OutcomeRouter {
  readonly isCalibrated: boolean = true;
  readonly inner: Router;
  readonly calibration: RouterCalibration;
  readonly parts: CalibrationParts;

  constructor(inner: Router, calibration: RouterCalibration, parts: CalibrationParts = {}) {
    this.inner = inner;
    this.calibration = calibration;
    this.parts = parts;
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

  async assess(queries: readonly RoutingQuery[]): Promise<Assessment[]> {
    const assessed = isOutcomeRouter(this.inner) ? await this.inner.assess(queries) : undefined;
    const known = assessed?.map(({ estimate }) => estimate);
    const scores = assessed?.map((assessment) => assessment.scores) ?? (await this.inner.scores(queries));
    const prompts = queries.map(({ prompt }) => prompt);
    const { weights, curves } = this.calibration;
    const easiness = weights.easiness === 0 ? undefined : await this.parts.difficulty!.logOdds(prompts);
    const lengths = await this.parts.lengths?.predict(prompts);
    return scores.map((row, index) => {
      const raw = known === undefined ? row : known[index]!.quality.map(logit);
      const shift = easiness === undefined ? 0 : weights.easiness * easiness[index]!;
      const completionTokens = lengths?.[index]?.mean ?? known?.[index]?.completionTokens;
      return {
        scores: row,
        estimate: {
          quality: raw.map((score, candidate) =>
            calibratedQuality(curves[candidate]!, weights.score * score + shift),
          ),
          ...(completionTokens !== undefined && { completionTokens }),
        },
      };
    });
  }
}
