/** The chosen setting as a router folder: trained on all prompts but the holdout, beside the usual baselines. */
import { join } from "node:path";
import type { JudgedRecord } from "../../judged/record.ts";
import { type SavableRouter, saveBaselines, trainBaselines } from "../baselines/index.ts";
import {
  buildDriftMonitor,
  distinctPrompts,
  MIN_TRAINING_PROMPTS,
  saveDriftMonitor,
} from "../drift/index.ts";
import type { Embedder } from "../embedding/index.ts";
import { saveExpectations } from "../expectations.ts";
import type { Router } from "../router.ts";
import { copyEmbedder, saveManifest } from "../router-folder.ts";
import { saveTrainedPrompts, TrainedPrompts } from "../trained-prompts.ts";
import { innerSplit } from "./lookahead-method.ts";
import type { PlannedSetting } from "./plan.ts";
import { disposeRouter } from "./search.ts";

/** What the winner is trained with. */
export interface WinnerTraining {
  readonly records: readonly JudgedRecord[];
  readonly candidates: readonly string[];
  readonly embedder: Embedder;
  /** Folder of the embedder when it is a pretrained one. */
  readonly embedderFolder?: string;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

const isSavable = (router: Router): router is SavableRouter => "toContent" in router;

/**
 * Trains the winner and the baselines and writes all files of a router folder but its manifest.
 *
 * @returns the winner as it serves; the caller disposes of it
 */
export async function trainWinner(
  { method, setting }: PlannedSetting,
  training: WinnerTraining,
  folder: string,
): Promise<Router> {
  const { records, candidates, embedder, embedderFolder, seed, signal } = training;
  const context = { embedder, seed, folder: join(folder, "lookahead"), ...(signal && { signal }) };
  const winner = await method.train(records, candidates, setting, context);
  const baselines = await trainBaselines(records, candidates, { seed, embedder });
  if (embedderFolder !== undefined) copyEmbedder(folder, embedderFolder);
  const saved = isSavable(winner)
    ? [...baselines.filter(({ name }) => name !== winner.name), winner]
    : baselines;
  saveBaselines(folder, saved);
  saveTrainedPrompts(folder, TrainedPrompts.of(records));
  if (distinctPrompts(records).length >= MIN_TRAINING_PROMPTS) {
    const encoder = embedderFolder === undefined ? undefined : embedder;
    saveDriftMonitor(folder, await buildDriftMonitor(records, encoder, seed));
  }
  const { train, holdout } = innerSplit(records, seed);
  // A Lookahead model has held these prompts out itself; another method needs a twin that has not seen their scores.
  const twin = isSavable(winner) ? await method.train(train, candidates, setting, context) : winner;
  const parts = { train, heldOut: holdout, all: records };
  await saveExpectations(folder, { models: [twin], baselines: saved }, parts, candidates, embedder);
  if (twin !== winner) await disposeRouter(twin);
  return winner;
}

/** Makes the folder complete. */
export function saveTunedManifest(
  folder: string,
  winner: Router,
  { method, setting }: PlannedSetting,
  { records, candidates, embedderFolder, seed }: WinnerTraining,
): void {
  saveManifest(folder, {
    format: "tutti-router-1",
    candidates: [...candidates],
    default: winner.name,
    models: isSavable(winner) ? [] : [winner.name],
    hasEmbedder: embedderFolder !== undefined,
    training: { records: records.length, seed, tuned: { method: method.name, setting } },
  });
}
