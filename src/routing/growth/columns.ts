/** Adding and dropping one column of row-major score matrices. */

/** The matrix with one more column at the end. */
export function appendColumn(matrix: Float64Array, width: number, column: ArrayLike<number>): Float64Array {
  const wider = new Float64Array((matrix.length / width) * (width + 1));
  for (let row = 0; row * width < matrix.length; row++) {
    wider.set(matrix.subarray(row * width, (row + 1) * width), row * (width + 1));
    wider[row * (width + 1) + width] = column[row]!;
  }
  return wider;
}

/** The matrix without the column at `index`. */
export function dropColumn(matrix: Float64Array, width: number, index: number): Float64Array {
  return matrix.filter((_, position) => position % width !== index);
}

/** Mean of each row. */
export function rowMeans(matrix: Float64Array, width: number): Float64Array {
  const means = new Float64Array(matrix.length / width);
  for (const [position, value] of matrix.entries()) means[Math.floor(position / width)]! += value / width;
  return means;
}
