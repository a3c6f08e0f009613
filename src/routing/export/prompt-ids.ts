/** A prompt's row of token ids, as the manifest of an exported router says. */
import type { Tokenizer } from "../../text/index.ts";
import type { PromptTokenization } from "./router-graph.ts";

export function promptIds(
  tokenization: PromptTokenization,
  tokenizer: Tokenizer,
  prompt: string,
): Int32Array {
  const { textBefore, isLowerCased, idsBefore, idsAfter, maxTokens, keeps } = tokenization;
  const whole = textBefore + prompt;
  // Lowering is per character: a capital sigma becomes σ at the end of a word too.
  const text = isLowerCased ? whole.replaceAll("Σ", "σ").toLowerCase() : whole;
  const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
  if (ids.length === 0) return Int32Array.from(tokenization.idsOfEmptyText);
  const room = Math.max(0, maxTokens - idsBefore.length - idsAfter.length);
  const from = keeps === "last" ? Math.max(0, ids.length - room) : 0;
  return Int32Array.of(...idsBefore, ...ids.subarray(from, from + room), ...idsAfter);
}
