/**
 * Where everything stands in a sequence: the host side of the Lookahead model. Prompts are padded to a common
 * length; position ids and the attention bias make the padding and the order of parts immaterial.
 *
 * P padded prompt tokens, T candidates, m response tokens.
 */
import { MASKED_BIAS } from "../../nn/attention.ts";
import type { LookaheadSettings } from "./settings.ts";

/** A tokenised prompt with what every candidate answered. */
export interface EncodedExample {
  readonly recordId: string;
  /** With special tokens where the backbone has them. */
  readonly prompt: Int32Array;
  /** First m tokens of every candidate's response; empty for mlc and at inference. */
  readonly responses: readonly EncodedResponse[];
  /** Label per candidate, in [0, 1]. */
  readonly labels: Float64Array;
  /** Share in the routing loss, 1 on average; 0 where all candidates tie, which says nothing about routing. */
  readonly weight: number;
}

export interface EncodedResponse {
  readonly tokens: Int32Array;
  /** False when the response goes on after `tokens`. */
  readonly isComplete: boolean;
}

/** One batch row, to be written into the batch's arrays. */
export interface Row {
  readonly inputIds: Int32Array;
  readonly positionIds: Int32Array;
  /** [tokens]; sums to 1 over what the routing head of an encoder reads. */
  readonly poolingWeights: Float32Array;
  /** mlm, mlc: [tokens], per key; clm: [tokens, tokens], per query and key. */
  readonly attentionBias: Float32Array;
  /** Flat positions within the row whose hidden state predicts a token, and that token. */
  readonly targets: readonly { readonly position: number; readonly token: number }[];
}

/** Tokens of a row for prompts padded to `promptTokens`; `withResponses` is false for clm inference and mlc. */
export function rowTokens(settings: LookaheadSettings, promptTokens: number, withResponses: boolean): number {
  const candidates = settings.candidates.length;
  const blocks = candidates * (settings.responseTokens + 1);
  switch (settings.variant) {
    case "mlm":
      return promptTokens + blocks;
    case "clm":
      return candidates + promptTokens + (withResponses ? blocks : 0);
    case "mlc":
      return promptTokens;
  }
}

/**
 * MLM row: [CLS] prompt [SEP] pad | block_1 [SEP] | ... | block_T [SEP], each block m positions. The last
 * max(floor(n rate), 1) of a response's n tokens are replaced by the candidate's token and are the targets; rate
 * 1, as at inference, hides all. Every block's positions start at the prompt's length, so candidates are
 * exchangeable.
 */
export function mlmRow(
  settings: LookaheadSettings,
  example: EncodedExample,
  promptTokens: number,
  maskRate: number,
): Row {
  const { responseTokens: m, candidateTokenIds, tokens: special } = settings;
  const row = promptRow(settings, example, promptTokens);
  const targets: { position: number; token: number }[] = [];
  const length = example.prompt.length;
  for (const [t, candidateToken] of candidateTokenIds.entries()) {
    const start = promptTokens + t * (m + 1);
    const response = example.responses[t]?.tokens ?? new Int32Array();
    const masked = Math.max(Math.floor(response.length * maskRate), 1);
    for (let j = 0; j < m; j++) {
      const isVisible = j < response.length - masked;
      row.inputIds[start + j] = isVisible ? response[j]! : candidateToken;
      row.positionIds[start + j] = length + j;
      if (!isVisible && j < response.length) targets.push({ position: start + j, token: response[j]! });
    }
    row.inputIds[start + m] = special.sep;
    row.positionIds[start + m] = length + m;
  }
  return { ...row, targets };
}

/** MLC row, and the frame of the MLM row: the prompt, padding hidden from every query. */
export function promptRow(settings: LookaheadSettings, example: EncodedExample, promptTokens: number): Row {
  const tokens = rowTokens(settings, promptTokens, true);
  const inputIds = new Int32Array(tokens).fill(settings.tokens.pad);
  const positionIds = new Int32Array(tokens);
  const attentionBias = new Float32Array(tokens);
  inputIds.set(example.prompt);
  for (let j = 0; j < promptTokens; j++) {
    if (j < example.prompt.length) positionIds[j] = j;
    else attentionBias[j] = MASKED_BIAS;
  }
  return {
    inputIds,
    positionIds,
    attentionBias,
    poolingWeights: poolingWeights(settings, attentionBias),
    targets: [],
  };
}

function poolingWeights(settings: LookaheadSettings, attentionBias: Float32Array): Float32Array {
  const weights = new Float32Array(attentionBias.length);
  if (settings.pooling === "cls") {
    weights[0] = 1;
    return weights;
  }
  const visible = attentionBias.reduce((count, bias) => count + (bias === 0 ? 1 : 0), 0);
  return weights.map((_, index) => (attentionBias[index] === 0 ? 1 / visible : 0));
}

/**
 * CLM row: MID_1..MID_T | prompt pad | response_1 [EOS] | ... | response_T [EOS]: one prompt for all candidates.
 * MID_t sees the prompt and itself; a response token sees the prompt, its MID and its own earlier tokens. MIDs
 * stand at position prompt length, as each does in the paper's one-sequence-per-candidate form, which this
 * equals exactly.
 */
export function clmRow(
  settings: LookaheadSettings,
  example: EncodedExample,
  promptTokens: number,
  withResponses: boolean,
): Row {
  const { responseTokens: m, candidateTokenIds, tokens: special } = settings;
  const candidates = candidateTokenIds.length;
  const tokens = rowTokens(settings, promptTokens, withResponses);
  const length = example.prompt.length;
  const inputIds = new Int32Array(tokens).fill(special.pad);
  const positionIds = new Int32Array(tokens);
  const attentionBias = new Float32Array(tokens * tokens).fill(MASKED_BIAS);
  const targets: { position: number; token: number }[] = [];
  const see = (query: number, from: number, to: number): void => {
    attentionBias.fill(0, query * tokens + from, query * tokens + to);
  };
  for (let query = 0; query < tokens; query++) see(query, query, query + 1);
  for (let j = 0; j < length; j++) {
    inputIds[candidates + j] = example.prompt[j]!;
    positionIds[candidates + j] = j;
    see(candidates + j, candidates, candidates + j + 1);
  }
  for (const [t, candidateToken] of candidateTokenIds.entries()) {
    inputIds[t] = candidateToken;
    positionIds[t] = length;
    see(t, candidates, candidates + length);
    if (!withResponses) continue;
    const start = candidates + promptTokens + t * (m + 1);
    const response = example.responses[t];
    const words = response ? [...response.tokens, ...(response.isComplete ? [special.sep] : [])] : [];
    for (const [j, token] of words.entries()) {
      inputIds[start + j] = token;
      positionIds[start + j] = length + 1 + j;
      see(start + j, candidates, candidates + length);
      see(start + j, t, t + 1);
      see(start + j, start, start + j + 1);
      targets.push({ position: j === 0 ? t : start + j - 1, token });
    }
  }
  return { inputIds, positionIds, attentionBias, poolingWeights: new Float32Array(tokens), targets };
}
