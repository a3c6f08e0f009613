/** The whole of `tutti router train`: split, Lookahead, its MLC baseline, the simple baselines, calibration, manifest. */
import { join } from "node:path";
import { splitByPrompt } from "../judged/index.ts";
import { type JudgedRecord, promptText } from "../judged/record.ts";
import { TuttiError } from "../support/errors.ts";
import { saveBaselines, trainBaselines } from "./baselines/index.ts";
import { buildDriftMonitor, distinctPrompts, MIN_TRAINING_PROMPTS, saveDriftMonitor } from "./drift/index.ts";
import { CachingEmbedder, EncoderEmbedder, TfidfLsaEmbedder } from "./embedding/index.ts";
import { fitEnsemble } from "./ensemble/index.ts";
import { saveExpectations } from "./expectations.ts";
import { trainLatent } from "./latent/index.ts";
import {
  type LookaheadOptions,
  type LookaheadRouter,
  type LookaheadTrainingEvents,
  trainLookahead,
} from "./lookahead/index.ts";
import type { Router } from "./router.ts";
import {
  copyEmbedder,
  ENSEMBLE,
  ensembleOf,
  type RouterManifest,
  routerNamed,
  saveManifest,
} from "./router-folder.ts";
import { saveTrainedPrompts, TrainedPrompts } from "./trained-prompts.ts";

export interface TrainRouterOptions {
  /** The method that serves: the network, the latent variant, which is always fitted, or the mean of the two. */
  readonly serves: "lookahead" | "latent" | "ensemble";
  /** "mlc" is the same backbone without response modelling. Without networks, `lookahead` gives the seed only. */
  readonly networks: readonly ("lookahead" | "mlc")[];
  readonly lookahead: LookaheadOptions;
  /** Share of the training prompts held out to choose the best checkpoint and to calibrate scores. */
  readonly validationShare: number;
  /** Pretrained encoder for the similarity baselines; TF-IDF with latent semantic analysis without. */
  readonly embedderFolder?: string;
}

export interface TrainRouterEvents {
  /** A part of the work begins. */
  readonly onStage?: (stage: "baselines" | "lookahead" | "mlc" | "calibration") => void;
  readonly lookahead?: LookaheadTrainingEvents;
}

const VALIDATION_SEED_OFFSET = 7919;
/** What the mean is of: the first carries over to new kinds of prompts, the second is the better one on known kinds. */
const ENSEMBLE_MEMBERS = ["lookahead", "latent"] as const;

/**
 * Trains every method on `records` and writes the router folder. Models resume from their checkpoints; the
 * manifest is written last, so a folder with router.json is complete.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when a network is to serve that is not trained; as {@link trainLookahead} does
 */
export async function trainRouter(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  options: TrainRouterOptions,
  folder: string,
  events: TrainRouterEvents = {},
): Promise<void> {
  checkServes(options);
  const { seed } = options.lookahead;
  events.onStage?.("baselines");
  const embedder = new CachingEmbedder(
    options.embedderFolder
      ? new EncoderEmbedder(options.embedderFolder)
      : TfidfLsaEmbedder.fit(
          records.map((record) => promptText(record.prompt)),
          { seed },
        ),
    Math.max(16_384, 2 * records.length),
  );
  if (options.embedderFolder) copyEmbedder(folder, options.embedderFolder);
  const baselines = [
    ...(await trainBaselines(records, candidates, { seed, embedder })),
    await trainLatent("latent", records, candidates, embedder),
  ];
  saveBaselines(folder, baselines);
  saveTrainedPrompts(folder, TrainedPrompts.of(records));
  // Folders of fewer prompts do without: drift from a handful cannot be told from chance.
  if (distinctPrompts(records).length >= MIN_TRAINING_PROMPTS) {
    const encoder = options.embedderFolder ? embedder : undefined;
    saveDriftMonitor(folder, await buildDriftMonitor(records, encoder, seed));
  }

  // A seed of its own: a caller who split its data with the same seed would find the same prompts held out.
  const validationSeed = seed + VALIDATION_SEED_OFFSET;
  const { train, holdout } = splitByPrompt(records, {
    holdoutShare: options.validationShare,
    seed: validationSeed,
  });
  const trained: LookaheadRouter[] = [];
  for (const name of options.networks) {
    events.onStage?.(name);
    const modelOptions: LookaheadOptions =
      name === "mlc" ? { ...options.lookahead, variant: "mlc" } : options.lookahead;
    const router = await trainLookahead(
      name,
      train,
      holdout,
      candidates,
      modelOptions,
      join(folder, name),
      events.lookahead,
    );
    trained.push(router);
  }
  events.onStage?.("calibration");
  const ensemble =
    options.serves === ENSEMBLE
      ? await ensembleMembers([...trained, ...baselines], train, folder)
      : undefined;
  const fitted = {
    models: trained,
    baselines,
    ...(ensemble && { ensemble: (routers: readonly Router[]) => ensembleOf(ensemble, routers, folder) }),
  };
  const parts = { train, heldOut: holdout, all: records };
  await saveExpectations(folder, fitted, parts, candidates, embedder);
  for (const router of trained) await router.dispose();
  saveManifest(folder, {
    format: "tutti-router-1",
    candidates: [...candidates],
    default: options.serves,
    models: [...options.networks],
    hasEmbedder: options.embedderFolder !== undefined,
    ...(ensemble && { ensemble }),
    training: { ...options.lookahead, records: records.length, validationPrompts: holdout.length },
  });
}

/** Before hours of training, not after them. */
function checkServes({ serves, networks }: TrainRouterOptions): void {
  if (serves === "latent" || networks.includes("lookahead")) return;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `${serves} is to serve, which needs the network lookahead; networks are ${networks.join(", ") || "none"}`,
    { hint: 'add "lookahead" to networks, or let latent serve' },
  );
}

async function ensembleMembers(
  routers: readonly Router[],
  records: readonly JudgedRecord[],
  folder: string,
): Promise<NonNullable<RouterManifest["ensemble"]>> {
  const chosen = ENSEMBLE_MEMBERS.map((name) => routerNamed(routers, name, folder));
  const { members } = await fitEnsemble(ENSEMBLE, chosen, records);
  return members.map(({ router, scale }) => ({ method: router.name, scale }));
}
