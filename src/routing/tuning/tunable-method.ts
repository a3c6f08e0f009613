/** What a method offers to a search: a finite list of settings, and how to train with one of them. */
import type { JudgedRecord } from "../../judged/record.ts";
import type { Embedder } from "../embedding/index.ts";
import type { Router } from "../router.ts";

/** Hyper-parameters by name; a plain record, so that it can be kept beside what it led to. */
export type Setting = Readonly<Record<string, number | string>>;

export interface TrainingContext {
  readonly embedder: Embedder;
  readonly seed: number;
  /** Folder for checkpoints of methods that train for long. */
  readonly folder: string;
  readonly signal?: AbortSignal;
}

export interface TunableMethod {
  readonly name: string;
  /** Minutes rather than seconds a training: tried only when named. */
  readonly isSlow: boolean;
  /**
   * Settings that fit that many training prompts, the default first.
   *
   * @param prompts size of the smallest set that will be trained on
   */
  grid(prompts: number): readonly Setting[];
  /** Trains on `records` alone. Deterministic in its arguments on one machine class. */
  train(
    records: readonly JudgedRecord[],
    candidates: readonly string[],
    setting: Setting,
    context: TrainingContext,
  ): Promise<Router>;
}

/** "knn neighbours=100", or just "latent" where there is nothing to set. */
export function describeSetting(method: string, setting: Setting): string {
  return [method, ...Object.entries(setting).map(([name, value]) => `${name}=${value}`)].join(" ");
}
