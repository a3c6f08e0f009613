/** Log-probabilities of tokens under the model itself, before penalties, temperature and truncation. Natural logs. */
import { softmaxTotal } from "./logits-processors.ts";

export interface TokenLogProbability {
  readonly id: number;
  readonly logProbability: number;
}

/** log p(id) = logit - log sum exp. */
export function logProbabilityOf(logits: Float32Array, id: number): number {
  const { highest, total } = softmaxTotal(logits);
  return logits[id]! - highest - Math.log(total);
}

/** The `count` most likely tokens, most likely first; equal ones in the order of their ids. */
export function topLogProbabilities(logits: Float32Array, count: number): TokenLogProbability[] {
  const top: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    if (top.length === count && !(logits[id]! > logits[top.at(-1)!]!)) continue;
    let place = top.length;
    while (place > 0 && logits[top[place - 1]!]! < logits[id]!) place--;
    top.splice(place, 0, id);
    if (top.length > count) top.pop();
  }
  const { highest, total } = softmaxTotal(logits);
  const shift = highest + Math.log(total);
  return top.map((id) => ({ id, logProbability: logits[id]! - shift }));
}
