/**
 * Changes to the logits of the next token before one is drawn, as pure functions in place on a Float32Array [V].
 * Definitions and order are those of Hugging Face transformers; presence and frequency penalties are OpenAI's.
 * A token that cannot be drawn has logit -Infinity.
 */

/**
 * Positive logits of tokens that occurred are divided by the penalty, negative ones multiplied (CTRL, arXiv 1909.05858,
 * section 4.1).
 *
 * @param seen ids of prompt and generated tokens; repeats count once
 */
export function applyRepetitionPenalty(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const id of new Set(seen)) {
    const logit = logits[id]!;
    logits[id] = logit < 0 ? logit * penalty : logit / penalty;
  }
}

/**
 * logit - presence [count > 0] - frequency count.
 *
 * @param counts how often each id was generated, without the prompt
 */
export function applyCountPenalties(
  logits: Float32Array,
  counts: ReadonlyMap<number, number>,
  presencePenalty: number,
  frequencyPenalty: number,
): void {
  if (presencePenalty === 0 && frequencyPenalty === 0) return;
  for (const [id, count] of counts) logits[id]! -= presencePenalty + frequencyPenalty * count;
}

/** Divides by the temperature, which is above 0. */
export function applyTemperature(logits: Float32Array, temperature: number): void {
  if (temperature === 1) return;
  for (let id = 0; id < logits.length; id++) logits[id]! /= temperature;
}

/** Keeps the k highest logits and what is equal to the lowest of them. */
export function applyTopK(logits: Float32Array, k: number): void {
  if (k >= logits.length) return;
  const threshold = kthHighest(logits, k);
  for (let id = 0; id < logits.length; id++) if (logits[id]! < threshold) logits[id] = -Infinity;
}

/** The k-th highest value, found with a heap of k values whose lowest is on top. */
function kthHighest(values: Float32Array, k: number): number {
  const heap = new Float32Array(k).fill(-Infinity);
  for (const value of values) {
    if (!(value > heap[0]!)) continue;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= k) break;
      if (child + 1 < k && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= value) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = value;
  }
  return heap[0]!;
}

/**
 * The most likely ids, most likely first, enough of them to hold `share` of the `total` of exp(logit - highest); of
 * equal logits the later id first, as in transformers. Only logits near the highest are sorted: the rest is rarely needed.
 */
function likeliestIds(logits: Float32Array, highest: number, total: number, share: number): number[] {
  for (let reach = 4; ; reach *= 2) {
    const ids: number[] = [];
    let sum = 0;
    for (let id = 0; id < logits.length; id++) {
      if (logits[id]! < highest - reach || logits[id] === -Infinity) continue;
      ids.push(id);
      sum += Math.exp(logits[id]! - highest);
    }
    if (sum >= share * total || reach > MOST_REACH) {
      return ids.sort((a, b) => logits[b]! - logits[a]! || b - a);
    }
  }
}

/** exp(-reach) is 0 in float64 beyond. */
const MOST_REACH = 745;

/** Nucleus sampling (arXiv 1904.09751): keeps the fewest most likely tokens whose probabilities sum to p or more. */
export function applyTopP(logits: Float32Array, p: number): void {
  if (p >= 1) return;
  const { highest, total } = softmaxTotal(logits);
  const kept: [id: number, logit: number][] = [];
  let sum = 0;
  for (const id of likeliestIds(logits, highest, total, p)) {
    kept.push([id, logits[id]!]);
    sum += Math.exp(logits[id]! - highest) / total;
    if (sum >= p) break;
  }
  logits.fill(-Infinity);
  for (const [id, logit] of kept) logits[id] = logit;
}

/** Keeps tokens at least minP times as likely as the most likely one (arXiv 2407.01082). */
export function applyMinP(logits: Float32Array, minP: number): void {
  if (minP <= 0) return;
  const threshold = highestOf(logits) + Math.log(minP);
  for (let id = 0; id < logits.length; id++) if (logits[id]! < threshold) logits[id] = -Infinity;
}

function highestOf(logits: Float32Array): number {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  return highest;
}

/** The highest logit and sum over exp(logit - highest). */
export function softmaxTotal(logits: Float32Array): { readonly highest: number; readonly total: number } {
  const highest = highestOf(logits);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - highest);
  return { highest, total };
}
