/** Text to weighted terms: lower-cased words and pairs of neighbouring words, weighted by tf-idf. */
import { TuttiError } from "../../support/errors.ts";
import type { SparseVector } from "./sparse-rows.ts";

const WORD = /[\p{L}\p{N}_]+/gu;

/** Unigrams and bigrams in order of appearance, repeats included. */
export function termsOf(text: string): string[] {
  const words = text.toLowerCase().match(WORD) ?? [];
  const terms: string[] = [...words];
  for (let index = 1; index < words.length; index++) terms.push(`${words[index - 1]} ${words[index]}`);
  return terms;
}

/** Known terms and their weights; position in `terms` is the column number. */
export interface TermWeights {
  readonly terms: readonly string[];
  /** ln((1 + N) / (1 + n_t)) + 1 for a term that n_t of the N training texts contain. */
  readonly inverseDocumentFrequencies: Float64Array;
}

export interface TermSelection {
  /** Terms kept; the ones that most texts contain win, ties in alphabetical order. */
  readonly maxTerms: number;
  /** Rarer terms than this cannot connect two texts. */
  readonly minDocumentFrequency: number;
}

/** @throws {TuttiError} DATASET_INVALID when no term is frequent enough */
export function fitTermWeights(texts: readonly string[], selection: TermSelection): TermWeights {
  const frequencies = new Map<string, number>();
  for (const text of texts) {
    for (const term of new Set(termsOf(text))) frequencies.set(term, (frequencies.get(term) ?? 0) + 1);
  }
  const kept = [...frequencies]
    .filter(([, count]) => count >= selection.minDocumentFrequency)
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, selection.maxTerms);
  if (kept.length === 0) {
    throw new TuttiError(
      "DATASET_INVALID",
      `no term occurs in at least ${selection.minDocumentFrequency} of the ${texts.length} training prompts`,
      {
        details: { prompts: texts.length, minDocumentFrequency: selection.minDocumentFrequency },
        hint: "train on more prompts, or lower minDocumentFrequency",
      },
    );
  }
  return {
    terms: kept.map(([term]) => term),
    inverseDocumentFrequencies: Float64Array.from(
      kept,
      ([, count]) => Math.log((1 + texts.length) / (1 + count)) + 1,
    ),
  };
}

/** Column numbers of the terms. */
export function termColumns(weights: TermWeights): Map<string, number> {
  return new Map(weights.terms.map((term, column) => [term, column]));
}

/** (1 + ln tf) idf over the known terms of a text, scaled to unit length; empty when none is known. */
export function weighTerms(
  text: string,
  weights: TermWeights,
  columns: ReadonlyMap<string, number>,
): SparseVector {
  const counts = new Map<number, number>();
  for (const term of termsOf(text)) {
    const column = columns.get(term);
    if (column !== undefined) counts.set(column, (counts.get(column) ?? 0) + 1);
  }
  const indices = Uint32Array.from(counts.keys()).sort();
  const values = Float64Array.from(
    indices,
    (column) => (1 + Math.log(counts.get(column)!)) * weights.inverseDocumentFrequencies[column]!,
  );
  let squared = 0;
  for (const value of values) squared += value * value;
  const scale = squared > 0 ? 1 / Math.sqrt(squared) : 0;
  return { indices, values: values.map((value) => value * scale) };
}
