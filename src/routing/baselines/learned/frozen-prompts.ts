/** Training prompts as a head on a frozen encoder sees them: embedded once, and split for early stopping. */
import { splitByPrompt } from "../../../judged/index.ts";
import type { JudgedRecord } from "../../../judged/record.ts";
import { type Embedder, embedMatrix } from "../../embedding/index.ts";
import { type TrainingData, trainingData } from "../training-data.ts";

export interface FrozenPrompts {
  readonly data: TrainingData;
  /** [prompts, dimension] row-major. */
  readonly embeddings: Float32Array;
  readonly dimension: number;
  /** Prompts to learn from. */
  readonly training: Uint32Array;
  /** Prompts to measure on; repeated texts are on one side only. */
  readonly validation: Uint32Array;
}

/** A seed of its own: a caller who split its data with the same seed would find the same prompts held out. */
const VALIDATION_SEED_OFFSET = 104_729;

/** @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for a share outside 0..1 */
export async function freezePrompts(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  { validationShare, seed }: { readonly validationShare: number; readonly seed: number },
): Promise<FrozenPrompts> {
  const data = trainingData(records, candidates);
  const parts = splitByPrompt(
    records.map(({ prompt }, row) => ({ prompt, row })),
    { holdoutShare: validationShare, seed: seed + VALIDATION_SEED_OFFSET },
  );
  return {
    data,
    embeddings: await embedMatrix(embedder, data.prompts),
    dimension: embedder.dimension,
    training: Uint32Array.from(parts.train, ({ row }) => row),
    validation: Uint32Array.from(parts.holdout, ({ row }) => row),
  };
}
