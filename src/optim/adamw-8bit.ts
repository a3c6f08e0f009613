/**
 * AdamW whose moments are stored in 8 bits, block by block: 2 bytes a parameter instead of 8 (Dettmers et al.,
 * arXiv 2110.02861). The update is AdamW's, in full precision, on the restored moments; then they are stored again.
 */

import { TuttiError } from "../support/errors.ts";
import { createBreather, inPieces } from "../support/event-loop.ts";
import type { HostTensor } from "../tensor/host-tensor.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type AdamWOptions, checkAdamWOptions, createAdamW } from "./adamw.ts";
import { quantizeBlock, SIGNED_CODE, UNSIGNED_CODE } from "./block-quantization.ts";
import { groupedNames, lookUp, type Optimizer, type ParameterGroup, type Tensors } from "./optimizer.ts";

export interface AdamW8BitOptions extends AdamWOptions {
  /** Elements that share a scale. @default 256 */
  readonly blockSize?: number;
  /** Smaller tensors keep float32 moments. @default 4096 */
  readonly minimumElements?: number;
}

interface QuantizedMoments {
  readonly firstCodes: Uint8Array;
  readonly firstScales: Float32Array;
  readonly secondCodes: Uint8Array;
  readonly secondScales: Float32Array;
}

/**
 * AdamW with 8-bit moments as an {@link Optimizer}; state: first_moment_codes.NAME (uint8), first_moment_scales.NAME
 * (float32, one a block), the same for the second moment, and AdamW's for small tensors.
 */
export function createAdamW8Bit(
  groups: readonly ParameterGroup[],
  parameters: Tensors,
  options: AdamW8BitOptions = {},
): Optimizer {
  const { blockSize = 256, minimumElements = 4096, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  checkAdamWOptions(options);
  if (!Number.isInteger(blockSize) || blockSize < 1) {
    throw new TuttiError("INVALID_ARGUMENT", `blockSize must be a positive integer, received ${blockSize}`);
  }
  const isLarge = (name: string): boolean => sizeOf(lookUp(parameters, name).shape) >= minimumElements;
  const small = groups.map((group) => ({ ...group, names: group.names.filter((name) => !isLarge(name)) }));
  const adamW = createAdamW(small, parameters, options);
  const moments = new Map<string, QuantizedMoments>();
  const state: Record<string, HostTensor> = { ...adamW.state };
  for (const name of groupedNames(groups).filter(isLarge)) {
    const made = createMoments(sizeOf(lookUp(parameters, name).shape), blockSize);
    moments.set(name, made);
    const add = (kind: string, dtype: "uint8" | "float32", data: Uint8Array | Float32Array): void => {
      state[`${kind}.${name}`] = { dtype, shape: [data.length], data };
    };
    add("first_moment_codes", "uint8", made.firstCodes);
    add("first_moment_scales", "float32", made.firstScales);
    add("second_moment_codes", "uint8", made.secondCodes);
    add("second_moment_scales", "float32", made.secondScales);
  }
  return {
    kind: `adamw-8bit(block ${blockSize})`,
    state,
    get steps() {
      return adamW.steps;
    },
    set steps(count) {
      adamW.steps = count;
    },
    async step(values, gradients, scaling) {
      const breathe = createBreather();
      await adamW.step(values, gradients, scaling);
      const correction1 = 1 - beta1 ** adamW.steps;
      const inverseRootCorrection2 = 1 / Math.sqrt(1 - beta2 ** adamW.steps);
      for (const { names, learningRate, weightDecay } of groups) {
        const rate = learningRate * scaling.multiplier;
        const constants = {
          gradientScale: scaling.gradientScale,
          beta1,
          beta2,
          epsilon,
          shrink: 1 - rate * weightDecay,
          stepSize: rate / correction1,
          inverseRootCorrection2,
        };
        for (const name of names.filter((candidate) => moments.has(candidate))) {
          const parameter = lookUp(values, name).data;
          const gradient = lookUp(gradients, name).data;
          const kept = moments.get(name)!;
          const update = (start: number, end: number): void =>
            updateBlocks(parameter, gradient, kept, { blockSize, start, end }, constants);
          await inPieces(breathe, kept.firstScales.length, update, 4 * blockSize);
        }
      }
    },
  };
}

function createMoments(elements: number, blockSize: number): QuantizedMoments {
  const blocks = Math.ceil(elements / blockSize);
  return {
    firstCodes: new Uint8Array(elements),
    firstScales: new Float32Array(blocks),
    secondCodes: new Uint8Array(elements),
    secondScales: new Float32Array(blocks),
  };
}

interface UpdateConstants {
  readonly gradientScale: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly shrink: number;
  readonly stepSize: number;
  readonly inverseRootCorrection2: number;
}

/** Updates the blocks start .. end. */
function updateBlocks(
  parameter: Float32Array,
  gradient: Float32Array,
  moments: QuantizedMoments,
  blocks: { readonly blockSize: number; readonly start: number; readonly end: number },
  constants: UpdateConstants,
): void {
  const { gradientScale, beta1, beta2, epsilon, shrink, stepSize, inverseRootCorrection2 } = constants;
  const { firstCodes, firstScales, secondCodes, secondScales } = moments;
  for (let block = blocks.start; block < blocks.end; block++) {
    const start = block * blocks.blockSize;
    const end = Math.min(start + blocks.blockSize, parameter.length);
    const first = new Float64Array(end - start);
    const second = new Float64Array(end - start);
    for (let index = start; index < end; index++) {
      const g = gradient[index]! * gradientScale;
      const restoredFirst = SIGNED_CODE.levels[firstCodes[index]!]! * firstScales[block]!;
      const restoredSecond = UNSIGNED_CODE.levels[secondCodes[index]!]! * secondScales[block]!;
      const m = beta1 * restoredFirst + (1 - beta1) * g;
      const v = beta2 * restoredSecond + (1 - beta2) * g * g;
      first[index - start] = m;
      second[index - start] = v;
      parameter[index] =
        parameter[index]! * shrink - (stepSize * m) / (Math.sqrt(v) * inverseRootCorrection2 + epsilon);
    }
    firstScales[block] = quantizeBlock(SIGNED_CODE, first, firstCodes.subarray(start, end), false);
    secondScales[block] = quantizeBlock(UNSIGNED_CODE, second, secondCodes.subarray(start, end), true);
  }
}
