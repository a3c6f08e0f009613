/** Pairs of texts as examples for an encoder-decoder model. */
import type { Tokenizer } from "../text/index.ts";
import type { Seq2SeqExample } from "./seq2seq-task.ts";

export interface TextPair {
  readonly id: string;
  readonly source: string;
  readonly target: string;
}

export interface PairOptions {
  /** Longer sources are cut, but for the tokens that end a text. */
  readonly maxSourceTokens: number;
  readonly maxTargetTokens: number;
}

/** Encodes both sides with the tokens that the tokenizer puts around a text. */
export function pairExamples(
  tokenizer: Tokenizer,
  pairs: readonly TextPair[],
  { maxSourceTokens, maxTargetTokens }: PairOptions,
): Seq2SeqExample[] {
  return pairs.map(({ id, source, target }) => ({
    id,
    sourceIds: encodeCut(tokenizer, source, maxSourceTokens),
    targetIds: encodeCut(tokenizer, target, maxTargetTokens),
  }));
}

/** The first tokens of a text, and its end where the tokenizer adds one. */
function encodeCut(tokenizer: Tokenizer, text: string, most: number): Int32Array {
  const { ids } = tokenizer.encode(text);
  if (ids.length <= most) return ids;
  const bare = tokenizer.encode(text, { addSpecialTokens: false }).ids.length;
  const isEnded = ids.length > bare && ids.at(-1) === tokenizer.specialTokens.eos;
  const cut = ids.slice(0, most);
  if (isEnded && most > 0) cut[most - 1] = ids.at(-1)!;
  return cut;
}
