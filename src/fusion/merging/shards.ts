/** Which tensors of a checkpoint go into which file. */
import { sizeOf } from "../../tensor/shape.ts";
import type { TensorHeading } from "../../weights/index.ts";
import { storedType } from "../../weights/safetensors-dtype.ts";

export interface Shard {
  readonly file: string;
  readonly tensors: readonly TensorHeading[];
}

export const bytesOf = ({ dtype, shape }: TensorHeading): number => sizeOf(shape) * storedType(dtype).bytes;

/**
 * Fills files in the order of the tensors, each up to `shardBytes`; a larger tensor has a file of its own. Names are those
 * of Hugging Face: one file is model.safetensors.
 */
export function planShards(tensors: readonly TensorHeading[], shardBytes: number): Shard[] {
  const groups: TensorHeading[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (filled > 0 && filled + bytes > shardBytes) {
      groups.push([]);
      filled = 0;
    }
    groups.at(-1)!.push(tensor);
    filled += bytes;
  }
  const digits = (value: number): string => String(value).padStart(5, "0");
  return groups.map((group, index) => ({
    file:
      groups.length === 1
        ? "model.safetensors"
        : `model-${digits(index + 1)}-of-${digits(groups.length)}.safetensors`,
    tensors: group,
  }));
}
