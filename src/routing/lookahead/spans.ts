/** Which part of a long response is modelled. Pure functions from token ids to a window of them. */
import type { Span } from "./settings.ts";

/** Tokens from `start` up to `end`. */
export interface TokenWindow {
  readonly start: number;
  readonly end: number;
}

/**
 * @param response token ids of the whole response
 * @param prompt token ids of the prompt
 * @param width most tokens a window may have
 */
export type SpanSelector = (response: Int32Array, prompt: Int32Array, width: number) => TokenWindow;

/** The first tokens, as in the paper. */
const head: SpanSelector = (response, _, width) => ({ start: 0, end: Math.min(width, response.length) });

const tail: SpanSelector = (response, _, width) => ({
  start: Math.max(0, response.length - width),
  end: response.length,
});

/** Words that a response and its prompt share in this order are a copy, not a coincidence. */
const COPIED_RUN_TOKENS = 3;

/** Which response tokens lie in a run of three or more that the prompt holds too. */
export function copiedTokens(response: Int32Array, prompt: Int32Array): boolean[] {
  const runOf = (ids: Int32Array, start: number): string =>
    ids.subarray(start, start + COPIED_RUN_TOKENS).join();
  const known = new Set<string>();
  for (let start = 0; start + COPIED_RUN_TOKENS <= prompt.length; start++) known.add(runOf(prompt, start));
  const isCopied = new Array<boolean>(response.length).fill(false);
  for (let start = 0; start + COPIED_RUN_TOKENS <= response.length; start++) {
    if (known.has(runOf(response, start))) isCopied.fill(true, start, start + COPIED_RUN_TOKENS);
  }
  return isCopied;
}

/**
 * The earliest window with the fewest tokens copied from the prompt: answers to mathematical questions begin by
 * restating them, which the paper names as a weakness of modelling the first tokens (its GSM8K case).
 */
const informative: SpanSelector = (response, prompt, width) => {
  const size = Math.min(width, response.length);
  const isCopied = copiedTokens(response, prompt);
  let copied = isCopied.slice(0, size).filter(Boolean).length;
  let best = { start: 0, copied };
  for (let start = 1; start + size <= response.length && best.copied > 0; start++) {
    copied += Number(isCopied[start + size - 1]) - Number(isCopied[start - 1]);
    if (copied < best.copied) best = { start, copied };
  }
  return { start: best.start, end: best.start + size };
};

export const SPAN_SELECTORS: Readonly<Record<Span, SpanSelector>> = { head, tail, informative };
