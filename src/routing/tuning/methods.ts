/** The methods that `tutti router tune` chooses from, quick ones first, and their grids. */
import { didYouMean } from "../../support/did-you-mean.ts";
import { TuttiError } from "../../support/errors.ts";
import {
  DEFAULT_CLUSTERS,
  DEFAULT_NEIGHBOURS,
  type LogisticTarget,
  trainAvengers,
  trainKMeans,
  trainKnn,
  trainLogistic,
  trainMatrixFactorisation,
  trainRidge,
  trainZooter,
} from "../baselines/index.ts";
import { trainLatent } from "../latent/index.ts";
import { lookaheadMethod } from "./lookahead-method.ts";
import type { Setting, TunableMethod } from "./tunable-method.ts";

/** Fewer training prompts than this per cluster leave cluster means to chance. */
const MIN_PROMPTS_PER_CLUSTER = 5;
/** The cluster routers' own defaults leave so many. */
const DEFAULT_PROMPTS_PER_CLUSTER = 20;
const AVENGERS_CLUSTERS = 64;

/** The penalty that the leave-one-out error on the training prompts prefers. */
const CHOSEN_INSIDE = "leave-one-out";

function clusterCounts(prompts: number, preferred: number, others: readonly number[]): number[] {
  const usual = Math.max(1, Math.min(preferred, Math.floor(prompts / DEFAULT_PROMPTS_PER_CLUSTER)));
  const most = prompts / MIN_PROMPTS_PER_CLUSTER;
  return [usual, ...others.filter((clusters) => clusters !== usual && clusters <= most)];
}

const ridge: TunableMethod = {
  name: "ridge",
  isSlow: false,
  grid: () => [CHOSEN_INSIDE, 0.1, 1, 10, 100].map((penalty) => ({ penalty })),
  train: (records, candidates, { penalty }, { embedder }) =>
    trainRidge(
      records,
      candidates,
      embedder,
      penalty === CHOSEN_INSIDE ? {} : { lambdas: [Number(penalty)] },
    ),
};

const knn: TunableMethod = {
  name: "knn",
  isSlow: false,
  grid: (prompts) =>
    [DEFAULT_NEIGHBOURS, 5, 10, 30, 300]
      .filter((neighbours) => neighbours === DEFAULT_NEIGHBOURS || neighbours < prompts)
      .map((neighbours) => ({ neighbours })),
  train: (records, candidates, { neighbours }, { embedder }) =>
    trainKnn(records, candidates, embedder, { neighbours: Number(neighbours) }),
};

const kmeans: TunableMethod = {
  name: "kmeans",
  isSlow: false,
  grid: (prompts) =>
    clusterCounts(prompts, DEFAULT_CLUSTERS, [8, 16, 32, 64, 200]).map((clusters) => ({ clusters })),
  train: (records, candidates, { clusters }, { embedder, seed }) =>
    trainKMeans(records, candidates, embedder, { clusters: Number(clusters), seed }),
};

const avengers: TunableMethod = {
  name: "avengers",
  isSlow: false,
  grid: (prompts) =>
    clusterCounts(prompts, AVENGERS_CLUSTERS, [16, 32, 128]).flatMap((clusters) =>
      [4, 1, 8]
        .filter((nearest) => nearest === 4 || nearest < clusters)
        .map((nearest): Setting => ({ clusters, nearest })),
    ),
  train: (records, candidates, { clusters, nearest }, { embedder, seed }) =>
    trainAvengers(records, candidates, embedder, {
      clusters: Number(clusters),
      nearest: Number(nearest),
      seed,
    }),
};

const latent: TunableMethod = {
  name: "latent",
  isSlow: false,
  grid: () => [{}],
  train: (records, candidates, _, { embedder }) => trainLatent("latent", records, candidates, embedder),
};

const logistic: TunableMethod = {
  name: "logistic",
  isSlow: false,
  grid: () => [{ target: "absolute" }, { target: "relative" }],
  train: (records, candidates, { target }, { embedder, seed }) =>
    trainLogistic(records, candidates, embedder, { target: target as LogisticTarget, seed }),
};

const zooter: TunableMethod = {
  name: "zooter",
  isSlow: false,
  grid: () => [0.1, 0.3, 1].map((temperature) => ({ temperature })),
  train: (records, candidates, { temperature }, { embedder, seed }) =>
    trainZooter(records, candidates, embedder, { temperature: Number(temperature), seed }),
};

const matrixFactorisation: TunableMethod = {
  name: "matrix-factorisation",
  isSlow: false,
  grid: () => [128, 32].map((width) => ({ width })),
  train: (records, candidates, { width }, { embedder, seed }) =>
    trainMatrixFactorisation(records, candidates, embedder, { width: Number(width), seed }),
};

export const TUNABLE_METHODS: readonly TunableMethod[] = [
  ridge,
  knn,
  kmeans,
  avengers,
  latent,
  logistic,
  zooter,
  matrixFactorisation,
  lookaheadMethod("mlm"),
  lookaheadMethod("clm"),
];

/**
 * The named methods in the order of {@link TUNABLE_METHODS}; all quick ones without names.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for an unknown name
 */
export function tunableMethods(names?: readonly string[]): TunableMethod[] {
  if (names === undefined) return TUNABLE_METHODS.filter(({ isSlow }) => !isSlow);
  const known = TUNABLE_METHODS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined || names.length === 0) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `methods to tune are [${names.join(", ")}], expected one or more of ${known.join(", ")}`,
      { details: { names, known }, hint: didYouMean(unknown ?? "", known) },
    );
  }
  return TUNABLE_METHODS.filter(({ name }) => names.includes(name));
}
