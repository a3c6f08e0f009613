/** What every training run is told, whatever it trains for. */

import type { LoraConfig } from "../../nn/lora.ts";
import type { OptimizerSettings } from "../../optim/index.ts";
import type { ScheduleKind } from "../../optim/schedules.ts";
import type { AnswerSource } from "../data/read-answers.ts";

export interface RunSettings {
  /** Data files of `tutti data`'s formats. */
  readonly data: readonly string[];
  /** Held out: measured during the run, and the best parameters by its loss are kept. @default none */
  readonly evaluationData?: readonly string[];
  readonly out: string;
  readonly seed: number;
  readonly epochs: number;
  /** Prompts, with all their answers, of an optimiser step. */
  readonly batch: number;
  /** Of prompt and answer together. */
  readonly maxTokens: number;
  /** Tokens of one forward pass at most, in rows of about the longest example. */
  readonly tokensAtOnce: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** How the data are read. */
  readonly source?: AnswerSource;
  readonly optimizer: OptimizerSettings;
  readonly schedule: ScheduleKind;
  /** Share of the steps over which the learning rate rises. */
  readonly warmupShare: number;
  /** 0 = off. */
  readonly maxGradientNorm: number;
  /** Train this adapter instead of all weights. */
  readonly adapter?: LoraConfig;
  readonly checkpointEverySteps: number;
  readonly validateEverySteps: number;
  /** Parameters of earlier steps are measured but never kept as the best. @default 0 */
  readonly chosenFromStep?: number;
}

const ROW_MULTIPLE = 64;

/** Rows as long as the longest example, and as many of them at once as `tokensAtOnce` allows. */
export function rowSizes(
  lengths: readonly number[],
  tokensAtOnce: number,
): { readonly tokensPerRow: number; readonly rowsPerBatch: number } {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  const tokensPerRow = Math.ceil(longest / ROW_MULTIPLE) * ROW_MULTIPLE;
  return { tokensPerRow, rowsPerBatch: Math.max(1, Math.floor(tokensAtOnce / tokensPerRow)) };
}
