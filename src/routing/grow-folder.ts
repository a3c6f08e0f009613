/**
 * Candidates that come and go after a router folder was trained.
 *
 * What changes is written into a new folder inside the router's; router.json, replaced atomically and last, points at it.
 * Until then, and if the process is killed on the way, the folder is what it was.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { JudgedRecord } from "../judged/record.ts";
import type { Backend } from "../runtime/index.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import {
  AvengersProRouter,
  FixedRouter,
  isGrowableBaseline,
  type SavableRouter,
  saveBaselines,
} from "./baselines/index.ts";
import {
  type Expectations,
  expectationsWith,
  expectationsWithout,
  loadExpectations,
  saveExpectationsInto,
} from "./grow-expectations.ts";
import { type GrowableModel, isGrowableModel } from "./growth/index.ts";
import { LookaheadRouter } from "./lookahead/index.ts";
import type { Router } from "./router.ts";
import {
  ENSEMBLE,
  expectationsFolder,
  type FolderParts,
  loadFolderParts,
  type RouterManifest,
  saveManifest,
} from "./router-folder.ts";
import { loadTrainedPrompts, saveTrainedPrompts, type TrainedPrompts } from "./trained-prompts.ts";

export interface AddCandidateOptions {
  /** Leave methods that cannot grow out of the folder, instead of refusing. */
  readonly dropsUngrowable: boolean;
  /** The method that serves afterwards. @default the one that serves now */
  readonly defaultMethod?: string;
  readonly onMethod?: (done: number, total: number, name: string) => void;
}

export interface GrowthResult {
  readonly manifest: RouterManifest;
  /** Methods that were left out, each with the reason. */
  readonly dropped: readonly string[];
  /** What the folder no longer expects of answers, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Adds a candidate to every method of the folder, from judged prompts with answers of it and of all others.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when the candidate is there, a method cannot grow and none may be dropped, or the
 *   serving method would be; errors of {@link GrowableRouter.withCandidate} and of loading
 */
export async function addCandidate(
  folder: string,
  name: string,
  records: readonly JudgedRecord[],
  options: AddCandidateOptions,
  backend?: Backend,
): Promise<GrowthResult> {
  const parts = loadFolderParts(folder, backend);
  const { manifest } = parts;
  checkIsNew(parts, name);
  const removed = manifest.growth?.removed ?? [];
  const methods = [...parts.models, ...parts.baselines];
  const refusals = new Map(
    methods.flatMap((router) => {
      const reason = refusal(router, removed);
      return reason === undefined ? [] : [[router.name, reason] as const];
    }),
  );
  const dropped = [...refusals].map(([method, reason]) => `${method}: ${reason}`);
  if (dropped.length > 0 && !options.dropsUngrowable) {
    throw new TuttiError("INVALID_ARGUMENT", `${folder}: cannot add a candidate to ${dropped.join("; ")}`, {
      details: { folder, methods: [...refusals.keys()] },
      hint: "train the router again with all candidates, or leave these methods out with --drop-ungrowable",
    });
  }
  const kept = methods.filter((router) => !refusals.has(router.name));
  const isLeft = (method: string): boolean => !refusals.has(method);
  const ensemble = manifest.ensemble?.every(({ method }) => isLeft(method)) ? manifest.ensemble : undefined;
  if (manifest.ensemble && !ensemble)
    dropped.push(`${ENSEMBLE}: it is the mean of methods that are left out`);
  const left = [...(ensemble ? [ENSEMBLE] : []), ...kept.map((router) => router.name)];
  const served = servingMethod(folder, left, options.defaultMethod ?? manifest.default);

  const models: GrowableModel[] = [];
  const baselines: SavableRouter[] = [];
  for (const [done, router] of kept.entries()) {
    options.onMethod?.(done, kept.length, router.name);
    if (isGrowableModel(router)) models.push(await router.withCandidate(name, records));
    else baselines.push(await growable(router as SavableRouter).withCandidate(name, records));
  }
  const known = loadExpectations(folder, parts);
  const { expectations, notes } = await expectationsWith(known, name, records);
  const candidates = [...manifest.candidates, name];
  const last = baselines.findLastIndex((router) => router instanceof FixedRouter);
  if (last >= 0) baselines.splice(last + 1, 0, new FixedRouter(candidates, name));
  const { ensemble: _, ...rest } = manifest;
  const next = {
    ...rest,
    ...(ensemble && { ensemble }),
    candidates,
    default: served,
    models: models.map((model) => model.name),
    training: {
      ...manifest.training,
      added: [...listOf(manifest.training.added), { name, prompts: records.length }],
    },
  };
  const trained = trainedPromptsOf(folder, manifest)?.with(records);
  const state = { models, baselines, removed, expectations, trained };
  return { manifest: commit(folder, next, state), dropped, notes };
}

/**
 * Drops a candidate from every method. Models keep computing what they did; the candidate's column is left out.
 *
 * @throws {TuttiError} UNKNOWN_CANDIDATE; INVALID_ARGUMENT when fewer than two candidates would be left
 */
export function removeCandidate(folder: string, name: string, backend?: Backend): RouterManifest {
  const parts = loadFolderParts(folder, backend);
  const { manifest, models, baselines } = parts;
  if (!manifest.candidates.includes(name)) {
    throw new TuttiError(
      "UNKNOWN_CANDIDATE",
      `${folder}: has no candidate ${JSON.stringify(name)}, only ${manifest.candidates.join(", ")}`,
      { details: { folder, name }, hint: didYouMean(name, manifest.candidates) },
    );
  }
  if (manifest.candidates.length === 2) {
    throw new TuttiError("INVALID_ARGUMENT", `${folder}: has two candidates, a router needs at least two`, {
      hint: "serve the other model directly: there is nothing left to choose",
    });
  }
  const others = baselines.flatMap((router) => {
    if (router instanceof FixedRouter && router.candidate === name) return [];
    return [(router instanceof AvengersProRouter ? router : growable(router)).withoutCandidate(name)];
  });
  const left = [...models, ...others].map((router) => router.name);
  const served = servingMethod(folder, manifest.ensemble ? [ENSEMBLE, ...left] : left, manifest.default);
  const removed = [...(manifest.growth?.removed ?? []), name];
  const candidates = manifest.candidates.filter((candidate) => candidate !== name);
  const next = { ...manifest, candidates, default: served };
  return commit(folder, next, {
    models: models.filter(isGrowableModel),
    baselines: others,
    removed,
    expectations: expectationsWithout(loadExpectations(folder, parts), name),
    trained: trainedPromptsOf(folder, manifest),
  });
}

const trainedPromptsOf = (folder: string, manifest: RouterManifest): TrainedPrompts | undefined =>
  loadTrainedPrompts(expectationsFolder(folder, manifest));

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function growable(router: SavableRouter) {
  if (isGrowableBaseline(router)) return router;
  throw new TuttiError("INVALID_ARGUMENT", `${router.name}: ${NO_COLUMN}`, {
    details: { method: router.name },
    hint: "train the router again with the candidates wanted",
  });
}

function checkIsNew({ manifest, models }: FolderParts, name: string): void {
  const isKnown = manifest.candidates.includes(name);
  if (!isKnown && !models.some((model) => model.candidates.includes(name))) return;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    isKnown
      ? `the router has the candidate ${JSON.stringify(name)} already`
      : `${JSON.stringify(name)} was removed from this router, whose models still hold it`,
    {
      details: { name, candidates: manifest.candidates },
      hint: isKnown
        ? "train the router again to learn a known candidate anew"
        : "add it under another name, or train the router again",
    },
  );
}

const NO_COLUMN = "this method learns all candidates together and has no column to add or drop";

/** Why a method cannot take in a candidate; undefined when it can. */
function refusal(router: Router, removed: readonly string[]): string | undefined {
  if (isGrowableModel(router)) {
    const held = removed.filter((name) => router.candidates.includes(name));
    if (held.length === 0) return undefined;
    return `it still compares with ${held.join(", ")}, removed since; add candidates first and remove then`;
  }
  if ("toContent" in router && isGrowableBaseline(router as SavableRouter)) return undefined;
  if (router instanceof AvengersProRouter)
    return "it weighs what an answer costs, and no cost of the new model is given";
  if (!(router instanceof LookaheadRouter)) return NO_COLUMN;
  return router.settings.variant === "mlm"
    ? "joint prediction (mlm) reads all candidates in one sequence, so a new one would change the scores of the others"
    : "its output layer (mlc) was trained together with the backbone, one row per candidate";
}

function servingMethod(folder: string, names: readonly string[], name: string): string {
  if (names.includes(name)) return name;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `${folder}: ${name} would not be left to serve, only ${names.join(", ")}`,
    {
      details: { folder, name, left: names },
      hint: "name the method that serves from now on with --default",
    },
  );
}

function commit(
  folder: string,
  next: RouterManifest,
  state: {
    readonly models: readonly GrowableModel[];
    readonly baselines: readonly SavableRouter[];
    readonly removed: readonly string[];
    readonly expectations: Expectations;
    readonly trained: TrainedPrompts | undefined;
  },
): RouterManifest {
  const previous = next.growth?.folder;
  const number = previous === undefined ? 1 : Number(previous.slice("grown-".length)) + 1;
  const name = `grown-${number}`;
  const path = join(folder, name);
  // What a killed process left behind under this name was never pointed at.
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  saveBaselines(path, state.baselines);
  for (const model of state.models) model.saveGrowth(path);
  saveExpectationsInto(path, state.expectations);
  if (state.trained !== undefined) saveTrainedPrompts(path, state.trained);
  const manifest = { ...next, growth: { folder: name, removed: [...state.removed] } };
  saveManifest(folder, manifest);
  if (previous !== undefined) rmSync(join(folder, previous), { recursive: true, force: true });
  return manifest;
}
