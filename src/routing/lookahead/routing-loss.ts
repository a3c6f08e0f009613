/** The routing loss as graph: how logits and targets (targets.ts) are compared. */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import {
  binaryCrossEntropyWithLogits,
  klDivergence,
  meanSquaredError,
  reverseKlDivergence,
} from "../../losses/index.ts";
import type { RoutingLoss } from "./settings.ts";

/**
 * Sum over prompts i of w_i times
 *
 * - bce: mean over candidates of the binary cross-entropy of logit and label
 * - ce, kl: KL(targets || softmax(logits)); of a one-hot target that is the cross-entropy
 * - reverse-kl: KL(softmax(logits) || targets)
 * - mse: mean over candidates of (logit - score)^2
 *
 * @param logits f32 [B, T]
 * @param targets f32 [B, T]
 * @param weights f32 [B, T]; w_i / T in every column of row i
 */
export function routingLoss(kind: RoutingLoss, logits: Value, targets: Value, weights: Value): Value {
  const perPrompt = (): Value => ops.mul(weights, ops.scalarLike(weights, Number(logits.shape[1])));
  switch (kind) {
    case "bce":
      return binaryCrossEntropyWithLogits(logits, targets, weights);
    case "ce":
    case "kl":
      return klDivergence(logits, targets, perPrompt());
    case "reverse-kl":
      return reverseKlDivergence(logits, targets, perPrompt());
    case "mse":
      return meanSquaredError(logits, targets, weights);
  }
}
