/** How many evaluated prompts a router was trained on, in numbers and in words. */

export interface TrainingOverlap {
  /**
   * `hashes`: the folder remembers every prompt it was trained on. `examples`: it is older and keeps the kNN router's
   * examples, which tell of most. `unknown`: nothing tells.
   */
  readonly source: "hashes" | "examples" | "unknown";
  readonly evaluated: number;
  /** Absent when unknown. */
  readonly trained?: number;
  /** trained / evaluated, 0 to 1. */
  readonly share?: number;
}

/** @param isTrained asked of every record, unless the source is unknown */
export function trainingOverlap<Row>(
  records: readonly Row[],
  source: TrainingOverlap["source"],
  isTrained: (record: Row) => boolean,
): TrainingOverlap {
  const evaluated = records.length;
  if (source === "unknown") return { source, evaluated };
  const trained = records.filter(isTrained).length;
  return { source, evaluated, trained, share: evaluated === 0 ? 0 : trained / evaluated };
}

/** What a reader has to be warned of; undefined when no evaluated prompt was trained on, or no folder was asked. */
export function overlapWarning(overlap: TrainingOverlap | undefined): string | undefined {
  if (overlap === undefined) return undefined;
  const { source, evaluated, trained, share } = overlap;
  if (trained === undefined || share === undefined)
    return "the folder does not tell which prompts it was trained on: if these are among them, the figures flatter it";
  if (trained === 0) return undefined;
  const least = source === "examples" ? "at least " : "";
  const percent = share < 0.005 ? "less than 1" : (100 * share).toFixed(0);
  return `the router was trained on ${least}${trained} of these ${evaluated} prompts (${percent} %): the figures flatter it and say little of prompts it has not seen`;
}
