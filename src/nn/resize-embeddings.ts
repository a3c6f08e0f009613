/** More or fewer rows in tables that have one row a token. */
import { TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { RandomStream, streamOf } from "../tensor/random.ts";
import type { Parameters } from "./parameters.ts";

export interface ResizeOptions {
  /** How new rows start. @default "mean": the mean of the old rows */
  readonly newRows?: "mean" | "zero" | { readonly normalStd: number; readonly seed: number };
  /** The row count is raised to a multiple of this. @default 1 */
  readonly padToMultipleOf?: number;
}

/**
 * Copies of `parameters` in which the named tables (embeddings, an untied output head, its bias) have `rows` rows,
 * padded; fewer cut the last ones off.
 *
 * @returns the parameters and the padded row count, which is the model's new vocabulary size
 * @throws {TuttiError} INVALID_ARGUMENT for a bad count; WEIGHTS_MISMATCH for a table that is not there
 */
export function resizeEmbeddings(
  parameters: Parameters,
  tables: readonly string[],
  rows: number,
  { newRows = "mean", padToMultipleOf = 1 }: ResizeOptions = {},
): { readonly parameters: Parameters; readonly rows: number } {
  for (const [name, value] of Object.entries({ rows, padToMultipleOf })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `${name} must be a positive integer, received ${value}`);
    }
  }
  const padded = Math.ceil(rows / padToMultipleOf) * padToMultipleOf;
  const resized = tables.map((name): [string, Float32Tensor] => {
    const table = parameters[name];
    if (!table) {
      throw new TuttiError("WEIGHTS_MISMATCH", `there is no table "${name}" to resize`, {
        details: { name },
        hint: "name the embedding and, where it is not tied, the output head",
      });
    }
    return [name, resizeTable(name, table, padded, newRows)];
  });
  return { parameters: { ...parameters, ...Object.fromEntries(resized) }, rows: padded };
}

function resizeTable(
  name: string,
  table: Float32Tensor,
  rows: number,
  newRows: NonNullable<ResizeOptions["newRows"]>,
): Float32Tensor {
  const [oldRows = 0, ...rest] = table.shape;
  const width = table.data.length / oldRows;
  const data = new Float32Array(rows * width);
  data.set(table.data.subarray(0, Math.min(rows, oldRows) * width));
  if (newRows === "mean") {
    const mean = new Float64Array(width);
    for (let index = 0; index < table.data.length; index++)
      mean[index % width]! += table.data[index]! / oldRows;
    for (let row = oldRows; row < rows; row++) data.set(mean, row * width);
  } else if (newRows !== "zero") {
    const stream = new RandomStream({ seed: newRows.seed, stream: streamOf(`${name} new rows`) });
    for (let index = oldRows * width; index < data.length; index++) {
      data[index] = newRows.normalStd * stream.nextNormal();
    }
  }
  return float32([rows, ...rest], data);
}
