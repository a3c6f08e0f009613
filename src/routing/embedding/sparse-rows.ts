/** Sparse matrices stored row by row, and the two products that a randomised decomposition needs. */

export interface SparseRows {
  readonly rows: number;
  readonly columns: number;
  /** Entries of row r are starts[r] .. starts[r + 1] - 1. */
  readonly starts: Uint32Array;
  readonly indices: Uint32Array;
  readonly values: Float64Array;
}

/** One row: parallel arrays of column numbers and values. */
export interface SparseVector {
  readonly indices: Uint32Array;
  readonly values: Float64Array;
}

export function sparseRows(vectors: readonly SparseVector[], columns: number): SparseRows {
  const starts = new Uint32Array(vectors.length + 1);
  for (const [row, vector] of vectors.entries()) starts[row + 1] = starts[row]! + vector.indices.length;
  const indices = new Uint32Array(starts[vectors.length]!);
  const values = new Float64Array(starts[vectors.length]!);
  for (const [row, vector] of vectors.entries()) {
    indices.set(vector.indices, starts[row]!);
    values.set(vector.values, starts[row]!);
  }
  return { rows: vectors.length, columns, starts, indices, values };
}

/** A D: [rows, width] from a dense row-major D of [columns, width]. */
export function sparseTimesDense(matrix: SparseRows, dense: Float64Array, width: number): Float64Array {
  const result = new Float64Array(matrix.rows * width);
  for (let row = 0; row < matrix.rows; row++) {
    const into = row * width;
    for (let entry = matrix.starts[row]!; entry < matrix.starts[row + 1]!; entry++) {
      const value = matrix.values[entry]!;
      const from = matrix.indices[entry]! * width;
      for (let k = 0; k < width; k++) result[into + k]! += value * dense[from + k]!;
    }
  }
  return result;
}

/** A^T D: [columns, width] from a dense row-major D of [rows, width]. */
export function sparseTransposedTimesDense(
  matrix: SparseRows,
  dense: Float64Array,
  width: number,
): Float64Array {
  const result = new Float64Array(matrix.columns * width);
  for (let row = 0; row < matrix.rows; row++) {
    const from = row * width;
    for (let entry = matrix.starts[row]!; entry < matrix.starts[row + 1]!; entry++) {
      const value = matrix.values[entry]!;
      const into = matrix.indices[entry]! * width;
      for (let k = 0; k < width; k++) result[into + k]! += value * dense[from + k]!;
    }
  }
  return result;
}
