/**
 * Rows of token sequences as feeds of a causal language model: token ids, positions that restart with every
 * sequence, block-diagonal causal attention, and the labelled positions.
 */
import { MASKED_BIAS } from "../nn/attention.ts";
import { assert } from "../support/errors.ts";

export interface TokenSequence {
  /** i32 [T] */
  readonly ids: Int32Array;
  /** [T], 1 where the token is a target of the loss, to be predicted from the tokens before it */
  readonly isTarget: Uint8Array;
}

export interface SequenceRows {
  /** [B, T] */
  readonly inputIds: Int32Array;
  /** [B, T] */
  readonly positionIds: Int32Array;
  /** [B, 1, T, T]: 0 where a token may look (itself and earlier ones of its sequence), else MASKED_BIAS */
  readonly attentionBias: Float32Array;
  /** Flat positions into [B, T] whose next token is a target, in rising order. */
  readonly targetPositions: readonly number[];
  readonly targetTokens: readonly number[];
}

/**
 * @param rows sequences of each row, one behind the other; rows are padded to `tokens`
 * @param batch rows in all; missing ones are padding
 */
export function stackSequences(
  rows: readonly (readonly TokenSequence[])[],
  batch: number,
  tokens: number,
  paddingId: number,
): SequenceRows {
  const inputIds = new Int32Array(batch * tokens).fill(paddingId);
  const positionIds = new Int32Array(batch * tokens);
  const attentionBias = new Float32Array(batch * tokens * tokens).fill(MASKED_BIAS);
  const targetPositions: number[] = [];
  const targetTokens: number[] = [];
  for (let row = 0; row < batch; row++) {
    let start = 0;
    const place = (length: number): void => {
      for (let query = start; query < start + length; query++) {
        positionIds[row * tokens + query] = query - start;
        const from = (row * tokens + query) * tokens;
        attentionBias.fill(0, from + start, from + query + 1);
      }
      start += length;
    };
    for (const { ids, isTarget } of rows[row] ?? []) {
      assert(start + ids.length <= tokens, "the sequences of a row fit into it");
      const offset = row * tokens + start;
      inputIds.set(ids, offset);
      for (let token = 1; token < ids.length; token++) {
        if (isTarget[token] === 0) continue;
        targetPositions.push(offset + token - 1);
        targetTokens.push(ids[token]!);
      }
      place(ids.length);
    }
    // Padding looks at itself, so that no row of the softmax is empty; nothing else looks at it.
    while (start < tokens) place(1);
  }
  return { inputIds, positionIds, attentionBias, targetPositions, targetTokens };
}

/** Targets of a sequence that count: the first token has nothing before it. */
export function countTargets({ isTarget }: TokenSequence): number {
  return isTarget.subarray(1).reduce((sum, value) => sum + value, 0);
}
