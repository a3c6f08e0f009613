/**
 * Rotary position embedding (arXiv 2104.09864) in the half-split layout of GPT-NeoX and Llama:
 * with x = [x1, x2] split in the middle of the head axis, y = [x1 cos - x2 sin, x2 cos + x1 sin].
 *
 * Shapes: x f32 [B, heads, T, D], positions i32 [B, T], cosine and sine f32 [positions, D/2].
 */
import { defineOp, type OpDefinition, type ReferenceTensor } from "../op.ts";
import { inputAt, shapeMismatch } from "./check.ts";
import { outputLike } from "./reference.ts";

const rotaryEmbedding = defineOp({
  name: "rotary_embedding",
  arity: 4,
  inferTypes: (inputs) => {
    const x = inputAt("rotary_embedding", inputs, 0, "float32");
    const positions = inputAt("rotary_embedding", inputs, 1, "int32");
    const cosine = inputAt("rotary_embedding", inputs, 2, "float32");
    const sine = inputAt("rotary_embedding", inputs, 3, "float32");
    const isLegal =
      x.shape.length === 4 &&
      positions.shape.join() === [x.shape[0], x.shape[2]].join() &&
      cosine.shape.join() === sine.shape.join() &&
      cosine.shape.length === 2 &&
      Number(x.shape[3]) === 2 * Number(cosine.shape[1]);
    if (!isLegal) {
      throw shapeMismatch(
        "rotary_embedding",
        "x[B, heads, T, D], positions[B, T], cosine and sine[P, D/2]",
        inputs,
      );
    }
    return [x];
  },
  // A rotation is orthogonal: its adjoint turns the other way.
  gradient: (ops, { inputs, outputGradients }) => {
    const [, positions, cosine, sine] = inputs;
    return [
      ops.rotaryEmbedding(outputGradients[0]!, positions!, cosine!, ops.neg(sine!)),
      undefined,
      undefined,
      undefined,
    ];
  },
  lower: (emitter, { inputs, outputs }) => {
    const [positions] = emitter.node("Cast", [inputs[1]!], { attributes: { to: { int: 7 } } });
    emitter.node("RotaryEmbedding", [inputs[0]!, positions!, inputs[2]!, inputs[3]!], {
      outputs,
      domain: "com.microsoft",
      attributes: { interleaved: { int: 0 } },
    });
  },
  lowerStandard: (emitter, { inputs, inputTypes, outputs }) => {
    const [x, positions, ...tables] = inputs as [string, string, string, string];
    const half = Number(inputTypes[0]!.shape[3]) / 2;
    const [cosine, sine] = tables.map((table) => {
      const [rows] = emitter.node("Gather", [table, positions], { attributes: { axis: { int: 0 } } });
      return emitter.node("Unsqueeze", [rows!, emitter.int64([1])])[0]!;
    });
    const part = (from: number): string =>
      emitter.node("Slice", [x, emitter.int64([from]), emitter.int64([from + half]), emitter.int64([3])])[0]!;
    const [first, second] = [part(0), part(half)];
    const product = (a: string, b: string | undefined): string => emitter.node("Mul", [a, b!])[0]!;
    const [left] = emitter.node("Sub", [product(first, cosine), product(second, sine)]);
    const [right] = emitter.node("Add", [product(second, cosine), product(first, sine)]);
    emitter.node("Concat", [left!, right!], { outputs, attributes: { axis: { int: 3 } } });
  },
  evaluate: (inputs, _attributes, types) => {
    const [x, positions, cosine, sine] = inputs as [
      ReferenceTensor,
      ReferenceTensor,
      ReferenceTensor,
      ReferenceTensor,
    ];
    const output = outputLike(types[0]);
    const [batches, heads, tokens, width] = x.shape as [number, number, number, number];
    const half = width / 2;
    for (let row = 0; row < batches * heads * tokens; row++) {
      const batch = Math.floor(row / (heads * tokens));
      const angle = positions.data[batch * tokens + (row % tokens)]! * half;
      for (let index = 0; index < half; index++) {
        const [c, s] = [cosine.data[angle + index]!, sine.data[angle + index]!];
        const [first, second] = [x.data[row * width + index]!, x.data[row * width + half + index]!];
        output.data[row * width + index] = first * c - second * s;
        output.data[row * width + half + index] = second * c + first * s;
      }
    }
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

export const ROTARY_OPS: readonly OpDefinition[] = [rotaryEmbedding];
