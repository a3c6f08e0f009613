/** Cutting predictions in [0, 1] into bins, for reliability diagrams and what is computed from them. */
import { TuttiError } from "../../support/errors.ts";

/** `equal-width`: [0, 1/B), [1/B, 2/B) ... `equal-mass`: about as many predictions in every bin. */
export type Binning = "equal-width" | "equal-mass";

/**
 * Bin of every prediction, 0..bins-1. Equal predictions always share a bin, so that the order of the data does not
 * matter; with many ties equal-mass bins are therefore fewer or uneven.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for a prediction outside [0, 1] or fewer than one bin
 */
export function assignBins(predictions: ArrayLike<number>, binning: Binning, bins: number): Int32Array {
  if (!Number.isSafeInteger(bins) || bins < 1) {
    throw new TuttiError("INVALID_ARGUMENT", `bins: received ${bins}, expected a whole number of at least 1`);
  }
  const size = predictions.length;
  for (let index = 0; index < size; index++) checkPrediction(predictions[index]!, index);
  if (binning === "equal-width")
    return Int32Array.from(predictions, (value) => Math.min(bins - 1, Math.floor(value * bins)));
  const order = Array.from({ length: size }, (_, index) => index).sort(
    (a, b) => predictions[a]! - predictions[b]!,
  );
  const assigned = new Int32Array(size);
  for (const [rank, index] of order.entries()) {
    const before = rank > 0 ? order[rank - 1]! : -1;
    assigned[index] =
      before >= 0 && predictions[before] === predictions[index]
        ? assigned[before]!
        : Math.floor((rank * bins) / size);
  }
  return assigned;
}

function checkPrediction(value: number, index: number): void {
  if (value >= 0 && value <= 1) return;
  throw new TuttiError("INVALID_ARGUMENT", `prediction ${index} is ${value}, expected a number in [0, 1]`, {
    details: { index },
    hint: "reliability is defined for probabilities and expected scores; raw router scores have to be calibrated first",
  });
}
