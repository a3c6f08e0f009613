/** Exported models run as anyone runs them: a plain ONNX Runtime session over the file, its optimiser on. */
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";

export interface Batch {
  readonly shape: readonly [number, number];
  readonly ids: ArrayLike<number>;
  readonly mask: ArrayLike<number>;
}

const int64 = (data: ArrayLike<number>, shape: readonly number[]): Tensor =>
  new Tensor("int64", BigInt64Array.from(Array.from(data, BigInt)), shape);

export class ExportedModel {
  readonly session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.session = session;
  }

  static async open(folder: string, options: InferenceSession.SessionOptions = {}): Promise<ExportedModel> {
    return new ExportedModel(
      await InferenceSession.create(join(folder, "model.onnx"), {
        graphOptimizationLevel: "all",
        intraOpNumThreads: 1,
        logSeverityLevel: 3,
        ...options,
      }),
    );
  }

  /** One pass over whole rows; token types are 0 where none are given. */
  async run(
    { shape, ids, mask }: Batch,
    others: Readonly<Record<string, Tensor>> = {},
  ): Promise<Record<string, Tensor>> {
    const feeds: Record<string, Tensor> = {
      input_ids: int64(ids, shape),
      attention_mask: int64(mask, [shape[0], mask.length / shape[0]]),
      ...others,
    };
    if (this.session.inputNames.includes("token_type_ids")) {
      feeds.token_type_ids ??= int64(new Array(ids.length).fill(0), shape);
    }
    return (await this.session.run(feeds)) as Record<string, Tensor>;
  }

  /** Keys and values of no tokens, for the first pass of a model with a past. */
  emptyPast(batch: number): Record<string, Tensor> {
    return Object.fromEntries(
      this.session.inputMetadata
        .filter(({ name }) => name.startsWith("past_key_values."))
        .map((input) => {
          const [, heads, , width] = "shape" in input ? input.shape : [];
          const shape = [batch, Number(heads), 0, Number(width)];
          return [input.name, new Tensor("float32", new Float32Array(0), shape)];
        }),
    );
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/** What one pass gave, under the names under which the next takes it. */
export const pastOf = (results: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(results)
      .filter(([name]) => name.startsWith("present."))
      .map(([name, tensor]) => [name.replace("present.", "past_key_values."), tensor]),
  );

export { int64 as int64Tensor };
