/** ONNX files as other runtimes get them, run here: ONNX Runtime's optimiser on, int64 inputs fed from int32 values. */
import type { InferenceSession } from "onnxruntime-node";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { type Float32Tensor, float32, type HostTensor } from "../../tensor/host-tensor.ts";
import { loadOrt, type Ort } from "./load.ts";

export interface OnnxFileOptions {
  /** Threads inside one operator. @default 2 */
  readonly threads?: number;
}

/** An opened file. Holds native memory until disposed. */
export class OnnxFile {
  private readonly ort: Ort;
  private readonly session: InferenceSession;

  private constructor(ort: Ort, session: InferenceSession) {
    this.ort = ort;
    this.session = session;
  }

  /** @throws {TuttiError} BACKEND_FAILED when ONNX Runtime refuses the file */
  static async open(path: string, { threads = 2 }: OnnxFileOptions = {}): Promise<OnnxFile> {
    const ort = await loadOrt();
    try {
      const session = await ort.InferenceSession.create(path, {
        executionProviders: ["cpu"],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        // Rows come in any size: a pattern would be kept for each.
        enableMemPattern: false,
      });
      return new OnnxFile(ort, session);
    } catch (cause) {
      throw new TuttiError("BACKEND_FAILED", `ONNX Runtime refused ${path}: ${messageOf(cause)}`, {
        cause,
        details: { path },
      });
    }
  }

  /**
   * @param feeds int32 tensors are fed as int64
   * @throws {TuttiError} BACKEND_FAILED when the run fails
   */
  async run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, Float32Tensor>> {
    const tensors = Object.entries(feeds).map(([name, { dtype, shape, data }]) => {
      const tensor =
        dtype === "int32"
          ? new this.ort.Tensor("int64", BigInt64Array.from(data, BigInt), shape)
          : new this.ort.Tensor("float32", data as Float32Array, shape);
      return [name, tensor] as const;
    });
    try {
      const results = await this.session.run(Object.fromEntries(tensors));
      return Object.fromEntries(
        Object.entries(results).map(([name, { dims, data }]) => [name, float32(dims, data as Float32Array)]),
      );
    } catch (cause) {
      throw new TuttiError("BACKEND_FAILED", `ONNX Runtime: ${messageOf(cause)}`, { cause });
    }
  }

  async dispose(): Promise<void> {
    await this.session.release();
  }
}
