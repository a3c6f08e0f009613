/**
 * Splits by prompt, never by row: where a record goes depends on nothing but the text of its prompt and the seed,
 * so the same prompt never ends up on both sides, whatever its id, its file or the rows around it.
 */
import { createHash } from "node:crypto";
import { TuttiError } from "../support/errors.ts";
import type { JudgedRecord } from "./record.ts";
import { promptText } from "./record.ts";

const HASH_BYTES = 6;
const HASH_RANGE = 2 ** 48;

type Prompted = Pick<JudgedRecord, "prompt">;

/**
 * The prompt as compared by the splits: Unicode NFKC, lower case, letters and digits only, single spaces. Prompts
 * that differ only in punctuation, case or white space are the same prompt. Text without letters and digits is
 * kept as it is, trimmed.
 */
export function normalisedPrompt(prompt: JudgedRecord["prompt"]): string {
  const text = promptText(prompt).normalize("NFKC").toLowerCase();
  const words = text.replace(/[^\p{L}\p{M}\p{N}]+/gu, " ").trim();
  return words === "" ? text.trim() : words;
}

/** Uniform in [0, 1): SHA-256 of purpose, seed and normalised prompt. Purposes are independent of each other. */
export function promptUniform(record: Prompted, purpose: string, seed: number): number {
  if (!Number.isSafeInteger(seed)) {
    throw new TuttiError("INVALID_ARGUMENT", `seed: received ${seed}, expected a whole number`, {
      details: { seed },
      hint: "pass a whole number, for instance 0",
    });
  }
  const digest = createHash("sha256")
    .update(`${purpose}\n${seed}\n${normalisedPrompt(record.prompt)}`)
    .digest();
  return digest.readUIntBE(0, HASH_BYTES) / HASH_RANGE;
}

/**
 * The fold of a record for cross-validation, 0..folds-1.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when folds is not a positive whole number or seed not a whole number
 */
export function foldOf(record: Prompted, folds: number, seed: number): number {
  if (!Number.isSafeInteger(folds) || folds < 1) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `folds: received ${folds}, expected a whole number of at least 1`,
      {
        details: { folds },
        hint: "five folds are usual",
      },
    );
  }
  return Math.floor(promptUniform(record, "fold", seed) * folds);
}

export interface PromptSplitOptions {
  /** Expected share of the prompts held out, 0..1. The actual share varies with the hash, more so in small sets. */
  readonly holdoutShare: number;
  readonly seed: number;
}

/**
 * Parts records in two, in their order. Adding or removing rows never moves another row to the other part; the
 * split is independent of {@link foldOf} for the same seed.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when holdoutShare is outside 0..1 or seed not a whole number
 */
export function splitByPrompt<T extends Prompted>(
  records: readonly T[],
  { holdoutShare, seed }: PromptSplitOptions,
): { train: T[]; holdout: T[] } {
  if (!(holdoutShare >= 0 && holdoutShare <= 1)) {
    throw new TuttiError("INVALID_ARGUMENT", `holdoutShare: received ${holdoutShare}, expected 0 to 1`, {
      details: { holdoutShare },
      hint: "0.2 holds out a fifth of the prompts",
    });
  }
  const train: T[] = [];
  const holdout: T[] = [];
  for (const record of records) {
    (promptUniform(record, "holdout", seed) < holdoutShare ? holdout : train).push(record);
  }
  return { train, holdout };
}
