/** One logistic regression per candidate on the prompt's embedding. */
import { z } from "zod";
import type { JudgedRecord } from "../../../judged/record.ts";
import { sigmoid } from "../../../statistics/stable-functions.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { BundleArrays } from "../../bundle.ts";
import { type Embedder, embedMatrix } from "../../embedding/index.ts";
import { candidateEvidence, mean } from "../../growth/candidate-evidence.ts";
import { routingTargets } from "../../labels.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { type LinearMap, linearScores } from "../linear-scores.ts";
import { candidateColumn, type GrowableBaseline } from "../parts.ts";
import { freezePrompts } from "./frozen-prompts.ts";
import { fitLogistic, type LogisticCoefficients, type LogisticProblem, logisticLoss } from "./logistic.ts";

/** Decades around scikit-learn's default of 1, strongest first. */
export const DEFAULT_PENALTIES: readonly number[] = [10, 1, 0.1, 0.01];

/** Enough to tell penalties apart; the final fit is exact. */
const SELECTION_TOLERANCE = 1e-4;

const LOGISTIC_TARGETS = ["absolute", "relative", "normalised"] as const;

/** What a regression learns: each target is a number in [0, 1] per candidate. See {@link routingTargets}. */
export type LogisticTarget = (typeof LOGISTIC_TARGETS)[number];

export const logisticHeaderSchema = z.object({
  kind: z.literal("logistic"),
  lambda: z.number().positive(),
  target: z.enum(LOGISTIC_TARGETS),
});

/** Scores are sigmoid(w_t . x + b_t): with absolute targets, the probability that candidate t answers well. */
export class LogisticRouter extends EmbeddingRouter implements GrowableBaseline {
  override readonly name: string = "logistic";
  /** Penalty that the training chose. */
  readonly lambda: number;
  readonly target: LogisticTarget;
  readonly map: LinearMap;

  constructor(
    candidates: readonly string[],
    embedder: Embedder,
    fit: { readonly lambda: number; readonly target: LogisticTarget },
    map: LinearMap,
  ) {
    super(candidates, embedder);
    this.lambda = fit.lambda;
    this.target = fit.target;
    this.map = map;
  }

  override scoresOf(vector: Float32Array): Float64Array {
    return linearScores(this.map, vector).map(sigmoid);
  }

  /**
   * The new row is the mean of the others plus what a regression adds to it, whose weights are held to 0 as strongly as
   * those in training: few judged prompts leave a constant. Scales that do not lie in [0, 1] are measured on them alone.
   */
  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<LogisticRouter> {
    const { prompts } = candidateEvidence(records, this.candidates, name);
    const { dimension } = this.embedder;
    const { weights, intercepts } = this.map;
    const width = this.candidates.length;
    const targets = routingTargets(records, [...this.candidates, name]);
    const x = await embedMatrix(this.embedder, prompts);
    const added = fitLogistic(
      {
        rows: prompts.length,
        features: dimension,
        x,
        y: Float64Array.from(targets, (row) => row[this.target][width]!),
        offsets: Float64Array.from(prompts, (_, row) =>
          mean(linearScores(this.map, x.subarray(row * dimension, (row + 1) * dimension))),
        ),
      },
      this.lambda,
    );
    for (const [position, weight] of weights.entries()) added[position % dimension]! += weight / width;
    return this.withMap([...this.candidates, name], {
      weights: Float64Array.of(...weights, ...added.subarray(0, dimension)),
      intercepts: Float64Array.of(...intercepts, mean(intercepts) + added[dimension]!),
    });
  }

  withoutCandidate(name: string): LogisticRouter {
    const column = candidateColumn(this.candidates, name);
    const { dimension } = this.embedder;
    const { weights, intercepts } = this.map;
    return this.withMap(this.candidates.toSpliced(column, 1), {
      weights: weights.filter((_, position) => Math.floor(position / dimension) !== column),
      intercepts: intercepts.filter((_, row) => row !== column),
    });
  }

  private withMap(candidates: readonly string[], map: LinearMap): LogisticRouter {
    return new LogisticRouter(candidates, this.embedder, this, map);
  }

  override toContent() {
    const { weights, intercepts } = this.map;
    const { lambda, target } = this;
    return { header: { kind: "logistic", lambda, target }, arrays: { weights, intercepts } };
  }

  static fromContent(
    header: z.infer<typeof logisticHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): LogisticRouter {
    return new LogisticRouter(candidates, embedder, header, {
      weights: arrays.float64("weights", candidates.length * embedder.dimension),
      intercepts: arrays.float64("intercepts", candidates.length),
    });
  }
}

/** The penalty with the lowest loss on the validation rows, summed over candidates; the strongest without any. */
function choosePenalty(
  problems: readonly LogisticProblem[],
  training: Uint32Array,
  validation: Uint32Array,
  penalties: readonly number[],
): number {
  let chosen = penalties[0]!;
  if (validation.length === 0 || penalties.length === 1) return chosen;
  let lowest = Number.POSITIVE_INFINITY;
  let fits: LogisticCoefficients[] = [];
  for (const penalty of penalties) {
    fits = problems.map((problem, column) =>
      fitLogistic(problem, penalty, {
        rows: training,
        tolerance: SELECTION_TOLERANCE,
        ...(fits[column] && { start: fits[column] }),
      }),
    );
    const losses = problems.map((problem, column) => logisticLoss(problem, fits[column]!, validation));
    const total = losses.reduce((sum, loss) => sum + loss, 0);
    if (total >= lowest) break;
    lowest = total;
    chosen = penalty;
  }
  return chosen;
}

/**
 * @param options.target - what is learned, @default "absolute": how good the answer is on its benchmark's own scale
 * @param options.penalties - lambda to choose from by the loss on held-out prompts, for all candidates together, before
 * the fit on all prompts; the search stops at the first that is worse, @default 10, 1, 0.1, 0.01
 * @param options.validationShare - of the prompts, to choose with, @default 0.1
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT when a penalty is not positive
 */
export async function trainLogistic(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: {
    readonly target?: LogisticTarget;
    readonly penalties?: readonly number[];
    readonly validationShare?: number;
    readonly seed?: number;
  } = {},
): Promise<LogisticRouter> {
  const { target = "absolute", penalties = DEFAULT_PENALTIES, validationShare = 0.1, seed = 0 } = options;
  if (penalties.length === 0 || !penalties.every((penalty) => penalty > 0 && Number.isFinite(penalty))) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `penalties are [${penalties.join(", ")}], expected positive numbers`,
    );
  }
  const prompts = await freezePrompts(records, candidates, embedder, { validationShare, seed });
  const targets = routingTargets(records, candidates).map((row) => row[target]);
  const problems = candidates.map((_, column) => ({
    rows: records.length,
    features: prompts.dimension,
    x: prompts.embeddings,
    y: Float64Array.from(targets, (row) => row[column]!),
  }));
  const descending = [...penalties].sort((a, b) => b - a);
  const lambda = choosePenalty(problems, prompts.training, prompts.validation, descending);
  const weights = new Float64Array(candidates.length * prompts.dimension);
  const intercepts = new Float64Array(candidates.length);
  for (const [column, problem] of problems.entries()) {
    const fit = fitLogistic(problem, lambda);
    weights.set(fit.subarray(0, prompts.dimension), column * prompts.dimension);
    intercepts[column] = fit[prompts.dimension]!;
  }
  return new LogisticRouter(prompts.data.candidates, embedder, { lambda, target }, { weights, intercepts });
}
