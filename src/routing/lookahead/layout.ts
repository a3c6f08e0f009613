/**
 * Where everything stands in a sequence: the host side of the Lookahead model. Prompts are padded to a common
 * length; position ids and the attention bias make the padding and the order of parts immaterial.
 *
 * P padded prompt tokens, T candidates, m response tokens.
 */
import { MASKED_BIAS } from "../../nn/attention.ts";
import type { RandomKey } from "../../tensor/random.ts";
import { ALL_HIDDEN, candidateKey, hiddenTokens } from "./masking.ts";
import type { LookaheadSettings } from "./settings.ts";

/** A tokenised prompt with what every candidate answered. */
export interface EncodedExample {
  readonly recordId: string;
  /** With special tokens where the backbone has them. */
  readonly prompt: Int32Array;
  /** At most m tokens of every candidate's response; empty for mlc and at inference. */
  readonly responses: readonly EncodedResponse[];
  /** Further samples of every candidate's response, which take turns with the first over the epochs. */
  readonly moreSamples?: readonly (readonly EncodedResponse[])[];
  /** Target of the routing loss per candidate, in [0, 1]; see targets.ts. */
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

/** Tokens of a row for prompts padded to `promptTokens`; `withResponses` is false for clm inference. */
export function rowTokens(settings: LookaheadSettings, promptTokens: number, withResponses: boolean): number {
  const candidates = settings.candidates.length;
  const blocks = candidates * (settings.responseTokens + 1);
  switch (settings.variant) {
    case "mlm":
      return promptTokens + (settings.prediction === "separate" ? settings.responseTokens + 2 : blocks);
    case "clm":
      return candidates + promptTokens + (withResponses ? blocks : 0);
    case "mlc":
      return promptTokens;
  }
}

/** Distance between the first positions of two candidates' blocks of `width` tokens. */
function blockStride(settings: LookaheadSettings, width: number): number {
  return settings.positions === "running" ? width : 0;
}

/**
 * MLM row: [CLS] prompt [SEP] pad | block_1 [SEP] | ... | block_T [SEP], each block m positions. Of a response's n
 * tokens max(floor(n rate), 1), chosen by the settings' masking, are replaced by the candidate's token and are the
 * targets; rate 1, as at inference, hides all. Every block's positions start at the prompt's length, so candidates
 * are exchangeable, unless the settings let positions run on.
 *
 * @param key where random masking draws from
 */
export function mlmRow(
  settings: LookaheadSettings,
  example: EncodedExample,
  promptTokens: number,
  maskRate: number,
  key: RandomKey = ALL_HIDDEN.key,
): Row {
  const { responseTokens: m, candidateTokenIds, tokens: special } = settings;
  const row = promptRow(settings, example, promptTokens);
  const targets: { position: number; token: number }[] = [];
  const stride = blockStride(settings, m + 1);
  for (const [t, candidateToken] of candidateTokenIds.entries()) {
    const start = promptTokens + t * (m + 1);
    const position = example.prompt.length + t * stride;
    const response = example.responses[t]?.tokens ?? new Int32Array();
    const isHidden = hiddenTokens(settings.masking, response.length, maskRate, candidateKey(key, t));
    for (let j = 0; j < m; j++) {
      const isVisible = j < response.length && !isHidden[j];
      row.inputIds[start + j] = isVisible ? response[j]! : candidateToken;
      row.positionIds[start + j] = position + j;
      if (isHidden[j]) targets.push({ position: start + j, token: response[j]! });
    }
    row.inputIds[start + m] = special.sep;
    row.positionIds[start + m] = position + m;
  }
  return { ...row, targets };
}

/** MLC row, and the frame of the MLM row: the prompt, padding hidden from every query. */
export function promptRow(settings: LookaheadSettings, example: EncodedExample, promptTokens: number): Row {
  const tokens = rowTokens(settings, promptTokens, true);
  const frame = frameRow(settings, example.prompt, promptTokens, tokens);
  return {
    ...frame,
    poolingWeights: poolingWeights(settings, frame.attentionBias, promptTokens),
    targets: [],
  };
}

/** `tokens` places that begin with the prompt, padded to `promptTokens`; what follows is padding ids, visible. */
export function frameRow(
  settings: LookaheadSettings,
  prompt: Int32Array,
  promptTokens: number,
  tokens: number,
): Pick<Row, "inputIds" | "positionIds" | "attentionBias"> {
  const inputIds = new Int32Array(tokens).fill(settings.tokens.pad);
  const positionIds = new Int32Array(tokens);
  const attentionBias = new Float32Array(tokens);
  inputIds.set(prompt);
  for (let j = 0; j < promptTokens; j++) {
    if (j < prompt.length) positionIds[j] = j;
    else attentionBias[j] = MASKED_BIAS;
  }
  return { inputIds, positionIds, attentionBias };
}

/** Equal shares of the places that the settings' pooling reads. */
function poolingWeights(
  settings: LookaheadSettings,
  attentionBias: Float32Array,
  promptTokens: number,
): Float32Array {
  const stride = settings.responseTokens + 1;
  const isRead = (place: number): boolean => {
    if (settings.pooling === "cls") return place === 0;
    if (settings.pooling === "mean" || settings.variant === "mlc") return attentionBias[place] === 0;
    return place >= promptTokens && (place - promptTokens) % stride < settings.responseTokens;
  };
  const read = Array.from(attentionBias, (_, place) => isRead(place));
  const share = 1 / read.filter(Boolean).length;
  return Float32Array.from(read, (counts) => (counts ? share : 0));
}

/**
 * CLM row: MID_1..MID_T | prompt pad | response_1 [EOS] | ... | response_T [EOS]: one prompt for all candidates.
 * MID_t sees the prompt and itself; a response token sees the prompt, its MID and its own earlier tokens. MIDs
 * stand at position prompt length, as each does in the paper's one-sequence-per-candidate form, which this
 * equals exactly, unless the settings let positions run on.
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
  const stride = blockStride(settings, m + 2);
  for (const [t, candidateToken] of candidateTokenIds.entries()) {
    const position = length + t * stride;
    inputIds[t] = candidateToken;
    positionIds[t] = position;
    see(t, candidates, candidates + length);
    if (!withResponses) continue;
    const start = candidates + promptTokens + t * (m + 1);
    const response = example.responses[t];
    const words = response ? [...response.tokens, ...(response.isComplete ? [special.sep] : [])] : [];
    for (const [j, token] of words.entries()) {
      inputIds[start + j] = token;
      positionIds[start + j] = position + 1 + j;
      see(start + j, candidates, candidates + length);
      see(start + j, t, t + 1);
      see(start + j, start, start + j + 1);
      targets.push({ position: j === 0 ? t : start + j - 1, token });
    }
  }
  return { inputIds, positionIds, attentionBias, poolingWeights: new Float32Array(tokens), targets };
}
