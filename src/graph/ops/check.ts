/** Input checks shared by type rules. */
import { TuttiError } from "../../support/errors.ts";
import type { DType } from "../../tensor/dtype.ts";
import { formatShape } from "../../tensor/shape.ts";
import type { Attributes, TensorType } from "../ir.ts";

export function formatType(type: TensorType): string {
  return `${type.dtype}${formatShape(type.shape)}`;
}

export function shapeMismatch(op: string, expected: string, inputs: readonly TensorType[]): TuttiError {
  return new TuttiError(
    "SHAPE_MISMATCH",
    `${op}: expected ${expected}, received ${inputs.map(formatType).join(" and ")}`,
    { details: { op, inputs: inputs.map(formatType) } },
  );
}

/** The input at `index`, whose dtype must be one of `dtypes`. */
export function inputAt(
  op: string,
  inputs: readonly TensorType[],
  index: number,
  ...dtypes: readonly DType[]
): TensorType {
  const input = inputs[index];
  if (!input) throw new TuttiError("GRAPH_INVALID", `${op}: input ${index} is missing`, { details: { op } });
  if (dtypes.length > 0 && !dtypes.includes(input.dtype)) {
    throw new TuttiError(
      "DTYPE_MISMATCH",
      `${op}: input ${index} must be ${dtypes.join(" or ")}, received ${formatType(input)}`,
      { details: { op, index, received: input.dtype } },
    );
  }
  return input;
}

function attribute(op: string, attributes: Attributes, name: string, type: string): unknown {
  const value = attributes[name];
  const isRight = type === "numbers" || type === "shape" ? Array.isArray(value) : typeof value === type;
  if (!isRight) {
    throw new TuttiError(
      "GRAPH_INVALID",
      `${op}: attribute "${name}" must be a ${type}, received ${String(value)}`,
    );
  }
  return value;
}

export const numberAttribute = (op: string, attributes: Attributes, name: string): number =>
  attribute(op, attributes, name, "number") as number;
export const booleanAttribute = (op: string, attributes: Attributes, name: string): boolean =>
  attribute(op, attributes, name, "boolean") as boolean;
export const numbersAttribute = (op: string, attributes: Attributes, name: string): readonly number[] =>
  attribute(op, attributes, name, "numbers") as readonly number[];
export const shapeAttribute = (
  op: string,
  attributes: Attributes,
  name: string,
): readonly (number | string)[] => attribute(op, attributes, name, "shape") as readonly (number | string)[];
