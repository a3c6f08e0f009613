/** Published routers beyond the standard baselines, trained together over one embedder. */
import type { JudgedRecord } from "../../judged/record.ts";
import { CachingEmbedder, type Embedder } from "../embedding/index.ts";
import { type CandidateCosts, trainAvengersPro } from "./clusters/avengers-pro-router.ts";
import { trainAvengers } from "./clusters/avengers-router.ts";
import { trainSoftClusters } from "./clusters/soft-clusters-router.ts";
import { trainSmoothie } from "./label-free/smoothie-router.ts";
import { trainIrt } from "./learned/irt-router.ts";
import { trainLogistic } from "./learned/logistic-router.ts";
import { trainMatrixFactorisation } from "./learned/matrix-factorisation-router.ts";
import { trainRouterDc } from "./learned/router-dc-router.ts";
import { trainZooter } from "./learned/zooter-router.ts";
import type { SavableRouter } from "./parts.ts";

/** In the order in which {@link trainRivals} returns them. */
export const RIVAL_NAMES = [
  "soft-clusters",
  "avengers",
  "avengers-pro",
  "logistic",
  "matrix-factorisation",
  "irt",
  "zooter",
  "router-dc",
  "smoothie",
] as const;

export type RivalName = (typeof RIVAL_NAMES)[number];

export interface TrainRivalsOptions {
  readonly seed: number;
  readonly embedder: Embedder;
  /** Which to train. @default all, but `avengers-pro` only with costs */
  readonly names?: readonly RivalName[];
  /** Cost of one answer per candidate, for `avengers-pro`. */
  readonly costs?: CandidateCosts;
  /** Embeds the answers for `smoothie`. @default the embedder of the prompts */
  readonly answerEmbedder?: Embedder;
}

/**
 * Trains the named rivals with their own defaults, in the order of {@link RIVAL_NAMES}.
 *
 * @param onTrained called after each with its name and the seconds it took, the first one's including the embedding
 * @throws {TuttiError} INVALID_ARGUMENT, DATASET_INVALID or RECORD_INVALID for candidates, costs or records that do
 * not fit
 */
export async function trainRivals(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  { seed, embedder, names, costs, answerEmbedder = embedder }: TrainRivalsOptions,
  onTrained?: (name: RivalName, seconds: number) => void,
): Promise<SavableRouter[]> {
  const cached = new CachingEmbedder(embedder, Math.max(16_384, 2 * records.length));
  const train: Record<RivalName, () => Promise<SavableRouter>> = {
    "soft-clusters": () => trainSoftClusters(records, candidates, cached, { seed }),
    avengers: () => trainAvengers(records, candidates, cached, { seed }),
    "avengers-pro": () => trainAvengersPro(records, candidates, cached, costs ?? {}, { seed }),
    logistic: () => trainLogistic(records, candidates, cached, { seed }),
    "matrix-factorisation": () => trainMatrixFactorisation(records, candidates, cached, { seed }),
    irt: () => trainIrt(records, candidates, cached, { seed }),
    zooter: () => trainZooter(records, candidates, cached, { seed }),
    "router-dc": () => trainRouterDc(records, candidates, cached, { seed }),
    // The answers pass the cache by: each is embedded once.
    smoothie: () => trainSmoothie(records, candidates, cached, { answerEmbedder }),
  };
  const wanted = new Set<RivalName>(
    names ?? RIVAL_NAMES.filter((name) => name !== "avengers-pro" || costs !== undefined),
  );
  const routers: SavableRouter[] = [];
  for (const name of RIVAL_NAMES.filter((known) => wanted.has(known))) {
    const startedAt = performance.now();
    routers.push(await train[name]());
    onTrained?.(name, (performance.now() - startedAt) / 1000);
  }
  return routers;
}
