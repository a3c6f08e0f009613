/** How the prompts of a table are parted: folds by prompt, or one benchmark left out at a time. */
import { foldOf, type JudgedRecord, promptText } from "../../src/judged/index.ts";

export interface Part {
  /** Folder name of the part's results. */
  readonly name: string;
  readonly seed: number;
  readonly train: readonly JudgedRecord[];
  readonly test: readonly JudgedRecord[];
}

export type Protocol = "folds" | "left-out";

/** Every record is in the test set of exactly one part per seed. */
export function partsOf(
  records: readonly JudgedRecord[],
  protocol: Protocol,
  folds: number,
  seeds: readonly number[],
): Part[] {
  return seeds.flatMap((seed) => {
    const groups =
      protocol === "folds"
        ? records.map((record) => String(foldOf(record, folds, seed)))
        : records.map(({ benchmark }) => benchmark);
    return [...new Set(groups)].sort().map(
      (group): Part => ({
        name: `seed-${seed}/${group}`,
        seed,
        train: records.filter((_, index) => groups[index] !== group),
        test: records.filter((_, index) => groups[index] === group),
      }),
    );
  });
}

/** A sentence in this share of a benchmark's prompts is its template, not its question. */
const TEMPLATE_SHARE = 0.3;

const sentencesOf = (text: string): string[] => text.split(/(?<=[.!?:])\s+|\n+/);

/**
 * The records without the sentences that a benchmark's prompts share, so that a router cannot tell the benchmark by
 * fixed wording. A prompt that consists of nothing else is left as it is.
 */
export function withoutTemplates(records: readonly JudgedRecord[]): JudgedRecord[] {
  const templates = new Map<string, ReadonlySet<string>>();
  for (const benchmark of new Set(records.map((record) => record.benchmark))) {
    const members = records.filter((record) => record.benchmark === benchmark);
    const counts = new Map<string, number>();
    for (const { prompt } of members) {
      for (const sentence of new Set(sentencesOf(promptText(prompt)))) {
        counts.set(sentence, (counts.get(sentence) ?? 0) + 1);
      }
    }
    const shared = [...counts].filter(([, count]) => count >= TEMPLATE_SHARE * members.length && count > 1);
    templates.set(benchmark, new Set(shared.map(([sentence]) => sentence)));
  }
  return records.map((record) => {
    const kept = sentencesOf(promptText(record.prompt)).filter(
      (sentence) => !templates.get(record.benchmark)!.has(sentence),
    );
    const prompt = kept.join(" ").trim();
    return prompt === "" ? record : { ...record, prompt };
  });
}
