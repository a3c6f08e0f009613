/**
 * Baselines as they would be without some of their training prompts: what is measured on those prompts holds for the
 * saved ones too.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { LatentRouter, trainLatent } from "../latent/index.ts";
import { KMeansRouter } from "./k-means-router.ts";
import { KnnRouter, trainKnn } from "./knn-router.ts";
import type { SavableRouter } from "./parts.ts";
import { RidgeRouter, trainRidge } from "./ridge-router.ts";
import { StringRuleRouter, trainStringRule } from "./table-routers.ts";

/**
 * One twin for each baseline whose scores depend on the prompt alone, in their order; constant ones, and those that read
 * the domain, have none. Twins share the embedder of the originals. That of k-means keeps its centres, which come from
 * the prompts and never from scores, and takes new means.
 *
 * @throws {TuttiError} see {@link trainBaselines}
 */
export async function trainTwins(
  baselines: readonly SavableRouter[],
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): Promise<SavableRouter[]> {
  const twins: SavableRouter[] = [];
  for (const router of baselines) {
    if (router instanceof StringRuleRouter) twins.push(trainStringRule(records, candidates));
    if (router instanceof KnnRouter) twins.push(await trainKnn(records, candidates, router.embedder));
    if (router instanceof KMeansRouter) twins.push(await router.withScoresOf(records));
    if (router instanceof LatentRouter) {
      twins.push(await trainLatent(router.name, records, candidates, router.embedder));
    }
    if (router instanceof RidgeRouter) twins.push(await trainRidge(records, candidates, router.embedder));
  }
  return twins;
}
