/** Rows of host values as one tensor. */
import { type Float32Tensor, float32 } from "../../../tensor/host-tensor.ts";

/** Rows `rows` of `table`, each of `width` values, as f32 [rows, width]. */
export function stackRows(
  table: readonly (Float32Array | Float64Array)[],
  rows: Uint32Array,
  width: number,
): Float32Tensor {
  const stacked = new Float32Array(rows.length * width);
  for (const [position, row] of rows.entries()) stacked.set(table[row]!, position * width);
  return float32([rows.length, width], stacked);
}
