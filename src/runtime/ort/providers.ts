/** Execution providers: what ONNX Runtime computes on, and saying clearly that one is not there. */
import type { InferenceSession } from "onnxruntime-node";
import * as ops from "../../graph/functions.ts";
import { Graph } from "../../graph/ir.ts";
import { lowerToOnnx } from "../../onnx/lower.ts";
import { writeOnnxModel } from "../../onnx/model.ts";
import { didYouMean } from "../../support/did-you-mean.ts";
import { messageOf, TuttiError } from "../../support/errors.ts";
import { version } from "../../support/version.ts";
import type { Ort } from "./load.ts";

/**
 * - cpu: everywhere
 * - webgpu: any GPU with Vulkan, Metal or Direct3D 12; bundled for Linux x64, macOS and Windows
 * - cuda: NVIDIA GPUs on Linux x64, with ONNX Runtime's CUDA libraries, CUDA 12 and cuDNN 9
 */
export const EXECUTION_PROVIDERS = ["cpu", "webgpu", "cuda"] as const;
export type ExecutionProvider = (typeof EXECUTION_PROVIDERS)[number];

const HINTS: Readonly<Record<ExecutionProvider, string>> = {
  cpu: "run `npm ci` again",
  webgpu:
    "it needs a GPU and its Vulkan driver with libvulkan.so.1 on Linux, Metal on macOS or Direct3D 12 on Windows; docs/runtime.md names a software driver for tests; or use cpu",
  cuda: "it needs Linux x64, CUDA 12, cuDNN 9 and ONNX Runtime's CUDA libraries, fetched by `node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12`; see docs/runtime.md; or use cpu",
};

/**
 * Session options of a provider. Nodes that it has no kernel for run on the CPU provider, which ONNX Runtime adds
 * to every session.
 *
 * @param cpuNodeNames nodes that WebGPU must leave to the CPU
 */
export function providerOptions(
  provider: ExecutionProvider,
  deviceId: number,
  cpuNodeNames: readonly string[] = [],
): InferenceSession.ExecutionProviderConfig[] {
  if (provider === "cuda") return [{ name: "cuda", deviceId }];
  // An empty list is refused.
  const isForced = provider === "webgpu" && cpuNodeNames.length > 0;
  return isForced ? [{ name: "webgpu", forceCpuNodeNames: cpuNodeNames }] : [provider];
}

/** @throws {TuttiError} INVALID_ARGUMENT for a name that is no provider */
export function checkProvider(name: string): asserts name is ExecutionProvider {
  if (!(EXECUTION_PROVIDERS as readonly string[]).includes(name)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `provider must be one of ${EXECUTION_PROVIDERS.join(", ")}, received ${name}`,
      { hint: didYouMean(name, EXECUTION_PROVIDERS) || "use cpu where there is no GPU" },
    );
  }
}

/**
 * Opens a session of one node on the provider, so that its absence is told apart from a graph that it refuses.
 *
 * @throws {TuttiError} PROVIDER_UNAVAILABLE with what was asked, what there is, and what to do
 */
export async function requireProvider(
  ort: Ort,
  provider: ExecutionProvider,
  deviceId: number,
): Promise<void> {
  const offered = ort.listSupportedBackends().map(({ name }) => name);
  if (!offered.includes(provider)) throw unavailable(provider, offered, "this build does not contain it");
  const graph = new Graph();
  const onnx = lowerToOnnx(graph, { y: ops.neg(graph.input("x", "float32", [1])) });
  try {
    const session = await ort.InferenceSession.create(writeOnnxModel(onnx, version), {
      executionProviders: providerOptions(provider, deviceId),
      logSeverityLevel: 4,
    });
    await session.release();
  } catch (cause) {
    throw unavailable(provider, offered, messageOf(cause), cause);
  }
}

function unavailable(
  provider: ExecutionProvider,
  offered: readonly string[],
  reason: string,
  cause?: unknown,
): TuttiError {
  const platform = `${process.platform} ${process.arch}`;
  return new TuttiError(
    "PROVIDER_UNAVAILABLE",
    `execution provider ${provider} cannot be used: ${lastSentence(reason)}; onnxruntime-node on ${platform} knows ${offered.join(", ")}`,
    { details: { provider, platform, offered, reason }, hint: HINTS[provider], cause },
  );
}

/** ONNX Runtime puts the place in its source before the reason. */
function lastSentence(reason: string): string {
  return (reason.trim().split("\n")[0] ?? "").replace(/^.*was false\. /, "");
}
