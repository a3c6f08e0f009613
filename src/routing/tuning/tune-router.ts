/**
 * The whole of `tutti router tune`: set prompts apart, search by cross-validation on the others, train the winner on them,
 * measure it once on the prompts set apart.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { normalisedPrompt, splitByPrompt } from "../../judged/index.ts";
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { CachingEmbedder, type Embedder, EncoderEmbedder, TfidfLsaEmbedder } from "../embedding/index.ts";
import { measureHoldout } from "./holdout.ts";
import { type PlannedSetting, planSettings } from "./plan.ts";
import type { TuningResult } from "./result.ts";
import { saveTunedManifest, trainWinner } from "./save-tuned.ts";
import {
  disposeRouter,
  foldMembers,
  type SearchProgress,
  type SearchResult,
  searchSettings,
  throwIfInterrupted,
} from "./search.ts";
import { TrialStore } from "./trial-store.ts";
import type { TunableMethod } from "./tunable-method.ts";

export interface TuneRouterOptions {
  readonly methods: readonly TunableMethod[];
  /** Of the search, all runs together. Training the winner comes on top. */
  readonly budgetSeconds: number;
  readonly folds: number;
  /** Share of the prompts that nothing but the final measurement reads. */
  readonly holdoutShare: number;
  readonly seed: number;
  /** Pretrained encoder; TF-IDF with latent semantic analysis without. */
  readonly embedderFolder?: string;
  /** Bootstrap samples of the final interval. */
  readonly samples: number;
}

export interface TuneRouterEvents {
  readonly onStage?: (stage: "search" | "training" | "holdout") => void;
  readonly onTrial?: (progress: SearchProgress) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds; what the budget is measured with. @default performance.now */
  readonly clock?: () => number;
}

/** Fewer held-out prompts say nothing. */
const FEWEST_HOLDOUT_PROMPTS = 10;

/** A seed of its own: methods hold prompts out with the run's seed, and would find none left of this part. */
const HOLDOUT_SEED_OFFSET = 15_485_863;

export const TUNING_FILE = "tuning.json";

/**
 * Goes on where an earlier run in the folder stopped. The folder becomes a router folder whose default is the winner.
 *
 * The embedder may learn from the text of all prompts that are searched with, never from their scores, and never from
 * a held-out prompt.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when the folder's holdout has been used or it holds another router;
 *   DATASET_INVALID for too few prompts; CHECKPOINT_MISMATCH, CHECKPOINT_INVALID, INTERRUPTED, BUDGET_EXHAUSTED
 */
export async function tuneRouter(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  options: TuneRouterOptions,
  folder: string,
  { onStage, onTrial, signal, clock = () => performance.now() }: TuneRouterEvents = {},
): Promise<TuningResult> {
  const startedMs = clock();
  const { seed, folds, holdoutShare, embedderFolder } = options;
  refuseUsedFolder(folder);
  const parts = splitByPrompt(records, { holdoutShare, seed: seed + HOLDOUT_SEED_OFFSET });
  checkHoldout(parts.holdout.length, records.length);
  const members = foldMembers(parts.train, folds, seed);
  const smallest = parts.train.length - Math.max(...members.map(({ length }) => length));
  const plan = planSettings(options.methods, smallest, seed);
  const embedder = embedderOf(parts.train, seed, embedderFolder);
  const store = new TrialStore(join(folder, "tuning"), {
    format: "tutti-tuning-search-1",
    data: digest(parts.train, (record) => JSON.stringify(record)),
    holdout: digest(parts.holdout, ({ prompt }) => normalisedPrompt(prompt)),
    candidates: [...candidates],
    seed,
    folds,
    holdoutShare,
    embedder: embedder.kind,
    settings: plan.map(({ name }) => name),
  });
  const isChosen = store.chosen() !== undefined;
  onStage?.("search");
  const search = await searchSettings({
    records: parts.train,
    candidates,
    plan,
    folds,
    seed,
    embedder,
    store,
    // A choice that was made stands: what is left to do is to read the trials that led to it.
    budgetSeconds: isChosen ? 0 : options.budgetSeconds,
    runSeconds: isChosen ? () => 0 : () => (clock() - startedMs) / 1000,
    ...(signal && { signal }),
    ...(onTrial && { onTrial }),
  });
  const chosen = search.best.planned;
  store.choose(chosen.name);

  onStage?.("training");
  await throwIfInterrupted(signal);
  const training = {
    records: parts.train,
    candidates,
    embedder,
    seed,
    ...(embedderFolder !== undefined && { embedderFolder }),
    ...(signal && { signal }),
  };
  const winner = await trainWinner(chosen, training, folder);
  await throwIfInterrupted(signal);
  onStage?.("holdout");
  const holdout = await measureHoldout(winner, parts, candidates, { samples: options.samples, seed });
  const result = resultOf(search, chosen, options, { parts, candidates, embedder, holdout });
  saveTunedManifest(folder, winner, chosen, training);
  // Written last: from here on the holdout counts as used.
  writeFileAtomic(join(folder, TUNING_FILE), `${JSON.stringify(result, null, 1)}\n`);
  await disposeRouter(winner);
  return result;
}

function refuseUsedFolder(folder: string): void {
  const path = join(folder, TUNING_FILE);
  if (existsSync(path)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `${path}: the holdout of this folder has been used; searching on would tune on it`,
      {
        details: { path },
        hint: "give another --out, and judged prompts or a --seed that were not used before",
      },
    );
  }
  if (existsSync(join(folder, "router.json")) && !existsSync(join(folder, "tuning", "search.json"))) {
    throw new TuttiError("INVALID_ARGUMENT", `${folder} holds a router that was not tuned`, {
      details: { folder },
      hint: "give another --out",
    });
  }
}

function checkHoldout(holdout: number, prompts: number): void {
  if (holdout >= FEWEST_HOLDOUT_PROMPTS) return;
  throw new TuttiError(
    "DATASET_INVALID",
    `${holdout} of ${prompts} prompts would be set apart, expected at least ${FEWEST_HOLDOUT_PROMPTS}`,
    { details: { holdout, prompts }, hint: "give more judged prompts, or a larger --holdout" },
  );
}

function embedderOf(
  records: readonly JudgedRecord[],
  seed: number,
  folder: string | undefined,
): CachingEmbedder {
  const inner =
    folder === undefined
      ? TfidfLsaEmbedder.fit(
          records.map(({ prompt }) => promptText(prompt)),
          { seed },
        )
      : new EncoderEmbedder(folder);
  return new CachingEmbedder(inner, Math.max(16_384, 2 * records.length));
}

function digest(records: readonly JudgedRecord[], text: (record: JudgedRecord) => string): string {
  const hash = createHash("sha256");
  for (const record of records) hash.update(text(record)).update("\n");
  return hash.digest("hex");
}

function resultOf(
  { standings, elapsedSeconds, hasBudgetEnded }: SearchResult,
  chosen: PlannedSetting,
  { seed, folds, holdoutShare, budgetSeconds }: TuneRouterOptions,
  {
    parts,
    candidates,
    embedder,
    holdout,
  }: {
    readonly parts: { readonly train: readonly JudgedRecord[] };
    readonly candidates: readonly string[];
    readonly embedder: Embedder;
    readonly holdout: TuningResult["holdout"];
  },
): TuningResult {
  const trialSeconds = standings.reduce((sum, { seconds }) => sum + seconds, 0);
  return {
    format: "tutti-tuning-1",
    seed,
    folds,
    holdoutShare,
    embedder: embedder.kind,
    candidates,
    budgetSeconds,
    searchSeconds: elapsedSeconds,
    hasBudgetEnded,
    prompts: { search: parts.train.length, holdout: holdout.prompts },
    chosen: { method: chosen.method.name, setting: chosen.setting },
    settings: standings.map(({ planned, status, folds: done, seconds, meanGain }) => ({
      method: planned.method.name,
      setting: planned.setting,
      status,
      folds: done,
      seconds,
      timeShare: trialSeconds > 0 ? seconds / trialSeconds : 0,
      ...(meanGain !== undefined && { usedForChoosing: meanGain }),
    })),
    holdout,
  };
}
