/** Tensors of open checkpoints as merging methods read them: from the disk, a piece at a time. */
import type { Breathe } from "../../support/event-loop.ts";
import type { Checkpoint } from "../../weights/index.ts";
import { type MergedTensor, type MergeMethod, PIECE_ELEMENTS, type Piece } from "./pieces.ts";

export interface OpenModels {
  readonly base: Checkpoint;
  readonly models: readonly Checkpoint[];
}

/** Whose pieces a pass fills. Memory for one piece of every model is all that merging takes, however large a tensor. */
export class PieceReader {
  private readonly opened: OpenModels;
  private readonly reads: MergeMethod["reads"];
  private readonly breathe: Breathe;
  private readonly base = new Float32Array(PIECE_ELEMENTS);
  private readonly models: readonly Float32Array[];

  /** @param breathe called between pieces; what it throws ends the pass */
  constructor(opened: OpenModels, reads: MergeMethod["reads"], breathe: Breathe) {
    this.opened = opened;
    this.reads = reads;
    this.breathe = breathe;
    this.models = opened.models.map(() => new Float32Array(PIECE_ELEMENTS));
  }

  /** A tensor that every model has in one shape. */
  tensor(name: string, elements: number): MergedTensor {
    const scan = async (visit: (piece: Piece) => void): Promise<void> => {
      for (let start = 0; start < elements; start += PIECE_ELEMENTS) {
        await this.breathe();
        visit(this.read(name, start, Math.min(PIECE_ELEMENTS, elements - start)));
      }
    };
    return { name, elements, scan };
  }

  private read(name: string, start: number, length: number): Piece {
    const base = this.base.subarray(0, this.reads === "models" ? 0 : length);
    if (base.length > 0) this.opened.base.readFloats(name, start, base);
    const models = this.models.map((array, model) => {
      const values = array.subarray(0, length);
      this.opened.models[model]!.readFloats(name, start, values);
      if (this.reads === "task vectors") subtract(values, base);
      return values;
    });
    return { start, base, models };
  }
}

function subtract(values: Float32Array, base: Float32Array): void {
  for (let index = 0; index < values.length; index++) values[index]! -= base[index]!;
}
