/** Running one case of the conformance suite on a backend, beside the float64 reference. */
import { gradients } from "../../src/graph/autodiff.ts";
import type { Graph, Value } from "../../src/graph/ir.ts";
import type { Backend, Feeds } from "../../src/runtime/index.ts";
import { evaluateReference } from "../../src/runtime/reference/index.ts";
import { encodeFloat16 } from "../../src/tensor/float16.ts";
import type { HostTensor } from "../../src/tensor/host-tensor.ts";
import { buildCase, caseFeeds, type OpCase } from "./op-cases.ts";

export function hostFeeds(opCase: OpCase): Feeds {
  return Object.fromEntries(
    caseFeeds(opCase).map((values, index) => {
      const { shape, dtype = "float32" } = opCase.inputs[index]!;
      const data =
        dtype === "int32"
          ? Int32Array.from(values)
          : dtype === "uint8"
            ? Uint8Array.from(values)
            : dtype === "float16"
              ? encodeFloat16(Float32Array.from(values))
              : Float32Array.from(values);
      return [`x${index}`, { dtype, shape, data } as HostTensor];
    }),
  );
}

/** The output of a case as "y" and the gradient of its loss for each parameter. */
export function caseGraph(opCase: OpCase): { graph: Graph; outputs: Record<string, Value> } {
  const { graph, output, loss, parameters } = buildCase(opCase);
  const named = gradients(loss, parameters).map((gradient, index) => [`gradient.${index}`, gradient]);
  return { graph, outputs: Object.fromEntries([["y", output], ...named]) };
}

export interface CaseResult {
  readonly name: string;
  readonly received: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
  readonly expected: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
}

export async function runCase(backend: Backend, opCase: OpCase): Promise<CaseResult[]> {
  const { graph, outputs } = caseGraph(opCase);
  const executable = await backend.compile(graph, outputs);
  const results = await executable.run(hostFeeds(opCase));
  await executable.dispose();
  const feeds = Object.fromEntries(caseFeeds(opCase).map((values, index) => [`x${index}`, values]));
  const expected = evaluateReference(graph, Object.values(outputs), feeds);
  return Object.keys(outputs).map((name, index) => ({
    name,
    received: results[name]!,
    expected: expected[index]!,
  }));
}

/** Largest |received - expected| / max(1, |expected|); infinite where lengths differ or a NaN is received. */
export function largestDifference(received: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (received.length !== expected.length) return Infinity;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference =
      Math.abs(received[index]! - expected[index]!) / Math.max(1, Math.abs(expected[index]!));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
