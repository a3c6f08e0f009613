/** What a merge is asked for, and what it tells. */
import type { MergeSettings } from "./methods.ts";
import type { NamedFolder } from "./same-tokenizer.ts";

export type MergeDType = "F32" | "F16" | "BF16";

export interface ModelToMerge extends NamedFolder {
  /** 1 for methods that take none. */
  readonly weight: number;
}

export interface MergeRequest {
  /** What task vectors are taken from, and whose tokenizer and configuration the merged model has. */
  readonly base: NamedFolder;
  readonly models: readonly ModelToMerge[];
  readonly settings: MergeSettings;
  /** A new folder. */
  readonly out: string;
  /** Of the merged weights; that of the base's when left out. */
  readonly dtype?: MergeDType;
  /** Size that a file of weights may have, in bytes. */
  readonly shardBytes: number;
  /** Whether models with other tokenizers are merged, under the base's. */
  readonly ignoresTokenizers: boolean;
}

export interface MergeEvents {
  readonly signal?: AbortSignal;
  /** Elements done, of how many, and the tensor that is merged. */
  readonly onProgress?: (done: number, total: number, tensor: string) => void;
  /** What is worth knowing of the models and does not stop the merge. */
  readonly onNote?: (note: string) => void;
}

export interface MergedModel {
  readonly path: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly files: readonly string[];
  /** Files that an earlier run of the same merge had finished. */
  readonly filesKept: number;
}
