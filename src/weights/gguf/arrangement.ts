/**
 * How values are arranged in GGUF and in Hugging Face checkpoints where the two differ.
 *
 * Rotary rows: llama.cpp turns neighbouring rows (2i, 2i + 1) of a head together, Hugging Face rows i and i + D/2. Row
 * 2i + s of a head of width D in GGUF is row i + s D/2 in Hugging Face. A permutation of rows moves between the two.
 * Norm offset: Gemma multiplies by 1 + weight; GGUF holds the sum.
 * Transpose: GPT-2's checkpoints hold [in, out], GGUF [out, in].
 */
import { TuttiError } from "../../support/errors.ts";
import { formatShape } from "../../tensor/shape.ts";

export type Arrangement = "same" | "query-rows" | "key-rows" | "norm-offset" | "transposed";

/** Heads of the model, for the rotary rows. */
export interface HeadCounts {
  readonly queryHeads: number;
  readonly keyHeads: number;
}

interface Matrix {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Moves row (head, i, s) to (head, s, i) when `toHalves`, else back. */
function moveRotaryRows(
  name: string,
  { shape, data }: Matrix,
  heads: number,
  toHalves: boolean,
): Float32Array {
  const rows = shape[0] ?? 0;
  if (rows % (2 * heads) !== 0) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `tensor "${name}": shape ${formatShape(shape)} does not divide into ${heads} heads of even width`,
      { details: { tensor: name, shape, heads } },
    );
  }
  const columns = data.length / rows;
  const width = rows / heads;
  const moved = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const inHead = row % width;
    const paired = row - inHead + (inHead >> 1) + (inHead & 1) * (width / 2);
    const [from, to] = toHalves ? [row, paired] : [paired, row];
    moved.set(data.subarray(from * columns, (from + 1) * columns), to * columns);
  }
  return moved;
}

/** Data of a [columns, rows] matrix whose transpose, given here, is [rows, columns]. */
function transpose(name: string, { shape, data }: Matrix): Float32Array {
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `tensor "${name}": shape is ${formatShape(shape)}, expected a matrix`,
    );
  }
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = data[row * columns + column]!;
    }
  }
  return out;
}

/** The shape on the other side. */
export function rearrangedShape(arrangement: Arrangement, shape: readonly number[]): readonly number[] {
  return arrangement === "transposed" ? [...shape].reverse() : shape;
}

/**
 * Values as the other side arranges them; `matrix` is returned as it is where nothing changes.
 *
 * @throws {TuttiError} SHAPE_MISMATCH when the rows do not divide into the heads
 */
export function rearrange(
  name: string,
  arrangement: Arrangement,
  direction: "to-hugging-face" | "to-gguf",
  matrix: Matrix,
  { queryHeads, keyHeads }: HeadCounts,
): Float32Array {
  const toHuggingFace = direction === "to-hugging-face";
  switch (arrangement) {
    case "same":
      return matrix.data;
    case "query-rows":
      return moveRotaryRows(name, matrix, queryHeads, toHuggingFace);
    case "key-rows":
      return moveRotaryRows(name, matrix, keyHeads, toHuggingFace);
    case "norm-offset":
      return matrix.data.map((value) => value + (toHuggingFace ? -1 : 1));
    case "transposed":
      return transpose(name, matrix);
  }
}
