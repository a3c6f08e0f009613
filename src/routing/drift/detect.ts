/** Traffic against what a router was trained on: tests, a verdict, and what changed in words. */
import type { TrafficPrompt } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { permutation, streamOf } from "../../tensor/random.ts";
import { characteristicWords } from "./cluster-words.ts";
import {
  CLUSTER_WORDS,
  clustersOf,
  type DriftMonitor,
  distinctPrompts,
  excerpt,
  sampleOf,
} from "./monitor.ts";
import { adjustedPValues, FAMILIAR_SHARE, type PValues, twoSampleTest } from "./two-sample.ts";

/** Traffic beyond this many distinct prompts is sampled: larger tests would call any trifle a drift. */
const MAX_TRAFFIC = 500;
export const MIN_TRAFFIC = 30;
const TYPICAL_PROMPTS = 3;

export interface DriftReport {
  readonly hasDrifted: boolean;
  /** Largest chance of an alarm without drift. */
  readonly alpha: number;
  readonly prompts: { readonly given: number; readonly distinct: number; readonly tested: number };
  /** Adjusted for asking three questions; drift when any is at most alpha. */
  readonly pValues: PValues;
  /** Share of traffic farther from training prompts than 99 % of them are from each other; 0.01 without drift. */
  readonly unfamiliarShare: number;
  /** Characters. */
  readonly medianLength: { readonly training: number; readonly traffic: number };
  /** Largest change of share first; unfamiliar prompts belong to no cluster. */
  readonly clusters: readonly ClusterChange[];
  /** Unfamiliar prompts: judge some of these first. */
  readonly unfamiliar: {
    readonly words: readonly string[];
    readonly typical: readonly string[];
    readonly ids: readonly string[];
  };
}

export interface ClusterChange {
  readonly words: readonly string[];
  readonly typical: readonly string[];
  readonly trainingShare: number;
  readonly trafficShare: number;
}

export interface DriftOptions {
  readonly alpha: number;
  readonly seed: number;
  /** @default 999 */
  readonly permutations?: number;
}

/** @throws {TuttiError} DATASET_INVALID for too little traffic; INVALID_ARGUMENT for an alpha outside 0..1 */
export async function detectDrift(
  monitor: DriftMonitor,
  traffic: readonly TrafficPrompt[],
  { alpha, seed, permutations = 999 }: DriftOptions,
): Promise<DriftReport> {
  // Three questions, adjusted: the smallest attainable p-value is 3 / (permutations + 1).
  const least = 3 / (permutations + 1);
  if (!(alpha >= least && alpha < 1)) {
    throw new TuttiError("INVALID_ARGUMENT", `alpha is ${alpha}, expected ${least} to 1`, {
      hint: "0.01 raises one false alarm in a hundred checks",
    });
  }
  const distinct = distinctPrompts(traffic);
  if (distinct.length < MIN_TRAFFIC) {
    throw new TuttiError(
      "DATASET_INVALID",
      `${distinct.length} distinct prompts, expected at least ${MIN_TRAFFIC}`,
      {
        details: { given: traffic.length, distinct: distinct.length },
        hint: "collect more traffic before asking whether it has changed",
      },
    );
  }
  const order = permutation(distinct.length, { seed, stream: streamOf("drift traffic") });
  const tested = [...order.slice(0, MAX_TRAFFIC)].map((index) => distinct[index]!);
  const prompts = tested.map(({ prompt }) => prompt);
  const sample = await sampleOf(monitor, prompts);
  const { dimension } = monitor.embedder;
  const pValues = adjustedPValues(
    twoSampleTest(monitor.reference, sample, dimension, { permutations, seed }),
  );
  const border = quantile(monitor.reference.distances, FAMILIAR_SHARE);
  const isUnfamiliar = [...sample.distances].map((distance) => distance > border);
  const strangers = tested.filter((_, index) => isUnfamiliar[index]);
  const familiar = prompts.filter((_, index) => !isUnfamiliar[index]);
  const assigned = clustersOf(monitor.centres, sample.embeddings, dimension);
  const clusters = monitor.clusters.map(({ words, typical, share }, cluster) => ({
    words,
    typical,
    trainingShare: share,
    trafficShare:
      assigned.filter((own, index) => own === cluster && !isUnfamiliar[index]).length / assigned.length,
  }));
  return {
    hasDrifted: Math.min(...Object.values(pValues)) <= alpha,
    alpha,
    prompts: { given: traffic.length, distinct: distinct.length, tested: tested.length },
    pValues,
    unfamiliarShare: strangers.length / tested.length,
    medianLength: {
      training: quantile(monitor.reference.lengths, 0.5),
      traffic: quantile(sample.lengths, 0.5),
    },
    clusters: clusters.sort(
      (a, b) => Math.abs(b.trafficShare - b.trainingShare) - Math.abs(a.trafficShare - a.trainingShare),
    ),
    unfamiliar: {
      words: characteristicWords(
        strangers.map(({ prompt }) => prompt),
        [...familiar, ...monitor.clusters.flatMap(({ typical }) => typical)],
        CLUSTER_WORDS,
      ),
      typical: strangers.slice(0, TYPICAL_PROMPTS).map(({ prompt }) => excerpt(prompt)),
      ids: strangers.map(({ id }) => id),
    },
  };
}

function quantile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
