/** A session as an {@link Executable}. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { type Graph, inputName, type Value } from "../../graph/ir.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import type { DType, TensorData } from "../../tensor/dtype.ts";
import type { HostTensor } from "../../tensor/host-tensor.ts";
import type { Executable, Feeds, Results } from "../backend.ts";
import { checkFeeds } from "../check-feeds.ts";
import type { Ort } from "./load.ts";
import type { OpenSession } from "./session.ts";

/** The typed array is used in place; the casts only tell the overloads apart. */
function toOrt(ort: Ort, { dtype, shape, data }: HostTensor): Tensor {
  if (dtype !== "float16") return new ort.Tensor(dtype as "float32", data as Float32Array, shape);
  // Where the engine has Float16Array, the constructor makes one of the bits, which the native binding cannot read.
  const tensor = new ort.Tensor("uint16", data as Uint16Array, shape);
  return Object.defineProperty(tensor, "type", { value: "float16" });
}

export class OrtExecutable implements Executable {
  private readonly ort: Ort;
  private readonly session: InferenceSession;
  private readonly inputs: readonly Value[];
  private readonly outputNames: readonly string[];
  private readonly wrapped = new WeakMap<TensorData, Tensor>();
  private isDisposed = false;

  constructor(
    ort: Ort,
    { session, usedInputs }: OpenSession,
    graph: Graph,
    outputs: Readonly<Record<string, Value>>,
  ) {
    this.ort = ort;
    this.session = session;
    this.inputs = graph.inputs.filter((input) => usedInputs.has(inputName(input)));
    this.outputNames = Object.keys(outputs);
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
