/**
 * Prompts with their responses as rows of a decoder, without padding between them.
 *
 * A prompt stands in its row once. Behind it each response starts at the position that follows the prompt and sees the prompt
 * and itself, not the other responses: hidden states are those of prompt and response alone (as the CLM variant of Lookahead
 * lays candidates out, arXiv 2510.19506). Groups in one row do not see one another.
 */
import { MASKED_BIAS } from "../../nn/attention.ts";
import { assert } from "../../support/errors.ts";
import type { PromptResponses } from "./prompt-responses.ts";

interface FilledRows {
  /** [B, T] */
  readonly inputIds: Int32Array;
  /** [B, T] */
  readonly positionIds: Int32Array;
  /** [B, 1, T, T]; masks everything to the right in the row */
  readonly attentionBias: Float32Array;
  /** Flat positions into [B, T] whose next token is a response's, response after response. */
  readonly targetPositions: number[];
  readonly targetTokens: number[];
  /** Which response each target belongs to, counted over all rows. */
  readonly targetResponses: number[];
  /** Flat position of the last token of each response. */
  readonly lastPositions: number[];
}

export type PromptRows = Readonly<FilledRows>;

/** One row being filled. */
class RowWriter {
  private readonly rows: FilledRows;
  private readonly tokens: number;
  private readonly offset: number;
  private next = 0;

  constructor(rows: FilledRows, row: number, tokens: number) {
    this.rows = rows;
    this.tokens = tokens;
    this.offset = row * tokens;
  }

  get isFull(): boolean {
    return this.next === this.tokens;
  }

  /** Writes tokens that see themselves and, before them, the `prefix` [start, end) of the row; returns where they stand. */
  write(ids: ArrayLike<number>, prefix: readonly [start: number, end: number] = [0, 0]): [number, number] {
    const { inputIds, positionIds, attentionBias } = this.rows;
    const [start, [from, to]] = [this.next, prefix];
    assert(start + ids.length <= this.tokens, "the groups of a row fit into it");
    inputIds.set(ids, this.offset + start);
    for (let index = 0; index < ids.length; index++) {
      const place = start + index;
      positionIds[this.offset + place] = to - from + index;
      const line = (this.offset + place) * this.tokens;
      attentionBias.fill(0, line + from, line + to);
      attentionBias.fill(0, line + start, line + place + 1);
    }
    this.next += ids.length;
    return [start, this.next];
  }

  /** Marks the response at [start, end) as one to predict; `before` is the place of the prompt's last token. */
  predict(ids: Int32Array, [start, end]: readonly [number, number], before: number): void {
    const { targetPositions, targetTokens, targetResponses, lastPositions } = this.rows;
    const response = lastPositions.length;
    for (const [index, id] of ids.entries()) {
      targetPositions.push(this.offset + (index === 0 ? before : start + index - 1));
      targetTokens.push(id);
      targetResponses.push(response);
    }
    lastPositions.push(this.offset + end - 1);
  }
}

/**
 * @param rows the groups of each row, one behind the other; rows are padded to `tokens`
 * @param batch rows in all; missing ones are padding
 * @param sharesPrompt false writes the prompt again before each response, which computes the same for more tokens
 */
export function stackPrompts(
  rows: readonly (readonly PromptResponses[])[],
  batch: number,
  tokens: number,
  options: { readonly paddingId: number; readonly sharesPrompt: boolean },
): PromptRows {
  const stacked: FilledRows = {
    inputIds: new Int32Array(batch * tokens).fill(options.paddingId),
    positionIds: new Int32Array(batch * tokens),
    attentionBias: new Float32Array(batch * tokens * tokens).fill(MASKED_BIAS),
    targetPositions: [],
    targetTokens: [],
    targetResponses: [],
    lastPositions: [],
  };
  for (let row = 0; row < batch; row++) {
    const writer = new RowWriter(stacked, row, tokens);
    for (const group of rows[row] ?? []) writeGroup(writer, group, options.sharesPrompt);
    // Padding looks at itself, so that no row of the softmax is empty; nothing else looks at it.
    while (!writer.isFull) writer.write([options.paddingId]);
  }
  return stacked;
}

function writeGroup(
  writer: RowWriter,
  { promptIds, responses }: PromptResponses,
  sharesPrompt: boolean,
): void {
  let prompt: [number, number] | undefined;
  for (const ids of responses) {
    if (prompt === undefined || !sharesPrompt) prompt = writer.write(promptIds);
    writer.predict(ids, writer.write(ids, prompt), prompt[1] - 1);
  }
}
