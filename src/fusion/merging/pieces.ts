/** What merging methods see of the tensors they merge: the same stretch of one tensor in every model, one after another. */

/** A stretch. Its arrays are used again for the next one: keep nothing of them, and change nothing in them. */
export interface Piece {
  /** Number of its first element; a multiple of 4. */
  readonly start: number;
  /** Of the base; empty for methods that do not read it. */
  readonly base: Float32Array;
  /** Of each model, in order: its values, or for methods of task vectors, its values minus the base's, rounded to float32. */
  readonly models: readonly Float32Array[];
}

/** One tensor of all models. */
export interface MergedTensor {
  readonly name: string;
  readonly elements: number;
  /** Visits its pieces in order; may be called again for another pass. */
  readonly scan: (visit: (piece: Piece) => void) => Promise<void>;
}

/** Writes the merged values of a piece. Called on the pieces of a tensor in order, from its first on. */
export type MergePiece = (piece: Piece, merged: Float32Array) => void;

export interface MergeMethod {
  /** What it reads: the models alone, base and models, or base and the models' task vectors. */
  readonly reads: "models" | "base and models" | "task vectors";
  /** Passes over a tensor for what must be known of the whole of it; returns what merges its pieces. */
  readonly prepare: (tensor: MergedTensor) => Promise<MergePiece>;
}

/** At most so many elements in a piece: what is computed of one stays in the processor's cache. */
export const PIECE_ELEMENTS: number = 2 ** 14;
