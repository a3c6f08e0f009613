/** The standard list of baselines, trained together. */
import type { JudgedRecord } from "../../judged/record.ts";
import { CachingEmbedder, type Embedder } from "../embedding/index.ts";
import { FixedRouter, RandomRouter } from "./constant-routers.ts";
import { trainKMeans } from "./k-means-router.ts";
import { trainKnn } from "./knn-router.ts";
import type { SavableRouter } from "./parts.ts";
import { trainRidge } from "./ridge-router.ts";
import { trainDomainBest, trainStringRule } from "./table-routers.ts";

export interface TrainBaselinesOptions {
  readonly seed: number;
  readonly embedder: Embedder;
}

/**
 * Trains `random`, `fixed:MODEL` for each candidate in order, `domain-best`, `string-rule`, `knn`, `kmeans` and
 * `ridge`, in that order. All of them pool the training prompts as they come, without balancing benchmarks.
 *
 * @throws {TuttiError} INVALID_ARGUMENT, DATASET_INVALID or RECORD_INVALID for candidates or records that do not fit
 */
export async function trainBaselines(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  { seed, embedder }: TrainBaselinesOptions,
): Promise<SavableRouter[]> {
  const domainBest = trainDomainBest(records, candidates);
  const names = domainBest.candidates;
  const cached =
    embedder instanceof CachingEmbedder
      ? embedder
      : new CachingEmbedder(embedder, Math.max(16_384, 2 * records.length));
  return [
    new RandomRouter(names, seed),
    ...names.map((name) => new FixedRouter(names, name)),
    domainBest,
    trainStringRule(records, candidates),
    await trainKnn(records, candidates, cached),
    await trainKMeans(records, candidates, cached, { seed }),
    await trainRidge(records, candidates, cached),
  ];
}
