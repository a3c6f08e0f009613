/** What every stage of a fusion run works with, and how a run tells where it is. */
import type { JudgedStore } from "../../judged/index.ts";
import type { Judge } from "../../judges/index.ts";
import type { Pool } from "../../pool/index.ts";
import type { Backend } from "../../runtime/index.ts";
import type { FuseSettings } from "./settings.ts";

/** Names of the stages, in order. */
export const STAGES = ["prompts", "sample", "judge", "select", "sft", "dpo", "evaluate", "report"] as const;
export type StageName = (typeof STAGES)[number];

export interface StageProgress {
  readonly stage: StageName;
  /** What of the stage is under way, such as a domain. */
  readonly part: string;
  readonly done: number;
  readonly total: number;
  /** Plural, such as "answers". */
  readonly unit: string;
  readonly note?: string;
}

export interface FuseEvents {
  readonly onStage?: (stage: StageName, state: "begins" | "done" | "was-done") => void;
  readonly onProgress?: (progress: StageProgress) => void;
  /** Facts of the run in a sentence, and what the user should know before it costs anything. */
  readonly onFact?: (stage: StageName, kind: "info" | "warning", sentence: string) => void;
}

export interface FuseContext {
  readonly settings: FuseSettings;
  /** Of the run: results of stages, files of training, models, report. */
  readonly folder: string;
  readonly store: JudgedStore;
  /** Has every source. */
  readonly pool: Pool;
  /** Of the target: a folder or .gguf file. */
  readonly targetPath: string;
  /** Opens a judge by the name that the settings give it. */
  readonly openJudge: (name: string) => Promise<Judge>;
  /** Digest of what stands behind the name of a judge: files of rubrics, reward models. */
  readonly judgeDigest: (name: string) => Promise<string>;
  readonly createBackend: () => Backend;
  readonly events: FuseEvents;
  readonly signal: AbortSignal;
}
