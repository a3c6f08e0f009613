/** Exact nearest rows by dot product. */
import { dot } from "../embedding/dot.ts";

export interface RankedRow {
  readonly index: number;
  readonly similarity: number;
}

/**
 * The `count` rows most similar to the query, most similar first, ties to the lower row; all rows when there are fewer.
 *
 * @param embeddings [rows, query.length] row-major
 */
export function nearestRows(embeddings: Float32Array, query: Float32Array, count: number): RankedRow[] {
  const dimension = query.length;
  const rows = embeddings.length / dimension;
  if (count < 1) return [];
  const similarities = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    similarities[row] = dot(embeddings, row * dimension, query, 0, dimension);
  }
  // Sorting numbers alone is several times faster than sorting rows by a comparison.
  const bar = count < rows ? similarities.slice().sort()[rows - count]! : Number.NEGATIVE_INFINITY;
  const found: RankedRow[] = [];
  for (let index = 0; index < rows; index++) {
    const similarity = similarities[index]!;
    if (similarity >= bar) found.push({ index, similarity });
  }
  return found.sort((a, b) => b.similarity - a.similarity || a.index - b.index).slice(0, count);
}
