/**
 * What a router remembers of its training prompts in order to notice that traffic has left them.
 *
 * Training prompts are parted in two. One part makes the yardsticks: an embedder where none was given, clusters, known
 * prompts to measure distances to. The other is the reference, which no yardstick has seen: only so do the reference and
 * traffic of the same kind come out the same, whatever the embedder makes of prompts it was fitted on.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type JudgedRecord, normalisedPrompt, promptText } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { permutation, streamOf } from "../../tensor/random.ts";
import { kMeans, nearestCentre, squaredNorms } from "../baselines/k-means.ts";
import { loadBundle, prefixArrays, saveBundle } from "../bundle.ts";
import { dot } from "../embedding/dot.ts";
import { type Embedder, embedMatrix, TfidfLsaEmbedder } from "../embedding/index.ts";
import { tfidfLsaHeaderSchema } from "../embedding/tfidf-lsa-embedder.ts";
import { characteristicWords } from "./cluster-words.ts";
import type { Sample } from "./two-sample.ts";

const NAME = "drift";
const FORMAT = "tutti-drift";
const MAX_KNOWN = 2000;
const MAX_REFERENCE = 1000;
const MAX_CLUSTERS = 12;
const MIN_PROMPTS_PER_CLUSTER = 20;
const OWN_DIMENSION = 96;
const TYPICAL_PROMPTS = 3;
const EXCERPT_LENGTH = 160;
export const CLUSTER_WORDS = 5;
/** Fewer distinct training prompts than this make no useful reference. */
export const MIN_TRAINING_PROMPTS = 100;

const clusterSchema = z.object({
  words: z.array(z.string()),
  typical: z.array(z.string()),
  /** Share of the reference prompts. */
  share: z.number().min(0).max(1),
});
const headerSchema = z.object({
  embedder: z.object({
    kind: z.string(),
    dimension: z.int().positive(),
    tfidfLsa: tfidfLsaHeaderSchema.optional(),
  }),
  known: z.int().positive(),
  reference: z.int().positive(),
  clusters: z.array(clusterSchema).min(1),
});

export interface DriftMonitor {
  readonly embedder: Embedder;
  /** [known, dimension] row-major. */
  readonly known: Float32Array;
  readonly centres: Float64Array;
  readonly clusters: readonly z.infer<typeof clusterSchema>[];
  readonly reference: Sample;
}

/** One row per prompt, repeats and mere differences of punctuation left out. */
export function distinctPrompts<T extends { readonly prompt: JudgedRecord["prompt"] }>(
  rows: readonly T[],
): T[] {
  return [...new Map(rows.map((row) => [normalisedPrompt(row.prompt), row])).values()];
}

/** 1 - cosine to the nearest known prompt; embeddings have unit length. */
export function nearestDistances(
  known: Float32Array,
  embeddings: Float32Array,
  dimension: number,
): Float64Array {
  return Float64Array.from({ length: embeddings.length / dimension }, (_, row) => {
    let best = 0;
    for (let start = 0; start < known.length; start += dimension) {
      best = Math.max(best, dot(known, start, embeddings, row * dimension, dimension));
    }
    return 1 - best;
  });
}

/** Nearest centre of each row. */
export function clustersOf(centres: Float64Array, embeddings: Float32Array, dimension: number): Uint32Array {
  const norms = squaredNorms(centres, dimension);
  const points = { values: embeddings, dimension };
  return Uint32Array.from({ length: embeddings.length / dimension }, (_, row) =>
    nearestCentre(points, row, centres, norms),
  );
}

export async function sampleOf(
  monitor: Pick<DriftMonitor, "embedder" | "known">,
  prompts: readonly string[],
): Promise<Sample> {
  const embeddings = await embedMatrix(monitor.embedder, prompts);
  return {
    embeddings,
    distances: nearestDistances(monitor.known, embeddings, monitor.embedder.dimension),
    lengths: Float64Array.from(prompts, (prompt) => prompt.length),
  };
}

/**
 * @param encoder pretrained embedder; without, one is fitted to the first part of the prompts
 * @throws {TuttiError} DATASET_INVALID for fewer than {@link MIN_TRAINING_PROMPTS} distinct prompts
 */
export async function buildDriftMonitor(
  records: readonly JudgedRecord[],
  encoder: Embedder | undefined,
  seed: number,
): Promise<DriftMonitor> {
  const distinct = distinctPrompts(records).map(({ prompt }) => promptText(prompt));
  if (distinct.length < MIN_TRAINING_PROMPTS) {
    throw new TuttiError(
      "DATASET_INVALID",
      `${distinct.length} distinct training prompts, expected at least ${MIN_TRAINING_PROMPTS} to notice drift`,
    );
  }
  const order = permutation(distinct.length, { seed, stream: streamOf("drift") });
  const shuffled = [...order].map((index) => distinct[index]!);
  const half = Math.floor(shuffled.length / 2);
  const first = shuffled.slice(0, half);
  const embedder = encoder ?? TfidfLsaEmbedder.fit(first, { dimension: OWN_DIMENSION, seed });
  const knownPrompts = first.slice(0, MAX_KNOWN);
  const known = await embedMatrix(embedder, knownPrompts);
  const { dimension } = embedder;
  const count = Math.max(
    1,
    Math.min(MAX_CLUSTERS, Math.floor(knownPrompts.length / MIN_PROMPTS_PER_CLUSTER)),
  );
  const { centres } = kMeans({ values: known, dimension }, count, {
    seed,
    stream: streamOf("drift clusters"),
  });
  const reference = await sampleOf({ embedder, known }, shuffled.slice(half, half + MAX_REFERENCE));
  const clusters = describeClusters({ known, knownPrompts, centres, reference, dimension });
  return { embedder, known, centres, clusters, reference };
}

function describeClusters(parts: {
  readonly known: Float32Array;
  readonly knownPrompts: readonly string[];
  readonly centres: Float64Array;
  readonly reference: Sample;
  readonly dimension: number;
}): DriftMonitor["clusters"] {
  const { known, knownPrompts, centres, reference, dimension } = parts;
  const own = clustersOf(centres, known, dimension);
  const referenced = clustersOf(centres, reference.embeddings, dimension);
  return Array.from({ length: centres.length / dimension }, (_, cluster) => {
    const closeness = (row: number): number =>
      dot(centres, cluster * dimension, known, row * dimension, dimension);
    const members = [...own.keys()]
      .filter((row) => own[row] === cluster)
      .sort((a, b) => closeness(b) - closeness(a));
    const prompts = members.map((row) => knownPrompts[row]!);
    const others = knownPrompts.filter((_, row) => own[row] !== cluster);
    return {
      words: characteristicWords(prompts, others, CLUSTER_WORDS),
      typical: prompts.slice(0, TYPICAL_PROMPTS).map(excerpt),
      share: referenced.filter((member) => member === cluster).length / referenced.length,
    };
  });
}

export const excerpt = (prompt: string): string => prompt.replace(/\s+/g, " ").slice(0, EXCERPT_LENGTH);

export function saveDriftMonitor(folder: string, monitor: DriftMonitor): void {
  const { embedder, known, centres, clusters, reference } = monitor;
  const { kind, dimension } = embedder;
  const learned = embedder instanceof TfidfLsaEmbedder ? embedder.toContent() : undefined;
  saveBundle(folder, NAME, FORMAT, {
    header: {
      embedder: { kind, dimension, ...(learned && { tfidfLsa: learned.header }) },
      known: known.length / dimension,
      reference: reference.lengths.length,
      clusters,
    },
    arrays: { known, centres, ...reference, ...(learned && prefixArrays("embedder/", learned.arrays)) },
  });
}

/**
 * @param encoder the folder's pretrained embedder, where it has one
 * @throws {TuttiError} ROUTER_INVALID naming file and field
 */
export function loadDriftMonitor(folder: string, encoder: Embedder | undefined): DriftMonitor {
  const path = join(folder, `${NAME}.json`);
  if (!existsSync(path)) {
    throw new TuttiError("ROUTER_INVALID", `${path}: not found: the router remembers no training prompts`, {
      details: { path },
      hint: "name the files it was trained on once with --reference, or train it again on at least 100 prompts",
    });
  }
  const { header, arrays } = loadBundle(folder, NAME, FORMAT, headerSchema);
  const { kind, dimension, tfidfLsa } = header.embedder;
  const embedder = tfidfLsa ? TfidfLsaEmbedder.fromContent(tfidfLsa, arrays.under("embedder/")) : encoder;
  if (embedder?.kind !== kind || embedder.dimension !== dimension) {
    throw new TuttiError(
      "ROUTER_INVALID",
      `${path}: header.embedder is ${kind}, the router has ${embedder?.kind ?? "none"}`,
      {
        details: { path, field: "header.embedder" },
        hint: "copy the router's whole folder, or name the training files with --reference",
      },
    );
  }
  return {
    embedder,
    known: arrays.float32("known", header.known * dimension),
    centres: arrays.float64("centres", header.clusters.length * dimension),
    clusters: header.clusters,
    reference: {
      embeddings: arrays.float32("embeddings", header.reference * dimension),
      distances: arrays.float64("distances", header.reference),
      lengths: arrays.float64("lengths", header.reference),
    },
  };
}
