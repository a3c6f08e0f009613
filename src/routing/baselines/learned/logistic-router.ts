/** One logistic regression per candidate on the prompt's embedding. */
import { z } from "zod";
import type { JudgedRecord } from "../../../judged/record.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { BundleArrays } from "../../bundle.ts";
import type { Embedder } from "../../embedding/index.ts";
import { routingTargets } from "../../labels.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { type LinearMap, linearScores } from "../linear-scores.ts";
import { sigmoid } from "../stable-functions.ts";
import { freezePrompts } from "./frozen-prompts.ts";
import { fitLogistic, type LogisticCoefficients, type LogisticProblem, logisticLoss } from "./logistic.ts";

/** Decades around scikit-learn's default of 1, strongest first. */
export const DEFAULT_PENALTIES: readonly number[] = [10, 1, 0.1, 0.01];

/** Enough to tell penalties apart; the final fit is exact. */
const SELECTION_TOLERANCE = 1e-4;

export const logisticHeaderSchema = z.object({ kind: z.literal("logistic"), lambda: z.number().positive() });

/** What a regression learns: each target is a number in [0, 1] per candidate. See {@link routingTargets}. */
export type LogisticTarget = "absolute" | "relative" | "normalised";

/** Scores are sigmoid(w_t . x + b_t): with absolute targets, the probability that candidate t answers well. */
export class LogisticRouter extends EmbeddingRouter {
  override readonly name: string = "logistic";
  /** Penalty that the training chose. */
  readonly lambda: number;
  readonly map: LinearMap;

  constructor(candidates: readonly string[], embedder: Embedder, lambda: number, map: LinearMap) {
    super(candidates, embedder);
    this.lambda = lambda;
    this.map = map;
  }

  override scoresOf(vector: Float32Array): Float64Array {
    return linearScores(this.map, vector).map(sigmoid);
  }

  override toContent() {
    const { weights, intercepts } = this.map;
    return { header: { kind: "logistic", lambda: this.lambda }, arrays: { weights, intercepts } };
  }

  static fromContent(
    header: z.infer<typeof logisticHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): LogisticRouter {
    return new LogisticRouter(candidates, embedder, header.lambda, {
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
  return new LogisticRouter(prompts.data.candidates, embedder, lambda, { weights, intercepts });
}
