/**
 * BERT's normaliser and pre-tokenizer with exactly the reference library's behaviour on every code point.
 *
 * The JavaScript library's own versions look at UTF-16 units instead of code points (ideographs beyond U+FFFF), lower
 * the final Greek sigma by context, and take character categories from the engine's Unicode version.
 */
import { IDEOGRAPH, MARK, PUNCTUATION, REMOVED, SPACE } from "./bert-categories.ts";

const removed = new RegExp(`[${REMOVED}]`, "gu");
const space = new RegExp(`[${SPACE}]`, "gu");
const ideograph = new RegExp(`[${IDEOGRAPH}]`, "gu");
const mark = new RegExp(`[${MARK}]`, "gu");
const wordOrPunctuation = new RegExp(`[^\\p{White_Space}${PUNCTUATION}]+|[${PUNCTUATION}]`, "gu");
/** No stage but lower-casing changes printable ASCII. */
const plain = /^[ -~]*$/;

/** The `normalizer` section of a tokenizer.json of type BertNormalizer. */
export interface BertNormalizerConfig {
  readonly clean_text?: boolean;
  readonly handle_chinese_chars?: boolean;
  /** null: as `lowercase` says. */
  readonly strip_accents?: boolean | null;
  readonly lowercase?: boolean;
}

/** Cleans, sets ideographs apart, strips accents and lowers, in this order, as far as the section asks for it. */
export function normalizeBert(text: string, config: BertNormalizerConfig): string {
  const { clean_text = true, handle_chinese_chars = true, lowercase = true } = config;
  const stripAccents = config.strip_accents ?? lowercase;
  if (plain.test(text)) return lowercase ? text.toLowerCase() : text;
  let result = text;
  if (clean_text) result = result.replace(removed, "").replace(space, " ");
  if (handle_chinese_chars) result = result.replace(ideograph, " $& ");
  if (stripAccents) result = result.normalize("NFD").replace(mark, "");
  // Lowering is per character: a capital sigma becomes σ at the end of a word too.
  if (lowercase) result = result.replaceAll("Σ", "σ").toLowerCase();
  return result;
}

/** Words and single punctuation marks, without the white space between them. */
export function splitBert(text: string): string[] {
  return text.match(wordOrPunctuation) ?? [];
}
