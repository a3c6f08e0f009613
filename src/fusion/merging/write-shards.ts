/** Writing the weights of a merge, file by file. */
import { join } from "node:path";
import { TuttiError } from "../../support/errors.ts";
import { type Breathe, createBreather } from "../../support/event-loop.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { SafetensorsWriter, type TensorHeading } from "../../weights/index.ts";
import { type OpenModels, PieceReader } from "./checkpoint-tensors.ts";
import type { OutputFolder } from "./output-folder.ts";
import { type MergeMethod, PIECE_ELEMENTS } from "./pieces.ts";
import type { MergeEvents, MergeRequest } from "./request.ts";
import type { SharedTensor } from "./same-tensors.ts";
import type { Shard } from "./shards.ts";

/** From here on, a number rounds to infinity. */
const LIMITS = {
  F32: Number.POSITIVE_INFINITY,
  BF16: 2 ** 128 * (1 - 2 ** -9),
  F16: 2 ** 16 * (1 - 2 ** -12),
};

/** A merge whose models have been found to go together. */
export interface MergeWork {
  readonly request: MergeRequest;
  readonly opened: OpenModels;
  readonly method: MergeMethod;
  readonly shared: readonly SharedTensor[];
  readonly shards: readonly Shard[];
  readonly folder: OutputFolder;
}

function interrupted(): TuttiError {
  return new TuttiError("INTERRUPTED", "the merge was stopped", {
    hint: "run the same command again: files that are finished are kept",
  });
}

/** @throws {TuttiError} NON_FINITE where a number is none, or too large for the type it is stored as */
function checkFinite(values: Float32Array, tensor: string, dtype: keyof typeof LIMITS, start: number): void {
  const limit = LIMITS[dtype];
  for (let index = 0; index < values.length; index++) {
    if (Math.abs(values[index]!) < limit) continue;
    throw new TuttiError(
      "NON_FINITE",
      `tensor "${tensor}": the merged element ${start + index} is ${values[index]}, no finite ${dtype}`,
      {
        details: { tensor, element: start + index, value: String(values[index]), dtype },
        hint: "a model's weights are damaged, or the numbers are too large: check the models, or store as BF16 or F32",
      },
    );
  }
}

/** Writes one file of weights. */
async function writeShard(
  { opened, method, shared, folder }: MergeWork,
  { file, tensors }: Shard,
  breathe: Breathe,
  onTensor: (tensor: TensorHeading) => void,
): Promise<void> {
  const isMerged = new Map(shared.map((tensor) => [tensor.name, tensor.isMerged]));
  const reader = new PieceReader(opened, method.reads, breathe);
  const buffer = new Float32Array(PIECE_ELEMENTS);
  const writer = new SafetensorsWriter(join(folder.path, file), tensors, { format: "pt" });
  try {
    for (const heading of writer.headings) {
      const { name, shape } = heading;
      onTensor(heading);
      if (!isMerged.get(name)) {
        const { data } = opened.base.read(name);
        if (data.length > 0) writer.write(data);
        continue;
      }
      const tensor = reader.tensor(name, sizeOf(shape));
      const merge = await method.prepare(tensor);
      await tensor.scan((piece) => {
        const merged = buffer.subarray(0, piece.models[0]!.length);
        merge(piece, merged);
        checkFinite(merged, name, heading.dtype as keyof typeof LIMITS, piece.start);
        writer.write(merged);
      });
    }
    writer.commit();
  } finally {
    writer.discard();
  }
}

/**
 * Writes the files that are not there yet.
 *
 * @returns how many were
 * @throws {TuttiError} NON_FINITE, INTERRUPTED, FILE_WRITE_FAILED
 */
export async function writeShards(work: MergeWork, { signal, onProgress }: MergeEvents): Promise<number> {
  const rest = createBreather();
  const breathe = async (): Promise<void> => {
    await rest();
    if (signal?.aborted) throw interrupted();
  };
  const total = work.shared.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  let done = 0;
  let kept = 0;
  for (const shard of work.shards) {
    if (work.folder.has(shard.file)) {
      kept++;
      done += shard.tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
      continue;
    }
    await writeShard(work, shard, breathe, ({ name, shape }) => {
      onProgress?.(done, total, name);
      done += sizeOf(shape);
    });
  }
  onProgress?.(total, total, "");
  return kept;
}
