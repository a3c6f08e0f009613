/** Reading and adding rows or elements at integer positions. Indices must be in range; negative ones are refused. */
import { TuttiError } from "../../support/errors.ts";
import { sizeOf, staticShape } from "../../tensor/shape.ts";
import { defineOp, type OpDefinition, type ReferenceTensor } from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { lastAxisRows, outputLike } from "./reference.ts";

function checkedIndex(index: number, bound: number, op: string): number {
  if (!(index >= 0 && index < bound)) {
    throw new TuttiError("INVALID_ARGUMENT", `${op}: index ${index} is outside 0..${bound - 1}`);
  }
  return index;
}

/** y[..., :] = table[indices[...], :] */
const gatherRows = defineOp({
  name: "gather_rows",
  arity: 2,
  inferTypes: (inputs) => {
    const table = inputAt("gather_rows", inputs, 0, "float32");
    const indices = inputAt("gather_rows", inputs, 1, "int32");
    if (table.shape.length !== 2) throw shapeMismatch("gather_rows", "a table [rows, width]", inputs);
    return [{ dtype: table.dtype, shape: [...indices.shape, table.shape[1]!] }];
  },
  gradient: (ops, { inputs, outputGradients }) => {
    const [rows, width] = staticShape(inputs[0]!.shape) as [number, number];
    const count = sizeOf(inputs[1]!.shape);
    const indices = ops.reshape(inputs[1]!, [count]);
    return [ops.scatterAddRows(indices, ops.reshape(outputGradients[0]!, [count, width]), rows), undefined];
  },
  lower: (emitter, { inputs, outputs }) => {
    emitter.node("Gather", inputs, { outputs, attributes: { axis: { int: 0 } } });
  },
  evaluate: (inputs, _attributes, types) => {
    const [table, indices] = inputs as [ReferenceTensor, ReferenceTensor];
    const output = outputLike(types[0]);
    const [rows, width] = table.shape as [number, number];
    for (const [position, index] of indices.data.entries()) {
      const start = checkedIndex(index, rows, "gather_rows") * width;
      output.data.set(table.data.subarray(start, start + width), position * width);
    }
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

/** y[r, :] = x.flat[rows[r], :], where flat joins batch and token axes; shapes x [B, T, H], rows [R], y [R, H]. */
const gatherTokens = defineOp({
  name: "gather_tokens",
  arity: 2,
  inferTypes: (inputs) => {
    const x = inputAt("gather_tokens", inputs, 0, "float32");
    const rows = inputAt("gather_tokens", inputs, 1, "int32");
    if (x.shape.length !== 3 || rows.shape.length !== 1) {
      throw shapeMismatch("gather_tokens", "x[B, T, H] and rows[R]", inputs);
    }
    return [{ dtype: x.dtype, shape: [rows.shape[0]!, x.shape[2]!] }];
  },
  gradient: (ops, { inputs, outputGradients }) => {
    const shape = staticShape(inputs[0]!.shape);
    const flat = ops.scatterAddRows(inputs[1]!, outputGradients[0]!, shape[0]! * shape[1]!);
    return [ops.reshape(flat, shape), undefined];
  },
  lower: (emitter, { inputs, inputTypes, outputs }) => {
    const [flat] = emitter.node("Reshape", [
      inputs[0]!,
      emitter.int64([-1, Number(inputTypes[0]!.shape[2])]),
    ]);
    emitter.node("Gather", [flat!, inputs[1]!], { outputs, attributes: { axis: { int: 0 } } });
  },
  evaluate: (inputs, _attributes, types) => {
    const [x, rows] = inputs as [ReferenceTensor, ReferenceTensor];
    const output = outputLike(types[0]);
    const [batch, tokens, width] = x.shape as [number, number, number];
    for (const [position, row] of rows.data.entries()) {
      const start = checkedIndex(row, batch * tokens, "gather_tokens") * width;
      output.data.set(x.data.subarray(start, start + width), position * width);
    }
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

/** y[rows, width], zero but for y[indices[n], :] += updates[n, :]; the adjoint of gather_rows. */
const scatterAddRows = defineOp({
  name: "scatter_add_rows",
  arity: 2,
  inferTypes: (inputs, attributes) => {
    const indices = inputAt("scatter_add_rows", inputs, 0, "int32");
    const updates = inputAt("scatter_add_rows", inputs, 1, "float32");
    if (indices.shape.length !== 1 || updates.shape.length !== 2 || indices.shape[0] !== updates.shape[0]) {
      throw shapeMismatch("scatter_add_rows", "indices [N] and updates [N, width]", inputs);
    }
    return [
      {
        dtype: "float32",
        shape: [numberAttribute("scatter_add_rows", attributes, "rows"), updates.shape[1]!],
      },
    ];
  },
  gradient: (ops, { inputs, outputGradients }) => [
    undefined,
    ops.gatherRows(outputGradients[0]!, inputs[0]!),
  ],
  lower: (emitter, { inputs, inputTypes, outputs, outputTypes }) => {
    // ScatterElements adds serially; ScatterND splits the updates over threads and races on repeated indices.
    const [count, width] = staticShape(inputTypes[1]!.shape) as [number, number];
    const [column] = emitter.node("Unsqueeze", [inputs[0]!, emitter.int64([1])]);
    const [indices] = emitter.node("Expand", [column!, emitter.int64([count, width])]);
    const zeros = emitter.zeros(staticShape(outputTypes[0]!.shape));
    emitter.node("ScatterElements", [zeros, indices!, inputs[1]!], {
      outputs,
      attributes: { axis: { int: 0 }, reduction: { string: "add" } },
    });
  },
  evaluate: (inputs, _attributes, types) => {
    const [indices, updates] = inputs as [ReferenceTensor, ReferenceTensor];
    const output = outputLike(types[0]);
    const [rows, width] = output.shape as [number, number];
    for (const [position, index] of indices.data.entries()) {
      const start = checkedIndex(index, rows, "scatter_add_rows") * width;
      for (let column = 0; column < width; column++) {
        output.data[start + column]! += updates.data[position * width + column]!;
      }
    }
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

/** y[..., 0] = x[..., indices[...]] over the last axis. */
const pickLast = defineOp({
  name: "pick_last",
  arity: 2,
  inferTypes: (inputs) => {
    const x = inputAt("pick_last", inputs, 0, "float32");
    const indices = inputAt("pick_last", inputs, 1, "int32");
    if (x.shape.length === 0 || indices.shape.join() !== x.shape.slice(0, -1).join()) {
      throw shapeMismatch("pick_last", "x[..., C] and indices[...]", inputs);
    }
    return [{ dtype: x.dtype, shape: [...indices.shape, 1] }];
  },
  gradient: (ops, { inputs, outputGradients }) => [
    ops.placeLast(outputGradients[0]!, inputs[1]!, staticShape(inputs[0]!.shape).at(-1)!),
    undefined,
  ],
  lower: (emitter, { inputs, inputTypes, outputs }) => {
    const axis = inputTypes[1]!.shape.length;
    const [indices] = emitter.node("Unsqueeze", [inputs[1]!, emitter.int64([axis])]);
    emitter.node("GatherElements", [inputs[0]!, indices!], { outputs, attributes: { axis: { int: axis } } });
  },
  evaluate: (inputs, _attributes, types) => {
    const [x, indices] = inputs as [ReferenceTensor, ReferenceTensor];
    const output = outputLike(types[0]);
    const { length } = lastAxisRows(x.shape);
    for (const [row, index] of indices.data.entries()) {
      output.data[row] = x.data[row * length + checkedIndex(index, length, "pick_last")]!;
    }
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

/** y[..., c] = x[..., 0] where c = indices[...], else 0; the adjoint of pick_last. */
const placeLast = defineOp({
  name: "place_last",
  arity: 2,
  inferTypes: (inputs, attributes) => {
    const x = inputAt("place_last", inputs, 0, "float32");
    const indices = inputAt("place_last", inputs, 1, "int32");
    if (x.shape.join() !== [...indices.shape, 1].join()) {
      throw shapeMismatch("place_last", "x[..., 1] and indices[...]", inputs);
    }
    return [{ dtype: x.dtype, shape: [...indices.shape, numberAttribute("place_last", attributes, "size")] }];
  },
  gradient: (ops, { inputs, outputGradients }) => [ops.pickLast(outputGradients[0]!, inputs[1]!), undefined],
  lower: (emitter, { inputs, inputTypes, outputs, outputTypes }) => {
    const axis = inputTypes[1]!.shape.length;
    const [indices] = emitter.node("Unsqueeze", [inputs[1]!, emitter.int64([axis])]);
    const zeros = emitter.zeros(staticShape(outputTypes[0]!.shape));
    emitter.node("ScatterElements", [zeros, indices!, inputs[0]!], {
      outputs,
      attributes: { axis: { int: axis } },
    });
  },
  evaluate: (inputs, _attributes, types) => {
    const [x, indices] = inputs as [ReferenceTensor, ReferenceTensor];
    const output = outputLike(types[0]);
    const { length } = lastAxisRows(output.shape);
    for (const [row, index] of indices.data.entries()) {
      output.data[row * length + checkedIndex(index, length, "place_last")] = x.data[row]!;
    }
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

export const INDEXING_OPS: readonly OpDefinition[] = [
  gatherRows,
  gatherTokens,
  scatterAddRows,
  pickLast,
  placeLast,
];
