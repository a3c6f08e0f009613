/** Declared parameters: name, shape, how they start, whether weight decay applies. */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { assert, TuttiError } from "../support/errors.ts";
import { type Float16Tensor, type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { RandomStream, streamOf } from "../tensor/random.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";

export interface ParameterSpec {
  readonly shape: readonly number[];
  /** Constant start value, normal with this standard deviation, or uniform in -bound .. bound. */
  readonly initial:
    | { readonly constant: number }
    | { readonly normalStd: number }
    | { readonly uniformBound: number };
  /** Matrices decay; biases and normalisation weights do not. */
  readonly decays: boolean;
  /** A linear layer's matrix stored [inputs, outputs], as GPT-2 does; others are [outputs, inputs]. @default false */
  readonly isInputsFirst?: boolean;
}

export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

/** Host values of parameters by name: the one place where weights live. */
export type Parameters = Readonly<Record<string, Float32Tensor>>;

/** Host values of frozen parameters in half the memory; see {@link narrowParameters}. */
export type HalfParameters = Readonly<Record<string, Float16Tensor>>;

/** Looks up the graph value of a parameter by its full name. */
export type ParameterValues = (name: string) => Value;

export const matrix = (rows: number, columns: number, normalStd: number): ParameterSpec => ({
  shape: [rows, columns],
  initial: { normalStd },
  decays: true,
});

export const vector = (length: number, constant: number): ParameterSpec => ({
  shape: [length],
  initial: { constant },
  decays: false,
});

/**
 * Declares every parameter as a graph input, in the order of the specs.
 *
 * @param half parameters that are fed as float16: every look-up widens such a one for its own reader
 */
export function declareParameters(
  graph: Graph,
  specs: ParameterSpecs,
  half: HalfParameters = {},
): ParameterValues {
  const values = new Map(
    Object.entries(specs).map(([name, { shape }]) => [
      name,
      Object.hasOwn(half, name) ? graph.input(name, "float16", shape) : graph.parameter(name, shape),
    ]),
  );
  return (name) => {
    const value = values.get(name);
    assert(value, `parameter "${name}" was not declared`);
    return value.dtype === "float16" ? ops.widen(value) : value;
  };
}

/** Fresh values; each parameter draws from its own stream, so adding one does not change the others. */
export function initialiseParameters(specs: ParameterSpecs, seed: number): Parameters {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, initial }]) => {
      const data = new Float32Array(sizeOf(shape));
      if ("constant" in initial) {
        data.fill(initial.constant);
      } else {
        const stream = new RandomStream({ seed, stream: streamOf(name) });
        const draw =
          "normalStd" in initial
            ? () => initial.normalStd * stream.nextNormal()
            : () => initial.uniformBound * (2 * stream.nextUniform() - 1);
        for (let index = 0; index < data.length; index++) data[index] = draw();
      }
      return [name, float32(shape, data)];
    }),
  );
}

/**
 * Checks that `parameters` holds exactly what `specs` declares; only shapes are looked at.
 *
 * @throws {TuttiError} WEIGHTS_MISMATCH naming the first missing, extra or misshapen tensor
 */
export function checkParameters(
  specs: ParameterSpecs,
  parameters: Readonly<Record<string, { readonly shape: readonly number[] }>>,
  source: string,
): void {
  for (const [name, spec] of Object.entries(specs)) {
    const tensor = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    const received = tensor ? formatShape(tensor.shape) : "nothing";
    if (!tensor || tensor.shape.join() !== spec.shape.join()) {
      throw new TuttiError(
        "WEIGHTS_MISMATCH",
        `${source}: tensor "${name}" must be ${formatShape(spec.shape)}, found ${received}`,
        { details: { source, name }, hint: "the weights belong to another model or configuration" },
      );
    }
  }
  const extra = Object.keys(parameters).find((name) => !Object.hasOwn(specs, name));
  if (extra !== undefined) {
    throw new TuttiError("WEIGHTS_MISMATCH", `${source}: tensor "${extra}" has no place in this model`, {
      details: { source, name: extra },
    });
  }
}
