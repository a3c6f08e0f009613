/** Scoring of given continuations: teacher-forced log-probabilities from one reading of prompt and continuation. */
import { logProbabilityOf } from "./log-probabilities.ts";
import { PROMPT_PART_TOKENS, type Prompt, type SlotDecoder } from "./slot-decoder.ts";

export interface ContinuationScore {
  /** Sum over the continuation's tokens, in nats. */
  readonly logProbability: number;
  /** log p(token | everything before it), one a token of the continuation. */
  readonly tokens: readonly { readonly id: number; readonly logProbability: number }[];
}

/** @param slot free for the time of the call */
export async function scoreContinuation(
  decoder: SlotDecoder,
  slot: number,
  { sources, ids: promptIds }: Prompt,
  continuationIds: Int32Array,
): Promise<ContinuationScore> {
  for (const [index, source] of sources.entries()) await decoder.readSource(slot, source, index === 0);
  const ids = new Int32Array(promptIds.length + continuationIds.length);
  ids.set(promptIds);
  ids.set(continuationIds, promptIds.length);
  const { vocabularySize } = decoder.model.config;
  const logProbabilities: number[] = [];
  // The last token predicts nothing that is asked for.
  for (let start = 0; start < ids.length - 1; start += PROMPT_PART_TOKENS) {
    const chunk = ids.subarray(start, Math.min(start + PROMPT_PART_TOKENS, ids.length - 1));
    const first = Math.max(0, promptIds.length - 1 - start);
    const wanted = Array.from({ length: Math.max(0, chunk.length - first) }, (_, index) => first + index);
    const logits = await decoder.extend(slot, start, chunk, wanted);
    for (const [row, index] of wanted.entries()) {
      const rowLogits = logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
      logProbabilities.push(logProbabilityOf(rowLogits, ids[start + index + 1]!));
    }
  }
  return {
    logProbability: logProbabilities.reduce((sum, value) => sum + value, 0),
    tokens: Array.from(continuationIds, (id, index) => ({ id, logProbability: logProbabilities[index]! })),
  };
}
