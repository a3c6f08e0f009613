/** Sessions: a lowered graph in ONNX Runtime, with the settings that every provider shares. */
import type { InferenceSession } from "onnxruntime-node";
import type { Graph, Value } from "../../graph/ir.ts";
import { lowerToOnnx } from "../../onnx/lower.ts";
import { writeOnnxModel } from "../../onnx/model.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { version } from "../../support/version.ts";
import type { Ort } from "./load.ts";
import { type ExecutionProvider, providerOptions } from "./providers.ts";
import { rewriteForWebGpu } from "./webgpu-rewrites.ts";

export interface SessionSettings {
  readonly provider: ExecutionProvider;
  readonly deviceId: number;
  readonly threads: number;
  /** See {@link CompileOptions}. @default true */
  readonly keepsMemory?: boolean;
  /** Writes what ran where and how long into a file with this prefix. */
  readonly profileFilePrefix?: string;
}

export interface OpenSession {
  readonly session: InferenceSession;
  /** Inputs that the outputs depend on. */
  readonly usedInputs: ReadonlySet<string>;
}

/** @throws {TuttiError} BACKEND_FAILED when ONNX Runtime refuses the graph */
export async function openSession(
  ort: Ort,
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  { provider, deviceId, threads, keepsMemory = true, profileFilePrefix }: SessionSettings,
): Promise<OpenSession> {
  const lowered = lowerToOnnx(graph, outputs);
  const { graph: onnx, cpuNodeNames } =
    provider === "webgpu" ? rewriteForWebGpu(lowered) : { graph: lowered, cpuNodeNames: [] };
  try {
    const session = await ort.InferenceSession.create(writeOnnxModel(onnx, version), {
      executionProviders: providerOptions(provider, deviceId, cpuNodeNames),
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      // The lowering already emits fused nodes; the optimiser would merge recomputed values with kept ones.
      graphOptimizationLevel: "disabled",
      logSeverityLevel: 3,
      // A pattern is one block as large as the peak, taken beside what the first run already holds.
      enableMemPattern: false,
      enableCpuMemArena: keepsMemory,
      ...(profileFilePrefix !== undefined && { enableProfiling: true, profileFilePrefix }),
    });
    return { session, usedInputs: new Set(onnx.inputs.map((input) => input.name)) };
  } catch (cause) {
    throw new TuttiError("BACKEND_FAILED", `ONNX Runtime refused the graph: ${messageOf(cause)}`, { cause });
  }
}
