/** Which prompts of a domain are trained on, which are held out, and which are left out, by reason. */
import { type PromptRow, promptText } from "../../judged/index.ts";
import { promptUniform } from "../../judged/split.ts";

/**
 * - `excluded`: matches a pattern of the domain
 * - `duplicate`: the same prompt, but for case, spaces and the punctuation at its end, came before in the run
 * - `in_holdout`: is held out, in this domain or another
 * - `over_limit`: beyond the number asked for
 */
export type PromptDrop = "excluded" | "duplicate" | "in_holdout" | "over_limit";

export interface DividedPrompts {
  readonly train: readonly PromptRow[];
  readonly holdout: readonly PromptRow[];
  readonly drops: Readonly<Partial<Record<PromptDrop, number>>>;
}

export interface Division {
  readonly exclude: readonly string[];
  readonly most?: number | undefined;
  /** Of the rows, where held-out prompts do not come from elsewhere. */
  readonly holdoutShare?: number;
  readonly holdoutMost?: number | undefined;
  readonly seed: number;
}

/** A number in [0, 1) that depends on nothing but the prompt's text, the purpose and the seed. */
export const promptRank = (row: Pick<PromptRow, "messages">, purpose: string, seed: number): number =>
  promptUniform({ prompt: row.messages }, purpose, seed);

/** The first `most` in the order of their ranks, in the order given. */
function mostOf<Row extends Pick<PromptRow, "messages">>(
  rows: readonly Row[],
  most: number | undefined,
  seed: number,
): readonly Row[] {
  if (most === undefined || rows.length <= most) return rows;
  const ranked = rows.map((row, index) => ({ index, rank: promptRank(row, "fuse limit", seed) }));
  ranked.sort((a, b) => a.rank - b.rank || a.index - b.index);
  const kept = new Set(ranked.slice(0, most).map(({ index }) => index));
  return rows.filter((_, index) => kept.has(index));
}

/** Prompts with the same text are the same. Unlike in splits, "12 + 5" and "12 - 5" differ: two sums may both be trained on. */
const textOf = ({ messages }: Pick<PromptRow, "messages">): string => {
  const text = promptText(messages).normalize("NFKC").toLowerCase().replace(/\s+/gu, " ").trim();
  // "12+5" is "12 + 5"; but "5!" is not "5".
  const close = text.replace(/ ?([\p{S}\p{P}]) ?/gu, "$1");
  return close.replace(/(?:[.?:;,…]|(?<!\p{N})!)+$/u, "") || text;
};

/**
 * Divides the rows of a domain. What a prompt becomes depends on its text and the seed alone, but for duplicates and limits.
 *
 * @param heldOut rows of files of held-out prompts
 * @param trainedOn texts of earlier domains' training prompts, to which this domain's are added
 * @param heldOutTexts the same of held-out prompts, of every domain's files
 */
export function dividePrompts(
  rows: readonly PromptRow[],
  heldOut: readonly PromptRow[],
  division: Division,
  trainedOn: Set<string>,
  heldOutTexts: Set<string>,
): DividedPrompts {
  const { exclude, most, holdoutShare = 0, holdoutMost, seed } = division;
  const patterns = exclude.map((pattern) => new RegExp(pattern, "iu"));
  const drops: Partial<Record<PromptDrop, number>> = {};
  const dropped = (reason: PromptDrop, count = 1): void => {
    if (count > 0) drops[reason] = (drops[reason] ?? 0) + count;
  };
  const shared: PromptRow[] = [];
  const candidates: PromptRow[] = [];
  const seen = new Set<string>();
  for (const row of rows) {
    const text = textOf(row);
    const words = row.messages.map(({ content }) => content).join("\n");
    if (patterns.some((pattern) => pattern.test(words))) dropped("excluded");
    else if (seen.has(text) || trainedOn.has(text)) dropped("duplicate");
    else if (heldOutTexts.has(text)) dropped("in_holdout");
    else {
      seen.add(text);
      const isHeldOut = promptRank(row, "holdout", seed) < holdoutShare;
      (isHeldOut ? shared : candidates).push(row);
    }
  }
  const train = mostOf(candidates, most, seed);
  const different = distinct(heldOut);
  const holdout = mostOf([...different, ...shared], holdoutMost, seed);
  dropped("duplicate", heldOut.length - different.length);
  dropped("over_limit", candidates.length - train.length);
  dropped("over_limit", different.length + shared.length - holdout.length);
  for (const row of train) trainedOn.add(textOf(row));
  for (const row of holdout) heldOutTexts.add(textOf(row));
  return { train, holdout, drops };
}

function distinct(rows: readonly PromptRow[]): PromptRow[] {
  const byText = new Map(rows.map((row) => [textOf(row), row]));
  return [...byText.values()];
}
