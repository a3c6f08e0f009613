/** The fast backend: ONNX Runtime on the CPU, WebGPU or CUDA. This folder alone imports onnxruntime-node. */
import type { Backend } from "../backend.ts";
import { OrtExecutable } from "./executable.ts";
import { loadOrt, type Ort } from "./load.ts";
import { checkProvider, type ExecutionProvider, requireProvider } from "./providers.ts";
import { openSession } from "./session.ts";

export interface OrtBackendOptions {
  /** Threads inside one operator; results are bit-equal only for equal thread counts. @default 2 */
  readonly threads?: number;
  /** What computes. Nodes without a kernel there run on the CPU; see {@link findCpuFallbacks}. @default "cpu" */
  readonly provider?: ExecutionProvider;
  /** Which CUDA device; the other providers choose for themselves. @default 0 */
  readonly deviceId?: number;
}

/**
 * A backend over ONNX Runtime. A provider that cannot be used is an error of the first `compile`
 * (PROVIDER_UNAVAILABLE), never a silent change to the CPU.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for an unknown provider
 */
export function createOrtBackend(options: OrtBackendOptions = {}): Backend {
  const { threads = 2, provider = "cpu", deviceId = 0 } = options;
  checkProvider(provider);
  let ready: Promise<Ort> | undefined;
  const open = async (): Promise<Ort> => {
    const ort = await loadOrt();
    if (provider !== "cpu") await requireProvider(ort, provider, deviceId);
    return ort;
  };
  return {
    name: `ort-${provider}`,
    compile: async (graph, outputs, { keepsMemory = true } = {}) => {
      ready ??= open();
      const ort = await ready;
      const session = await openSession(ort, graph, outputs, { provider, deviceId, threads, keepsMemory });
      return new OrtExecutable(ort, session, graph, outputs);
    },
  };
}
