/** Which prompts of a data set are to be dropped: near-duplicates of earlier ones, and what gives a test set away. */
import { promptText } from "../record.ts";
import { selectionKey } from "../store/keys.ts";
import type { JsonObject, PromptRow, SelectionRow } from "../store/rows.ts";
import { ContaminationCheck } from "./contamination.ts";
import { NearDuplicateFinder, type NearDuplicateOptions } from "./near-duplicates.ts";
import { PackedNumbers, PackedTexts } from "./packed.ts";

export interface DedupeOptions extends NearDuplicateOptions {
  /** Prompts that training data must not hold. */
  readonly against?: readonly PromptRow[];
  /** Least share of a test prompt's n-grams in one prompt that counts as held. */
  readonly leastShare?: number;
  /** Told of every near-duplicate as it is found, by the ids that the data gives. */
  readonly onDuplicate?: (id: string, of: string, similarity: number) => void;
}

export interface DedupeReport {
  readonly prompts: number;
  readonly duplicates: number;
  /** One a test prompt that the data holds, with the prompt that holds most of it. */
  readonly contaminated: readonly { readonly id: string; readonly test: string; readonly share: number }[];
  /** The decision on every prompt, as selections of "dedupe". */
  selections(createdAt: string): Iterable<SelectionRow>;
}

const REASONS = ["unique", "near_duplicate", "contaminated"] as const;
const DEFAULT_SHARE = 0.5;

/**
 * Goes through the prompts once. Of each, id and key and what {@link NearDuplicateFinder} needs stay in memory.
 *
 * @throws {TuttiError} INVALID_ARGUMENT, and what reading throws
 */
export async function dedupePrompts(
  prompts: AsyncIterable<Pick<PromptRow, "key" | "id" | "messages">>,
  { against = [], leastShare = DEFAULT_SHARE, onDuplicate, ...options }: DedupeOptions,
): Promise<DedupeReport> {
  const finder = new NearDuplicateFinder(options);
  const tests = against.map(({ messages }) => promptText(messages));
  const check = tests.length > 0 ? new ContaminationCheck(tests, leastShare) : undefined;
  const [ids, keys, reasons] = [new PackedTexts(), new PackedTexts(), new PackedNumbers()];
  let duplicates = 0;
  for await (const { key, id, messages } of prompts) {
    const text = promptText(messages);
    ids.push(id);
    keys.push(key);
    const duplicate = finder.add(text);
    check?.add(text);
    reasons.push(duplicate === undefined ? 0 : 1);
    if (duplicate === undefined) continue;
    duplicates++;
    onDuplicate?.(id, ids.at(duplicate.of), duplicate.similarity);
  }
  const found = check?.found() ?? [];
  for (const { train } of found) reasons.set(train, 2);
  return {
    prompts: keys.length,
    duplicates,
    contaminated: found.map(({ test, train, share }) => ({
      id: ids.at(train),
      test: against[test]!.id,
      share,
    })),
    selections: (createdAt) => selectionsOf(keys, reasons, { ...options }, createdAt),
  };
}

function* selectionsOf(
  keys: PackedTexts,
  reasons: PackedNumbers,
  options: JsonObject,
  createdAt: string,
): Generator<SelectionRow> {
  for (let index = 0; index < keys.length; index++) {
    const identity = { selector: "dedupe", options, promptKey: keys.at(index) };
    const reason = REASONS[reasons.at(index)]!;
    yield { key: selectionKey(identity), ...identity, isKept: reason === "unique", reason, createdAt };
  }
}
