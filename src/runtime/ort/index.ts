/** The fast backend: ONNX Runtime on the CPU. The only place that imports onnxruntime-node. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { type Graph, inputName, type Value } from "../../graph/ir.ts";
import { lowerToOnnx } from "../../onnx/lower.ts";
import { writeOnnxModel } from "../../onnx/model.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { version } from "../../support/version.ts";
import type { DType, TensorData } from "../../tensor/dtype.ts";
import type { HostTensor } from "../../tensor/host-tensor.ts";
import type { Backend, Executable, Feeds, Results } from "../backend.ts";
import { checkFeeds } from "../check-feeds.ts";

export interface OrtBackendOptions {
  /** Threads inside one operator; results are bit-equal only for equal thread counts. @default 2 */
  readonly threads?: number;
}

type Ort = typeof import("onnxruntime-node");

async function loadOrt(): Promise<Ort> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw new TuttiError("BACKEND_FAILED", `onnxruntime-node could not be loaded: ${messageOf(cause)}`, {
      cause,
      hint: "run `npm ci`; prebuilt binaries exist for Linux x64/arm64, macOS arm64 and Windows x64/arm64",
    });
  }
}

const toOrt = (ort: Ort, { dtype, shape, data }: HostTensor): Tensor =>
  // The typed array is used in place; the cast only tells the overloads apart.
  new ort.Tensor(dtype as "float32", data as Float32Array, shape);

class OrtExecutable implements Executable {
  private readonly ort: Ort;
  private readonly session: InferenceSession;
  private readonly inputs: readonly Value[];
  private readonly outputNames: readonly string[];
  private readonly wrapped = new WeakMap<TensorData, Tensor>();
  private isDisposed = false;

  constructor(ort: Ort, session: InferenceSession, inputs: readonly Value[], outputNames: readonly string[]) {
    this.ort = ort;
    this.session = session;
    this.inputs = inputs;
    this.outputNames = outputNames;
  }

  async run(feeds: Feeds, into: Results = {}): Promise<Results> {
    if (this.isDisposed) throw new TuttiError("BACKEND_FAILED", "this executable was disposed");
    checkFeeds(this.inputs, feeds);
    const ortFeeds: Record<string, Tensor> = {};
    for (const input of this.inputs) {
      const name = inputName(input);
      ortFeeds[name] = this.wrap(feeds[name]!);
    }
    const fetches: Record<string, Tensor | null> = {};
    for (const name of this.outputNames) fetches[name] = into[name] ? this.wrap(into[name]) : null;
    try {
      const results = await this.session.run(ortFeeds, fetches);
      return Object.fromEntries(
        this.outputNames.map((name) => [name, into[name] ?? fromOrt(results[name]!)]),
      );
    } catch (cause) {
      throw new TuttiError("BACKEND_FAILED", `ONNX Runtime: ${messageOf(cause)}`, { cause });
    }
  }

  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    await this.session.release();
  }

  /** ONNX Runtime tensors over parameters and gradients are made once and reused. */
  private wrap(tensor: HostTensor): Tensor {
    const known = this.wrapped.get(tensor.data);
    if (known && known.dims.join() === tensor.shape.join()) return known;
    const made = toOrt(this.ort, tensor);
    this.wrapped.set(tensor.data, made);
    return made;
  }
}

function fromOrt(tensor: Tensor): HostTensor {
  return { dtype: tensor.type as DType, shape: tensor.dims, data: tensor.data as TensorData };
}

export function createOrtBackend(options: OrtBackendOptions = {}): Backend {
  const threads = options.threads ?? 2;
  return {
    name: "ort-cpu",
    compile: async (graph: Graph, outputs): Promise<Executable> => {
      const ort = await loadOrt();
      const onnx = lowerToOnnx(graph, outputs);
      const used = new Set(onnx.inputs.map((input) => input.name));
      try {
        const session = await ort.InferenceSession.create(writeOnnxModel(onnx, version), {
          executionProviders: ["cpu"],
          intraOpNumThreads: threads,
          interOpNumThreads: 1,
          executionMode: "sequential",
          // The lowering already emits fused nodes; the optimiser would merge recomputed values with kept ones.
          graphOptimizationLevel: "disabled",
          logSeverityLevel: 3,
          // A pattern is one block as large as the peak, taken beside what the first run already holds.
          enableMemPattern: false,
        });
        const inputs = graph.inputs.filter((input) => used.has(inputName(input)));
        return new OrtExecutable(ort, session, inputs, Object.keys(outputs));
      } catch (cause) {
        throw new TuttiError("BACKEND_FAILED", `ONNX Runtime refused the graph: ${messageOf(cause)}`, {
          cause,
        });
      }
    },
  };
}
