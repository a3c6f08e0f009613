/**
 * Cuts a tensor into parts along one axis: fused projections into what they hold. Beside slices of the same ranges,
 * its gradient is one concatenation instead of a padded copy of the whole for every part.
 */
import { TuttiError } from "../../support/errors.ts";
import { normaliseAxis } from "../../tensor/shape.ts";
import type { Attributes } from "../ir.ts";
import { defineOp, type OpDefinition } from "../op.ts";
import { inputAt, numberAttribute, numbersAttribute } from "./check.ts";
import { outputLike } from "./reference.ts";

const NAME = "split";

const sizesOf = (attributes: Attributes): readonly number[] => numbersAttribute(NAME, attributes, "sizes");

/** First and one past the last place of every part. */
function rangesOf(attributes: Attributes): { readonly start: number; readonly end: number }[] {
  let end = 0;
  return sizesOf(attributes).map((size) => {
    const start = end;
    end += size;
    return { start, end };
  });
}

const split = defineOp({
  name: NAME,
  arity: 1,
  inferTypes: (inputs, attributes) => {
    const x = inputAt(NAME, inputs, 0);
    const axis = normaliseAxis(numberAttribute(NAME, attributes, "axis"), x.shape.length, NAME);
    const sizes = sizesOf(attributes);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total !== x.shape[axis] || sizes.some((size) => size < 1)) {
      throw new TuttiError(
        "SHAPE_MISMATCH",
        `split: positive sizes that add up to ${x.shape[axis]} on axis ${axis}, received ${sizes.join(", ")}`,
      );
    }
    return sizes.map((size) => ({
      dtype: x.dtype,
      shape: x.shape.map((dimension, index) => (index === axis ? size : dimension)),
    }));
  },
  gradient: (ops, { outputs, outputGradients, attributes }) => {
    const parts = outputs.map(
      (output, index) => outputGradients[index] ?? ops.expand(ops.scalarLike(output, 0), output.shape),
    );
    return [ops.concat(parts, numberAttribute(NAME, attributes, "axis"))];
  },
  lower: (emitter, { inputs, outputs, attributes }) => {
    const axis = numberAttribute(NAME, attributes, "axis");
    if (outputs.every((output) => output !== "")) {
      emitter.node("Split", [inputs[0]!, emitter.int64(sizesOf(attributes))], {
        outputs,
        attributes: { axis: { int: axis } },
      });
      return;
    }
    for (const [index, { start, end }] of rangesOf(attributes).entries()) {
      if (outputs[index] === "") continue;
      emitter.node(
        "Slice",
        [inputs[0]!, emitter.int64([start]), emitter.int64([end]), emitter.int64([axis])],
        {
          outputs: [outputs[index]!],
        },
      );
    }
  },
  evaluate: (inputs, attributes, types) => {
    const { shape, data } = inputs[0]!;
    const axis = normaliseAxis(numberAttribute(NAME, attributes, "axis"), shape.length, NAME);
    const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
    const row = shape[axis]! * inner;
    return rangesOf(attributes).map(({ start, end }, part) => {
      const output = outputLike(types[part]);
      const width = (end - start) * inner;
      for (let index = 0; index < output.data.length / width; index++) {
        const from = index * row + start * inner;
        output.data.set(data.subarray(from, from + width), index * width);
      }
      return output;
    });
  },
  traits: { isElementwise: false, isRecomputed: false, hasEqualOutputs: true },
});

export const SPLIT_OPS: readonly OpDefinition[] = [split];
