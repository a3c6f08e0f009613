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
