/** Texts as token ids the way sentence-transformers lays them out: special tokens around, cut to the model's limit. */
import type { Tokenizer } from "../text/index.ts";

export interface TokenizeSettings {
  readonly tokenizer: Tokenizer;
  /** Special tokens included. */
  readonly maxTokens: number;
  readonly truncationSide: "left" | "right";
  readonly isLowerCased: boolean;
}

/** Index at which `part` lies in `whole`. */
function placeOf(part: Int32Array, whole: Int32Array): number {
  for (let start = 0; start + part.length < whole.length; start++) {
    if (part.every((id, index) => whole[start + index] === id)) return start;
  }
  return whole.length - part.length;
}

/** Ids of a text, special tokens included. A text that is too long loses its own tokens, never the special ones. */
export function tokenizeText(text: string, settings: TokenizeSettings): Int32Array {
  const { tokenizer, maxTokens, truncationSide, isLowerCased } = settings;
  // Lowering is per character, as the tokenizers library has it: a capital sigma becomes σ at the end of a word too.
  const cased = isLowerCased ? text.replaceAll("Σ", "σ").toLowerCase() : text;
  const { ids } = tokenizer.encode(cased);
  if (ids.length <= maxTokens) return ids;
  const own = tokenizer.encode(cased, { addSpecialTokens: false }).ids;
  const start = placeOf(own, ids);
  const kept = Math.max(0, maxTokens - (ids.length - own.length));
  const from = truncationSide === "left" ? own.length - kept : 0;
  const cut = new Int32Array(ids.length - own.length + kept);
  cut.set(ids.subarray(0, start));
  cut.set(own.subarray(from, from + kept), start);
  cut.set(ids.subarray(start + own.length), start + kept);
  return cut;
}

/** Tokens at the start of every text that belong to `prompt`: special ones in front included, those behind it not. */
export function promptTokens(prompt: string, settings: TokenizeSettings): number {
  if (prompt === "") return 0;
  const { ids } = settings.tokenizer.encode(prompt);
  const own = settings.tokenizer.encode(prompt, { addSpecialTokens: false }).ids;
  return placeOf(own, ids) + own.length;
}
