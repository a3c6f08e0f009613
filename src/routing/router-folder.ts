/**
 * A trained router on disk: one folder with everything that `eval`, `explain` and `serve` need.
 *
 *   router.json        manifest: candidates, methods, which one serves, what an ensemble consists of
 *   lookahead/  mlc/   models (settings, weights, tokenizer, training checkpoint)
 *   baselines.*        the fitted baselines
 *   calibration.json   curves from scores to expected quality; difficulty.* what they need of the prompt
 *   length.*           expected answer lengths
 *   embedder/          the pretrained encoder behind the baselines, where one was given
 *   trained-prompts.json  hashes of the prompts that anything here has learned from
 *   drift.*            what `tutti router drift` compares traffic with
 *   grown-N/           baselines, additions to the models, calibration, lengths and trained prompts, once candidates were added or removed
 */
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { embeddingModelFiles } from "../embed/index.ts";
import { type Backend, createOrtBackend } from "../runtime/index.ts";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, readJsonFile } from "../support/json.ts";
import { loadBaselines, type SavableRouter } from "./baselines/index.ts";
import { CalibratedRouter, calibrationOf, loadCalibration, loadDifficulty } from "./calibration/index.ts";
import { type Embedder, EncoderEmbedder } from "./embedding/index.ts";
import { EnsembleRouter } from "./ensemble/index.ts";
import { withoutCandidates } from "./growth/index.ts";
import { type LengthModel, loadLengthModel } from "./length/index.ts";
import { growableLookahead, loadLookahead } from "./lookahead/index.ts";
import type { Router } from "./router.ts";
import { loadTrainedPrompts, type TrainedPrompts } from "./trained-prompts.ts";

/** Name of the method that is the mean of others. */
export const ENSEMBLE = "ensemble";

const manifestSchema = z.strictObject({
  format: z.literal("tutti-router-1"),
  candidates: z.array(z.string().min(1)).min(2),
  /** Name of the method that serves. */
  default: z.string().min(1),
  /** Trained models, each in a folder of its name. */
  // Plain names: a manifest must not make the reader leave its folder.
  models: z.array(z.string().regex(/^[\w-][\w.-]*$/)),
  hasEmbedder: z.boolean(),
  /** Methods whose mean is the method "ensemble", with the scales of their scores. */
  ensemble: z
    .array(z.strictObject({ method: z.string().min(1), scale: z.number().positive() }))
    .min(2)
    .optional(),
  /** Candidates added or removed since training; `folder` then holds the baselines. */
  growth: z
    .strictObject({ folder: z.string().regex(/^grown-\d+$/), removed: z.array(z.string()) })
    .optional(),
  /** How the router was made, for people and reports. */
  training: z.record(z.string(), z.unknown()),
});

export type RouterManifest = z.infer<typeof manifestSchema>;

const manifestPath = (folder: string): string => join(folder, "router.json");
const embedderFolder = (folder: string): string => join(folder, "embedder");

export function saveManifest(folder: string, manifest: RouterManifest): void {
  mkdirSync(folder, { recursive: true });
  writeFileAtomic(manifestPath(folder), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** @throws {TuttiError} ROUTER_INVALID naming file and field */
export function readManifest(folder: string): RouterManifest {
  const path = manifestPath(folder);
  if (!existsSync(path)) {
    const isUnfinished = existsSync(join(folder, "lookahead", "training"));
    throw new TuttiError("ROUTER_INVALID", `${path}: not found`, {
      details: { path },
      hint: isUnfinished
        ? "training has not finished: run the same `tutti router train` command again"
        : "give the folder that `tutti router train --out` wrote",
    });
  }
  const json = readJsonFile(path, CONFIGURATION_LIMITS, (problem, cause) => {
    return new TuttiError("ROUTER_INVALID", `${path}: ${problem}`, { cause, details: { path } });
  });
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const field = issue.path.join(".");
    throw new TuttiError("ROUTER_INVALID", `${path}: ${field}: ${issue.message}`, {
      details: { path, field },
      hint: "the file was changed by hand or written by another version; train the router again",
    });
  }
  return parsed.data;
}

/** Copies the files of a pretrained encoder, so that the router's folder stands alone. */
export function copyEmbedder(folder: string, encoderFolder: string): void {
  mkdirSync(embedderFolder(folder), { recursive: true });
  for (const name of embeddingModelFiles(encoderFolder)) {
    cpSync(join(encoderFolder, name), join(embedderFolder(folder), name));
  }
}

export interface LoadedRouters {
  readonly manifest: RouterManifest;
  /** An ensemble first, then trained models, then the baselines. */
  readonly routers: readonly Router[];
  /** The one that serves. */
  readonly default: Router;
  /** Calibrated versions by name, of the routers that were calibrated; they expect qualities and lengths. */
  readonly calibrated: ReadonlyMap<string, CalibratedRouter>;
  /** What the folder expects of answer lengths, whichever method asks. */
  readonly lengths?: LengthModel;
  /** Absent in folders of earlier versions. */
  readonly trainedPrompts?: TrainedPrompts;
}

/** The methods of a folder as they are stored. */
export interface FolderParts {
  readonly manifest: RouterManifest;
  /** Candidates removed after training are still among theirs. */
  readonly models: readonly Router[];
  readonly baselines: readonly SavableRouter[];
}

/** @throws {TuttiError} as {@link loadRouters} does */
export function loadFolderParts(
  folder: string,
  backend: Backend = createOrtBackend({ threads: 1 }),
): FolderParts {
  const manifest = readManifest(folder);
  const growthFolder = manifest.growth && join(folder, manifest.growth.folder);
  const models = manifest.models.map((name) =>
    growableLookahead(loadLookahead(join(folder, name), name, backend), growthFolder),
  );
  const embedder = manifest.hasEmbedder ? new EncoderEmbedder(embedderFolder(folder), backend) : undefined;
  return { manifest, models, baselines: loadBaselines(growthFolder ?? folder, embedder ? { embedder } : {}) };
}

/** Every router of a folder. @throws {TuttiError} ROUTER_INVALID, TOKENIZER_MISMATCH, WEIGHTS_MISMATCH, ... */
export function loadRouters(folder: string, backend?: Backend): LoadedRouters {
  const { manifest, models: stored, baselines } = loadFolderParts(folder, backend);
  const models = stored.map((model) => withoutCandidates(model, manifest.growth?.removed ?? []));
  for (const model of models) {
    if (model.candidates.join("\n") !== manifest.candidates.join("\n")) {
      throw new TuttiError(
        "ROUTER_INVALID",
        `${folder}: ${model.name} was trained for ${model.candidates.join(", ")}, router.json names ${manifest.candidates.join(", ")}`,
        { hint: "the folder mixes files of two routers; train again into an empty folder" },
      );
    }
  }
  const members: Router[] = [...models, ...baselines];
  const routers =
    manifest.ensemble === undefined ? members : [ensembleOf(manifest.ensemble, members, folder), ...members];
  const embedder = embedderOf(baselines);
  const own = expectationsFolder(folder, manifest);
  const lengths = loadLengthModel(own, manifest.candidates, embedder);
  const trainedPrompts = loadTrainedPrompts(own);
  return {
    manifest,
    routers,
    default: routerNamed(routers, manifest.default, folder),
    calibrated: loadCalibrated(folder, manifest, routers, embedder, lengths),
    ...(lengths && { lengths }),
    ...(trainedPrompts && { trainedPrompts }),
  };
}

/** @throws {TuttiError} ROUTER_INVALID when a member is not among the routers */
export function ensembleOf(
  members: NonNullable<RouterManifest["ensemble"]>,
  routers: readonly Router[],
  folder: string,
): EnsembleRouter {
  return new EnsembleRouter(
    ENSEMBLE,
    members.map(({ method, scale }) => ({ router: routerNamed(routers, method, folder), scale })),
  );
}

/** Where calibration, answer lengths and trained prompts lie. */
export function expectationsFolder(folder: string, { growth }: RouterManifest): string {
  return growth === undefined ? folder : join(folder, growth.folder);
}

/** The embedder that the baselines share, with its cache: a prompt is embedded once, whoever asks. */
export function embedderOf(baselines: readonly SavableRouter[]): Embedder | undefined {
  return baselines.find((baseline) => baseline.embedder !== undefined)?.embedder;
}

function loadCalibrated(
  folder: string,
  manifest: RouterManifest,
  routers: readonly Router[],
  embedder: Embedder | undefined,
  lengths: LengthModel | undefined,
): Map<string, CalibratedRouter> {
  const calibrated = new Map<string, CalibratedRouter>();
  const { candidates } = manifest;
  const own = expectationsFolder(folder, manifest);
  const file = loadCalibration(own, candidates);
  if (file === undefined) return calibrated;
  const parts = { difficulty: loadDifficulty(folder, embedder), lengths };
  for (const router of routers) {
    const calibration = calibrationOf(file, router.name);
    if (calibration === undefined) continue;
    if (calibration.weights.easiness !== 0 && parts.difficulty === undefined) {
      throw new TuttiError(
        "ROUTER_INVALID",
        `${folder}: calibration.json of ${router.name} needs difficulty.json, which is missing`,
        { details: { folder }, hint: "copy the router's whole folder" },
      );
    }
    calibrated.set(router.name, new CalibratedRouter(router, calibration, parts));
  }
  return calibrated;
}

/** The calibrated version of a router, or the router itself where there is none. */
export function withCalibration(loaded: LoadedRouters, router: Router): Router {
  return loaded.calibrated.get(router.name) ?? router;
}

/** @throws {TuttiError} ROUTER_INVALID with the nearest name */
export function routerNamed(routers: readonly Router[], name: string, folder: string): Router {
  const found = routers.find((router) => router.name === name);
  if (found) return found;
  const names = routers.map((router) => router.name);
  throw new TuttiError("ROUTER_INVALID", `${folder}: has no method "${name}", only ${names.join(", ")}`, {
    details: { folder, name },
    hint: didYouMean(name, names),
  });
}
