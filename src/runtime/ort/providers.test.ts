import { describe, expect, test } from "vitest";
import * as ops from "../../graph/functions.ts";
import { Graph } from "../../graph/ir.ts";
import { lowerToOnnx } from "../../onnx/lower.ts";
import { createOrtBackend, findCpuFallbacks } from "../index.ts";
import { type ExecutionProvider, providerOptions } from "./providers.ts";
import { rewriteForWebGpu } from "./webgpu-rewrites.ts";

test("session options name the provider, and the device of CUDA", () => {
  expect(providerOptions("cpu", 1)).toEqual(["cpu"]);
  expect(providerOptions("webgpu", 1)).toEqual(["webgpu"]);
  expect(providerOptions("webgpu", 1, ["a"])).toEqual([{ name: "webgpu", forceCpuNodeNames: ["a"] }]);
  expect(providerOptions("cuda", 1)).toEqual([{ name: "cuda", deviceId: 1 }]);
});

test("an unknown provider is refused with the nearest name", () => {
  expect(() => createOrtBackend({ provider: "webgpo" as ExecutionProvider })).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", hint: 'did you mean "webgpu"?' }),
  );
});

// Where the libraries of CUDA are installed, the provider works and there is no error to see.
test("CUDA without its libraries is an error that says what to do, not a session on the CPU", async (context) => {
  const graph = new Graph();
  const y = ops.neg(graph.input("x", "float32", [2]));
  const error = await createOrtBackend({ provider: "cuda" })
    .compile(graph, { y })
    .then((executable) => executable.dispose())
    .catch((thrown: unknown) => thrown);
  if (error === undefined) return context.skip("CUDA is installed here");
  expect(error).toMatchObject({
    code: "PROVIDER_UNAVAILABLE",
    message: expect.stringContaining(`on ${process.platform} ${process.arch} knows cpu`),
    details: { provider: "cuda", offered: expect.arrayContaining(["cpu"]) },
    hint: expect.stringContaining("cuDNN"),
  });
});

describe("CPU fallbacks", () => {
  test("on the CPU provider every node is on the CPU", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2]);
    const feeds = { x: { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) } } as const;
    expect(await findCpuFallbacks(graph, { y: ops.exp(ops.neg(ops.neg(x))) }, feeds, "cpu")).toEqual({
      Exp: 1,
      Neg: 2,
    });
  });
});

describe("the WebGPU rewrite", () => {
  test("leaves no normalisation with a second output, and the same outputs", () => {
    const graph = new Graph();
    const y = ops.rmsNorm(graph.input("x", "float32", [2, 4]), graph.input("w", "float32", [4]), 1e-5);
    const lowered = lowerToOnnx(graph, { y });
    expect(rewriteForWebGpu(lowered)).toEqual({ graph: lowered, cpuNodeNames: [] });
    const node = lowered.nodes.find(({ opType }) => opType === "SimplifiedLayerNormalization")!;
    const training = { ...lowered, nodes: [{ ...node, outputs: ["y", "inverse"] }] };
    const rewritten = rewriteForWebGpu(training).graph;
    expect(rewritten.nodes[0]!.outputs).toEqual(["y"]);
    expect(rewritten.nodes.at(-1)).toMatchObject({ opType: "Reciprocal", outputs: ["inverse"] });
  });

  test("gives float16 to the CPU, and no other cast", () => {
    const graph = new Graph();
    const wide = ops.widen(graph.input("half", "float16", [2]));
    const y = ops.add(wide, ops.toFloat32(graph.input("i", "int32", [2])));
    const { graph: rewritten, cpuNodeNames } = rewriteForWebGpu(lowerToOnnx(graph, { y }));
    const named = rewritten.nodes.filter(({ name }) => name !== undefined);
    expect(named.map(({ inputs }) => inputs)).toEqual([["half"]]);
    expect(cpuNodeNames).toEqual([named[0]!.name]);
  });
});
