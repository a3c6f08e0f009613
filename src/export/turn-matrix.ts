/** Rows and columns of a tile are read and written while both are in the cache. */
const TILE = 64;

/** W^T [columns, rows] of W [rows, columns]. */
export function turnMatrix(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(matrix.length);
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(top + TILE, rows);
    for (let left = 0; left < columns; left += TILE) {
      const right = Math.min(left + TILE, columns);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          turned[column * rows + row] = matrix[row * columns + column]!;
        }
      }
    }
  }
  return turned;
}
