import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import { OP_TABLE } from "../../src/graph/op-table.ts";
import { validateGraph } from "../../src/graph/validate.ts";
import { lowerToOnnx } from "../../src/onnx/index.ts";
import { writeOnnxModel } from "../../src/onnx/model.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { createReferenceBackend, evaluateReference } from "../../src/runtime/reference/index.ts";
import { buildCase, caseFeeds, OP_CASES } from "./op-cases.ts";
import { caseGraph, hostFeeds, runCase } from "./run-case.ts";

function expectClose(
  received: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  label: string,
): void {
  expect(received.length, label).toBe(expected.length);
  for (let index = 0; index < expected.length; index++) {
    const scale = Math.max(1, Math.abs(expected[index]!));
    const difference = Math.abs(received[index]! - expected[index]!);
    expect(
      difference / scale,
      `${label}[${index}]: ${received[index]} against ${expected[index]}`,
    ).toBeLessThan(tolerance);
  }
}

test("every op of the table has a case", () => {
  const covered = new Set(OP_CASES.map((opCase) => opCase.op));
  expect([...OP_TABLE.keys()].filter((name) => !covered.has(name))).toEqual([]);
});

describe.each([createReferenceBackend(), createOrtBackend({ threads: 1 })])("$name", (backend) => {
  // float32 against float64: a few rounding errors of 6e-8 per sum
  test.each(OP_CASES)("$name and its gradient equal the float64 reference", async (opCase) => {
    const { graph, outputs } = caseGraph(opCase);
    validateGraph(graph, Object.values(outputs));
    for (const { name, received, expected } of await runCase(backend, opCase)) {
      expect(received.shape, name).toEqual(expected.shape);
      expectClose(received.data, expected.data, 5e-6, name);
    }
  });
});

/** Ops that the ONNX standard has nothing for: they stay operators of ONNX Runtime in exported files. */
const WITHOUT_STANDARD = new Set(["cached_attention", "multi_head_attention", "quantized_matmul"]);

describe("standard operators under ONNX Runtime's optimiser", () => {
  const cases = OP_CASES.filter((opCase) => !WITHOUT_STANDARD.has(opCase.op));
  test.each(cases)("$name equals the float64 reference", async (opCase) => {
    const { graph, output } = buildCase(opCase);
    const onnx = lowerToOnnx(graph, { y: output }, { operators: "standard" });
    const foreign = onnx.nodes.filter(
      ({ domain, opType }) => domain !== "" || opType === "SimplifiedLayerNormalization",
    );
    expect(foreign).toEqual([]);
    const session = await InferenceSession.create(writeOnnxModel(onnx, "test"), {
      graphOptimizationLevel: "all",
      intraOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    const host = hostFeeds(opCase);
    const { y } = await session.run(
      Object.fromEntries(
        onnx.inputs.map(({ name }) => {
          const { dtype, data, shape } = host[name]!;
          return [name, new Tensor(dtype as "float32", data as Float32Array, shape)];
        }),
      ),
    );
    await session.release();
    const feeds = Object.fromEntries(caseFeeds(opCase).map((values, index) => [`x${index}`, values]));
    const [expected] = evaluateReference(graph, [output], feeds);
    expect(y!.dims).toEqual(expected!.shape);
    expectClose(y!.data as Float32Array, expected!.data, 5e-6, "y");
  });
});

describe("gradient rules against central differences in float64", () => {
  test.each(OP_CASES)("$name", (opCase) => {
    const { graph, loss, parameters } = buildCase(opCase);
    const feeds = Object.fromEntries(caseFeeds(opCase).map((values, index) => [`x${index}`, values]));
    const analytic = evaluateReference(graph, gradients(loss, parameters), feeds);
    const lossAt = (): number => evaluateReference(graph, [loss], feeds)[0]!.data[0]!;
    for (const [which, parameter] of parameters.entries()) {
      const values = feeds[parameter.source.origin === "input" ? parameter.source.name : ""]!;
      const numeric = new Float64Array(values.length);
      const step = 1e-5;
      for (let index = 0; index < values.length; index++) {
        const original = values[index]!;
        values[index] = original + step;
        const above = lossAt();
        values[index] = original - step;
        numeric[index] = (above - lossAt()) / (2 * step);
        values[index] = original;
      }
      expectClose(analytic[which]!.data, numeric, 1e-6, `gradient of input ${which}`);
    }
  });
});
