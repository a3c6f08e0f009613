/** Baselines on disk: one bundle with every router and, where it can be saved, the embedder they share. */
import { z } from "zod";
import { TuttiError } from "../../support/errors.ts";
import { type BundleArray, type BundleArrays, loadBundle, prefixArrays, saveBundle } from "../bundle.ts";
import { CachingEmbedder, type Embedder, TfidfLsaEmbedder } from "../embedding/index.ts";
import { tfidfLsaHeaderSchema } from "../embedding/tfidf-lsa-embedder.ts";
import { LatentRouter } from "../latent/latent-router.ts";
import { latentHeaderSchema } from "../latent/settings.ts";
import { AvengersProRouter, avengersProHeaderSchema } from "./clusters/avengers-pro-router.ts";
import { AvengersRouter, avengersHeaderSchema } from "./clusters/avengers-router.ts";
import { SoftClustersRouter, softClustersHeaderSchema } from "./clusters/soft-clusters-router.ts";
import { FixedRouter, fixedHeaderSchema, RandomRouter, randomHeaderSchema } from "./constant-routers.ts";
import { KMeansRouter, kMeansHeaderSchema } from "./k-means-router.ts";
import { KnnRouter, knnHeaderSchema } from "./knn-router.ts";
import { SmoothieRouter, smoothieHeaderSchema } from "./label-free/smoothie-router.ts";
import { IrtRouter, irtHeaderSchema } from "./learned/irt-router.ts";
import { LogisticRouter, logisticHeaderSchema } from "./learned/logistic-router.ts";
import {
  MatrixFactorisationRouter,
  matrixFactorisationHeaderSchema,
} from "./learned/matrix-factorisation-router.ts";
import { RouterDcRouter, routerDcHeaderSchema } from "./learned/router-dc-router.ts";
import { ZooterRouter, zooterHeaderSchema } from "./learned/zooter-router.ts";
import type { SavableRouter } from "./parts.ts";
import { RidgeRouter, ridgeHeaderSchema } from "./ridge-router.ts";
import {
  DomainBestRouter,
  domainBestHeaderSchema,
  type ScoreTable,
  StringRuleRouter,
  stringRuleHeaderSchema,
  tableFromHeader,
} from "./table-routers.ts";

const BUNDLE_NAME = "baselines";
const BUNDLE_FORMAT = "tutti-baselines";
const EMBEDDER_PREFIX = "embedder/";

const routerSchema = z.discriminatedUnion("kind", [
  randomHeaderSchema,
  fixedHeaderSchema,
  domainBestHeaderSchema,
  stringRuleHeaderSchema,
  knnHeaderSchema,
  kMeansHeaderSchema,
  ridgeHeaderSchema,
  latentHeaderSchema,
  softClustersHeaderSchema,
  avengersHeaderSchema,
  avengersProHeaderSchema,
  smoothieHeaderSchema,
  logisticHeaderSchema,
  matrixFactorisationHeaderSchema,
  irtHeaderSchema,
  zooterHeaderSchema,
  routerDcHeaderSchema,
]);

const headerSchema = z.object({
  candidates: z.array(z.string()).min(1),
  embedder: z
    .object({
      kind: z.string(),
      dimension: z.int().positive(),
      /** The embedder itself, when it was learned from the training prompts. */
      tfidfLsa: tfidfLsaHeaderSchema.optional(),
    })
    .optional(),
  routers: z.array(routerSchema),
});

type Header = z.infer<typeof headerSchema>;

function unwrap(embedder: Embedder): Embedder {
  return embedder instanceof CachingEmbedder ? embedder.inner : embedder;
}

function sharedEmbedder(baselines: readonly SavableRouter[]): Embedder | undefined {
  const embedders = new Set<Embedder>();
  for (const { embedder } of baselines) if (embedder !== undefined) embedders.add(unwrap(embedder));
  if (embedders.size > 1) {
    const kinds = [...embedders].map((embedder) => embedder.kind).join(", ");
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `baselines use ${embedders.size} embedders (${kinds}), expected one`,
      { hint: "save routers over different embedders into different folders" },
    );
  }
  return [...embedders][0];
}

/**
 * Writes `baselines.json` and its binary into the folder, replacing earlier ones only when both are complete.
 * A {@link TfidfLsaEmbedder} is saved along; any other embedder must be given again when loading.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when the routers differ in candidates or embedder; FILE_WRITE_FAILED
 */
export function saveBaselines(directory: string, baselines: readonly SavableRouter[]): void {
  const candidates = baselines[0]?.candidates;
  if (candidates === undefined) throw new TuttiError("INVALID_ARGUMENT", "no baselines to save");
  for (const { name, candidates: own } of baselines) {
    if (own.join("\n") !== candidates.join("\n")) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `baseline ${name} has candidates [${own.join(", ")}], expected [${candidates.join(", ")}] like the first`,
      );
    }
  }
  const embedder = sharedEmbedder(baselines);
  const routers: unknown[] = [];
  const arrays: Record<string, BundleArray> = {};
  for (const [position, baseline] of baselines.entries()) {
    const content = baseline.toContent();
    routers.push(content.header);
    Object.assign(arrays, prefixArrays(`routers.${position}/`, content.arrays));
  }
  const learned = embedder instanceof TfidfLsaEmbedder ? embedder.toContent() : undefined;
  if (learned !== undefined) Object.assign(arrays, prefixArrays(EMBEDDER_PREFIX, learned.arrays));
  const described = embedder && {
    kind: embedder.kind,
    dimension: embedder.dimension,
    ...(learned === undefined ? {} : { tfidfLsa: learned.header }),
  };
  saveBundle(directory, BUNDLE_NAME, BUNDLE_FORMAT, {
    header: { candidates, ...(described === undefined ? {} : { embedder: described }), routers },
    arrays,
  });
}

export interface LoadBaselinesOptions {
  /** The embedder the routers were trained with, unless it was saved with them. */
  readonly embedder?: Embedder;
}

function invalid(path: string, field: string, problem: string, hint?: string): TuttiError {
  return new TuttiError("ROUTER_INVALID", `${path}: ${field} ${problem}`, {
    details: { path, field },
    hint: hint ?? "train the router again, or copy its whole folder",
  });
}

function embedderOf(
  path: string,
  header: Header,
  arrays: BundleArrays,
  options: LoadBaselinesOptions,
): Embedder | undefined {
  const described = header.embedder;
  if (described === undefined) return undefined;
  if (described.tfidfLsa !== undefined) {
    return new CachingEmbedder(
      TfidfLsaEmbedder.fromContent(described.tfidfLsa, arrays.under(EMBEDDER_PREFIX)),
    );
  }
  const { kind, dimension } = described;
  const given = options.embedder;
  if (given?.kind !== kind || given.dimension !== dimension) {
    const received =
      given === undefined ? "none was given" : `${given.kind} of dimension ${given.dimension} was given`;
    throw invalid(
      path,
      "header.embedder",
      `is ${kind} of dimension ${dimension}, but ${received}`,
      `load the routers with the embedder ${kind}`,
    );
  }
  return given instanceof CachingEmbedder ? given : new CachingEmbedder(given);
}

/**
 * Reads what {@link saveBaselines} wrote, in the same order.
 *
 * @throws {TuttiError} ROUTER_INVALID naming the file and field when a file is missing, damaged or of another
 * version, or when the routers need another embedder
 */
export function loadBaselines(directory: string, options: LoadBaselinesOptions = {}): SavableRouter[] {
  const { path, header, arrays } = loadBundle(directory, BUNDLE_NAME, BUNDLE_FORMAT, headerSchema);
  const { candidates } = header;
  const embedder = embedderOf(path, header, arrays, options);
  return header.routers.map((router, position) => {
    const field = `header.routers.${position}`;
    return restore(router, {
      path,
      field,
      candidates,
      embedder,
      arrays: arrays.under(`routers.${position}/`),
    });
  });
}

interface RestoreContext {
  readonly path: string;
  readonly field: string;
  readonly candidates: readonly string[];
  readonly embedder: Embedder | undefined;
  readonly arrays: BundleArrays;
}

function restore(router: z.infer<typeof routerSchema>, context: RestoreContext): SavableRouter {
  const { path, field, candidates, arrays } = context;
  switch (router.kind) {
    case "random":
      return new RandomRouter(candidates, router.seed);
    case "fixed":
      if (!candidates.includes(router.candidate)) {
        throw invalid(path, `${field}.candidate`, `is ${JSON.stringify(router.candidate)}, not a candidate`);
      }
      return new FixedRouter(candidates, router.candidate);
    case "domain-best":
      return new DomainBestRouter(candidates, tableOf(path, field, router, candidates.length));
    case "string-rule":
      return new StringRuleRouter(candidates, tableOf(path, field, router, candidates.length));
    case "knn":
      return KnnRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "kmeans":
      return KMeansRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "latent":
      return LatentRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "ridge":
      return RidgeRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "soft-clusters":
      return SoftClustersRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "avengers":
      return AvengersRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "avengers-pro":
      return AvengersProRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "smoothie":
      return SmoothieRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "logistic":
      return LogisticRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "matrix-factorisation":
      return MatrixFactorisationRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "irt":
      return IrtRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
    case "zooter":
      return ZooterRouter.fromContent(arrays, candidates, neededEmbedder(context));
    case "router-dc":
      return RouterDcRouter.fromContent(router, arrays, candidates, neededEmbedder(context));
  }
}

function neededEmbedder({ path, field, embedder }: RestoreContext): Embedder {
  if (embedder === undefined) throw invalid(path, "header.embedder", `is missing, but ${field} needs it`);
  return embedder;
}

function tableOf(
  path: string,
  field: string,
  header: Parameters<typeof tableFromHeader>[0],
  width: number,
): ScoreTable {
  const table = tableFromHeader(header);
  for (const row of [table.overall, ...table.rows.values()]) {
    if (row.length !== width) {
      throw invalid(path, field, `has a row of ${row.length} scores, expected ${width}, one per candidate`);
    }
  }
  return table;
}
