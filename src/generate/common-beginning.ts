/** Which of the prompts that are held already begins as a new one does: few-shot examples, a system's instructions. */

export interface CommonBeginning {
  /** Of the prompt among those held. */
  readonly index: number;
  /** 0 when none is worth it. */
  readonly tokens: number;
}

/**
 * The longest common beginning in whole parts, and shorter than the prompt: its last token is always read, for the logits behind it.
 *
 * Prompts are read in parts that begin at multiples of `part`. Where a part was taken over rather than read, the others are read by the
 * same products over the same memory, so that an answer is the same to the last bit.
 */
export function commonBeginning(
  prompt: Int32Array,
  held: readonly Int32Array[],
  part: number,
): CommonBeginning {
  let best: CommonBeginning = { index: -1, tokens: 0 };
  for (const [index, other] of held.entries()) {
    const end = Math.min(prompt.length - 1, other.length);
    let common = 0;
    while (common < end && prompt[common] === other[common]) common++;
    const tokens = common - (common % part);
    if (tokens > best.tokens) best = { index, tokens };
  }
  return best;
}
