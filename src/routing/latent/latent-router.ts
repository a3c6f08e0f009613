/**
 * Lookahead in embedding space: a frozen encoder reads the prompt, linear heads say what each candidate's answer would
 * be like (its utility, quality, length and form). Nothing is decoded and nothing but the prompt is read.
 *
 *   score_t(x) = sum_b p(b | x) (w_bt . x + c_bt)        x features of the prompt, b task, t candidate
 *
 * Once learned, a score depends on no other candidate: any set of them may be present, in any order.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { candidateColumn, type GrowableBaseline } from "../baselines/parts.ts";
import type { BundleArrays, BundleContent } from "../bundle.ts";
import { CachingEmbedder, type Embedder } from "../embedding/index.ts";
import { embeddingHeadsGraph } from "../export/embedding-graph.ts";
import type { GraphRouter, RouterGraph } from "../export/router-graph.ts";
import type { Assessment, OutcomeEstimate, OutcomeRouter } from "../outcome.ts";
import type { RoutingQuery } from "../router.ts";
import { ANSWER_FEATURES, type AnswerFeature } from "./answer-features.ts";
import { contentOf, partsOfContent } from "./content.ts";
import { type Standardisation, standardise } from "./features.ts";
import { fitAddedCandidate } from "./fit-candidate.ts";
import { applyHead, type LinearHead, mixHeads } from "./heads.ts";
import { latentHeads } from "./latent-graph.ts";
import type { LatentBenchmark, LatentHeader, LatentTask, Part } from "./settings.ts";
import { type TaskPosterior, taskProbabilities } from "./task-posterior.ts";

/** Everything learned about one candidate: a head per task for each part. */
export interface CandidateHeads {
  readonly name: string;
  readonly heads: Readonly<Record<Part, readonly LinearHead[]>>;
  /** Mean of exp(residual) of log tokens per task, so that means are predicted and not medians (Duan, 1983). */
  readonly smearing: Float64Array;
}

/** What the answer of one candidate is expected to be like. */
export interface AnswerOutlook {
  readonly utility: number;
  readonly quality: number;
  readonly completionTokens: number;
  readonly features: Readonly<Record<AnswerFeature, number>>;
}

export interface LatentParts {
  readonly standardisation: Standardisation;
  readonly benchmarks: readonly LatentBenchmark[];
  readonly tasks: readonly LatentTask[];
  readonly posterior: TaskPosterior;
  readonly candidates: readonly CandidateHeads[];
}

export class LatentRouter implements OutcomeRouter, GrowableBaseline, GraphRouter {
  readonly name: string;
  readonly isCalibrated: boolean = false;
  readonly candidates: readonly string[];
  readonly embedder: Embedder;
  readonly parts: LatentParts;

  constructor(name: string, embedder: Embedder, parts: LatentParts) {
    this.name = name;
    this.embedder = embedder instanceof CachingEmbedder ? embedder : new CachingEmbedder(embedder);
    this.parts = parts;
    this.candidates = parts.candidates.map((candidate) => candidate.name);
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    return this.perPrompt(queries, (vector, probabilities) =>
      Float64Array.from(
        this.parts.candidates,
        ({ heads }) => mixHeads(heads.utility, probabilities, vector)[0]!,
      ),
    );
  }

  async outcomes(queries: readonly RoutingQuery[]): Promise<OutcomeEstimate[]> {
    return (await this.assess(queries)).map(({ estimate }) => estimate);
  }

  async assess(queries: readonly RoutingQuery[]): Promise<Assessment[]> {
    return (await this.outlooks(queries)).map((outlooks) => ({
      scores: Float64Array.from(outlooks, ({ utility }) => utility),
      estimate: {
        quality: Float64Array.from(outlooks, ({ quality }) => quality),
        completionTokens: Float64Array.from(outlooks, ({ completionTokens }) => completionTokens),
      },
    }));
  }

  /** What each candidate's answer is expected to be like, per query. */
  async outlooks(queries: readonly RoutingQuery[]): Promise<AnswerOutlook[][]> {
    return this.perPrompt(queries, (vector, probabilities) =>
      this.parts.candidates.map((candidate) => outlook(candidate, vector, probabilities)),
    );
  }

  /** p(task | prompt) in the order of `parts.tasks`, per query. */
  async tasks(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    return this.perPrompt(queries, (_, probabilities) => probabilities);
  }

  /** @throws {TuttiError} EXPORT_INVALID over an embedding that is no network */
  routerGraph(): RouterGraph {
    return embeddingHeadsGraph(this.embedder, latentHeads(this.parts, this.embedder.dimension));
  }

  toContent(): BundleContent {
    return contentOf(this.parts);
  }

  static fromContent(
    header: LatentHeader,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): LatentRouter {
    return new LatentRouter(
      "latent",
      embedder,
      partsOfContent(header, arrays, candidates, embedder.dimension),
    );
  }

  /**
   * Its heads are fitted to the judged prompts, which need no answers of the other candidates, starting from the mean of
   * the heads that are there: of two that join, the second is learned with the first among them.
   *
   * @throws {TuttiError} as {@link GrowableRouter.withCandidate}; DATASET_INVALID for a benchmark whose scale is unknown
   */
  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<LatentRouter> {
    const added = await fitAddedCandidate(this.parts, this.embedder, name, records);
    return this.withCandidates([...this.parts.candidates, added]);
  }

  /** @throws {TuttiError} UNKNOWN_CANDIDATE */
  withoutCandidate(name: string): LatentRouter {
    const column = candidateColumn(this.candidates, name);
    return this.withCandidates(this.parts.candidates.toSpliced(column, 1));
  }

  private withCandidates(candidates: readonly CandidateHeads[]): LatentRouter {
    return new LatentRouter(this.name, this.embedder, { ...this.parts, candidates });
  }

  private async perPrompt<T>(
    queries: readonly RoutingQuery[],
    predict: (vector: Float32Array, probabilities: Float64Array) => T,
  ): Promise<T[]> {
    const vectors = await this.embedder.embed(queries.map(({ prompt }) => prompt));
    return vectors.map((vector) => {
      const features = standardise(this.parts.standardisation, vector);
      return predict(features, taskProbabilities(this.parts.posterior, features));
    });
  }
}

function outlook(
  { heads, smearing }: CandidateHeads,
  vector: Float32Array,
  probabilities: Float64Array,
): AnswerOutlook {
  const answer = mixHeads(heads.answer, probabilities, vector);
  let completionTokens = 0;
  for (const [task, head] of heads.answer.entries()) {
    completionTokens += probabilities[task]! * smearing[task]! * Math.exp(applyHead(head, vector, 0)[0]!);
  }
  const quality = mixHeads(heads.quality, probabilities, vector)[0]!;
  return {
    utility: mixHeads(heads.utility, probabilities, vector)[0]!,
    quality: Math.min(1, Math.max(0, quality)),
    completionTokens: Math.max(1, completionTokens),
    features: Object.fromEntries(
      ANSWER_FEATURES.map((feature, index) => [feature, Math.max(0, answer[1 + index]!)]),
    ) as Record<AnswerFeature, number>,
  };
}
