/**
 * Quality of several sources without labels, from how far their outputs lie apart.
 *
 * Outputs e_1..e_m in R^d are noisy copies of an unknown true output z, with independent errors:
 * E|e_i - e_j|^2 = E|e_i - z|^2 + E|e_j - z|^2. Three sources then give each one's error in closed form,
 *
 *   delta_i = E|e_i - z|^2 = (D_ij + D_ik - D_jk) / 2,    theta_i = d / (2 delta_i),
 *
 * which is averaged over all pairs j, k. With R_i = sum_j D_ij and S = sum_{j<k} D_jk the average is
 * delta_i = R_i / (m - 2) - S / ((m - 1)(m - 2)): linear in the distances, so means over prompts commute with it.
 *
 * Source: "Smoothie: label free language model routing", arXiv 2412.04692, section 4 and algorithm 1.
 */
import { TuttiError } from "../../../support/errors.ts";

/** Fewer sources leave the errors undetermined. */
export const LEAST_SOURCES = 3;

/** |a - b|^2 of every pair, [m, m] row-major. */
export function squaredDistances(outputs: readonly Float32Array[]): Float64Array {
  const count = outputs.length;
  const distances = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (const [k, value] of outputs[i]!.entries()) sum += (value - outputs[j]![k]!) ** 2;
      distances[i * count + j] = sum;
      distances[j * count + i] = sum;
    }
  }
  return distances;
}

/**
 * delta_i of every source, an estimate of E|e_i - z|^2: lower is better. A noisy estimate may be negative.
 *
 * @param distances mean squared distances D, [count, count] row-major, symmetric
 * @throws {TuttiError} INVALID_ARGUMENT for fewer than three sources
 */
export function latentErrors(distances: Float64Array, count: number): Float64Array {
  if (count < LEAST_SOURCES) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `${count} sources, expected at least ${LEAST_SOURCES}: their distances alone do not tell the better of two`,
    );
  }
  const sums = Float64Array.from({ length: count }, (_, i) =>
    distances.subarray(i * count, (i + 1) * count).reduce((sum, value) => sum + value, 0),
  );
  const total = sums.reduce((sum, value) => sum + value, 0) / 2;
  return sums.map((sum) => sum / (count - 2) - total / ((count - 1) * (count - 2)));
}
