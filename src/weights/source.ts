/** What a model's weights look like to the code that loads them, whichever files hold them. */
import type { SafetensorsData } from "./safetensors-dtype.ts";

/** Open weights under Hugging Face parameter names; close them when done. */
export interface WeightSource {
  /** The file or folder. */
  readonly path: string;
  readonly entries: ReadonlyMap<string, { readonly name: string; readonly shape: readonly number[] }>;
  /**
   * Reads one tensor from the disk, row-major; half precision and quantised types come as float32.
   *
   * @throws {TuttiError} WEIGHTS_MISMATCH when there is none of that name
   */
  read(name: string): {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: SafetensorsData;
  };
  close(): void;
}

const FLOAT32_DTYPES = ["F32", "F16", "BF16"];

/** Whether a tensor's values come as float32: integers and float64 do not, GGUF has nothing else. */
export function comesAsFloat32(entry: object): boolean {
  return !("dtype" in entry) || FLOAT32_DTYPES.includes(String(entry.dtype));
}
