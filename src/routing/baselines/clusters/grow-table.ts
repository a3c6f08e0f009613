/** One more column of a cluster table, or one less. */
import type { Embedder } from "../../embedding/index.ts";
import type { CandidateEvidence } from "../../growth/candidate-evidence.ts";
import { appendColumn, dropColumn, rowMeans } from "../../growth/columns.ts";
import { shrunkenMeans } from "../../growth/shrunken-means.ts";
import { type ClusterTable, centreDistances } from "./cluster-table.ts";

/**
 * The new column is the mean of the others plus the mean advantage of the judged prompts nearest to each centre, where
 * few of them lean on all.
 *
 * @param spans what one unit of each row is worth in advantages, [clusters]; 1 when absent
 */
export async function withColumn(
  table: ClusterTable,
  embedder: Embedder,
  { prompts, advantages }: CandidateEvidence,
  spans?: Float64Array,
): Promise<ClusterTable> {
  const vectors = await embedder.embed(prompts);
  const nearest = vectors.map((vector) => {
    const distances = centreDistances(table, vector);
    return distances.indexOf(Math.min(...distances));
  });
  const means = shrunkenMeans(advantages, nearest, table.centreNorms.length);
  // A row whose candidates were all alike has no unit of its own.
  const column = rowMeans(table.rows, table.width).map(
    (mean, cluster) => mean + means[cluster]! / (spans?.[cluster] || 1),
  );
  return { ...table, rows: appendColumn(table.rows, table.width, column), width: table.width + 1 };
}

export function withoutColumn(table: ClusterTable, column: number): ClusterTable {
  return { ...table, rows: dropColumn(table.rows, table.width, column), width: table.width - 1 };
}
