/**
 * Leading right singular vectors of a sparse matrix, by a randomised range finder with power iterations.
 *
 * Source: Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53 (2011),
 * algorithms 4.4 and 5.1.
 */
import { type RandomKey, RandomStream } from "../../tensor/random.ts";
import { dot } from "./dot.ts";
import { type SparseRows, sparseTimesDense, sparseTransposedTimesDense } from "./sparse-rows.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

/** Extra sketch columns beyond the wanted rank; the source recommends 5 to 10. */
const OVERSAMPLING = 10;

/** Directions weaker than this share of the strongest are rounding noise, not structure. */
const RELATIVE_RANK_TOLERANCE = 1e-6;

export interface TruncatedSvd {
  readonly rank: number;
  /** Descending, [rank]. */
  readonly singularValues: Float64Array;
  /** Right singular vectors, [columns, rank] row-major: A V projects rows onto the leading directions. */
  readonly projection: Float64Array;
}

/** Random signs, [rows, width]. */
function signSketch(rows: number, width: number, key: RandomKey): Float64Array {
  const stream = new RandomStream(key);
  const sketch = new Float64Array(rows * width);
  let bits = 0;
  for (let index = 0; index < sketch.length; index++) {
    if (index % 32 === 0) bits = stream.nextUint32();
    sketch[index] = bits & 1 ? 1 : -1;
    bits >>>= 1;
  }
  return sketch;
}

function transpose(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = matrix[row * columns + column]!;
  }
  return result;
}

/**
 * Orthonormal columns with the same span. Gram-Schmidt, each column cleaned twice; a column that depends on
 * earlier ones becomes zero.
 */
function orthonormaliseColumns(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const q = transpose(matrix, rows, columns);
  for (let column = 0; column < columns; column++) {
    const current = q.subarray(column * rows, (column + 1) * rows);
    const before = norm(current);
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < column; other++) {
        const from = other * rows;
        const overlap = dot(current, 0, q, from, rows);
        if (overlap === 0) continue;
        for (let k = 0; k < rows; k++) current[k]! -= overlap * q[from + k]!;
      }
    }
    const after = norm(current);
    const scale = after > 1e-10 * before ? 1 / after : 0;
    for (let k = 0; k < rows; k++) current[k]! *= scale;
  }
  return transpose(q, columns, rows);
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dot(vector, 0, vector, 0, vector.length));
}

/** M^T M of a row-major [rows, width] matrix. */
export function gramMatrix(matrix: Float64Array, rows: number, width: number): Float64Array {
  const gram = new Float64Array(width * width);
  for (let row = 0; row < rows; row++) {
    const from = row * width;
    for (let a = 0; a < width; a++) {
      const value = matrix[from + a]!;
      if (value === 0) continue;
      for (let b = a; b < width; b++) gram[a * width + b]! += value * matrix[from + b]!;
    }
  }
  for (let a = 0; a < width; a++) {
    for (let b = 0; b < a; b++) gram[a * width + b] = gram[b * width + a]!;
  }
  return gram;
}

/**
 * @param options.rank - wanted number of directions; fewer come back when the matrix has fewer
 * @param options.powerIterations - each sharpens the spectrum by its square; 2 suits slowly decaying text spectra.
 *   They run without orthonormalisation in between: double precision holds a spectrum of ratio 1000 to the fifth power
 */
export function truncatedSvd(
  matrix: SparseRows,
  options: { readonly rank: number; readonly powerIterations: number; readonly key: RandomKey },
): TruncatedSvd {
  const width = Math.min(options.rank + OVERSAMPLING, matrix.rows, matrix.columns);
  let sketch = signSketch(matrix.columns, width, options.key);
  for (let iteration = 0; iteration < options.powerIterations; iteration++) {
    sketch = sparseTransposedTimesDense(matrix, sparseTimesDense(matrix, sketch, width), width);
  }
  const range = orthonormaliseColumns(sparseTimesDense(matrix, sketch, width), matrix.rows, width);
  sketch = sparseTransposedTimesDense(matrix, range, width);
  // sketch = A^T Q, [columns, width]. With sketch^T sketch = U S^2 U^T, the right vectors of A are sketch U / S.
  const { values, vectors } = symmetricEigen(gramMatrix(sketch, matrix.columns, width), width);
  const floor = Math.max(values[0] ?? 0, 0) * RELATIVE_RANK_TOLERANCE ** 2;
  let rank = 0;
  while (rank < Math.min(options.rank, width) && values[rank]! > floor) rank++;
  const singularValues = Float64Array.from({ length: rank }, (_, index) => Math.sqrt(values[index]!));
  const projection = new Float64Array(matrix.columns * rank);
  for (let column = 0; column < matrix.columns; column++) {
    for (let direction = 0; direction < rank; direction++) {
      const sum = dot(sketch, column * width, vectors, direction * width, width);
      projection[column * rank + direction] = sum / singularValues[direction]!;
    }
  }
  return { rank, singularValues, projection };
}
