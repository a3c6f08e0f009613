/**
 * AdamW on host memory: adaptive moments with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101,
 * algorithm 2; the order of operations is that of torch.optim.AdamW).
 *
 *   p <- p (1 - lr decay)
 *   m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2
 *   p <- p - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + epsilon)
 */
import { createBreather, inPieces } from "../support/event-loop.ts";
import type { Float32Tensor } from "../tensor/host-tensor.ts";
import {
  type Arrays,
  groupedNames,
  lookUp,
  type Optimizer,
  type ParameterGroup,
  requireNonNegative,
  requireShare,
  type Tensors,
} from "./optimizer.ts";
import { add, div, mul, sqrt, sub, vectorKernel } from "./simd/vector-kernel.ts";

export interface AdamWOptions {
  /** @default 0.9 */
  readonly beta1?: number;
  /** @default 0.999 */
  readonly beta2?: number;
  /** @default 1e-8 */
  readonly epsilon?: number;
}

/** Moments and step count: what a checkpoint must hold. */
export interface AdamWState {
  readonly firstMoments: Arrays;
  readonly secondMoments: Arrays;
  /** Updates made so far. */
  step: number;
}

/** Zero moments for the parameters of all groups. */
export function createAdamWState(groups: readonly ParameterGroup[], parameters: Arrays): AdamWState {
  const zeros = (): Arrays =>
    Object.fromEntries(
      groupedNames(groups).map((name) => [name, new Float32Array(lookUp(parameters, name).length)]),
    );
  return { firstMoments: zeros(), secondMoments: zeros(), step: 0 };
}

/**
 * One update in place of parameters and state.
 *
 * @param gradientScale multiplies every gradient first: the factor of global-norm clipping
 * @param multiplier the schedule's factor on every group's learning rate
 */
export async function adamWStep(
  groups: readonly ParameterGroup[],
  parameters: Arrays,
  gradients: Arrays,
  state: AdamWState,
  { gradientScale, multiplier }: { readonly gradientScale: number; readonly multiplier: number },
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions = {},
): Promise<void> {
  const breathe = createBreather();
  state.step++;
  const correction1 = 1 - beta1 ** state.step;
  const inverseRootCorrection2 = 1 / Math.sqrt(1 - beta2 ** state.step);
  for (const group of groups) {
    const learningRate = group.learningRate * multiplier;
    const constants = {
      gradientScale,
      beta1,
      rest1: 1 - beta1,
      beta2,
      rest2: 1 - beta2,
      epsilon,
      shrink: 1 - learningRate * group.weightDecay,
      stepSize: learningRate / correction1,
      inverseRootCorrection2,
    };
    for (const name of group.names) {
      const parameter = lookUp(parameters, name);
      const gradient = lookUp(gradients, name);
      const firstMoment = lookUp(state.firstMoments, name);
      const secondMoment = lookUp(state.secondMoments, name);
      await inPieces(breathe, parameter.length, (start, end) => {
        updatePiece(
          {
            parameter: parameter.subarray(start, end),
            gradient: gradient.subarray(start, end),
            firstMoment: firstMoment.subarray(start, end),
            secondMoment: secondMoment.subarray(start, end),
          },
          constants,
        );
      });
    }
  }
}

/** float32 throughout, as torch.optim.AdamW computes it. */
const updatePiece = vectorKernel(
  ["parameter", "gradient", "firstMoment", "secondMoment"],
  [
    "gradientScale",
    "beta1",
    "rest1",
    "beta2",
    "rest2",
    "epsilon",
    "shrink",
    "stepSize",
    "inverseRootCorrection2",
  ],
  ({ arrays, scalars, keep }) => {
    const g = keep(mul(arrays.gradient, scalars.gradientScale));
    const m = keep(add(mul(arrays.firstMoment, scalars.beta1), mul(g, scalars.rest1)));
    const v = keep(add(mul(arrays.secondMoment, scalars.beta2), mul(mul(g, g), scalars.rest2)));
    const denominator = add(mul(sqrt(v), scalars.inverseRootCorrection2), scalars.epsilon);
    const step = div(mul(m, scalars.stepSize), denominator);
    return { firstMoment: m, secondMoment: v, parameter: sub(mul(arrays.parameter, scalars.shrink), step) };
  },
);

/** AdamW as an {@link Optimizer}; state: first_moment.NAME and second_moment.NAME. */
export function createAdamW(
  groups: readonly ParameterGroup[],
  parameters: Tensors,
  options: AdamWOptions = {},
): Optimizer {
  checkAdamWOptions(options);
  const state = createAdamWState(groups, arraysOf(parameters));
  const tensors: Record<string, Float32Tensor> = {};
  for (const name of groupedNames(groups)) {
    const { shape } = lookUp(parameters, name);
    tensors[`first_moment.${name}`] = { dtype: "float32", shape, data: state.firstMoments[name]! };
    tensors[`second_moment.${name}`] = { dtype: "float32", shape, data: state.secondMoments[name]! };
  }
  return {
    kind: "adamw",
    state: tensors,
    get steps() {
      return state.step;
    },
    set steps(count) {
      state.step = count;
    },
    step: (values, gradients, scaling) =>
      adamWStep(groups, arraysOf(values), arraysOf(gradients), state, scaling, options),
  };
}

/** @throws {TuttiError} INVALID_ARGUMENT */
export function checkAdamWOptions({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions): void {
  requireShare("AdamW beta1", beta1);
  requireShare("AdamW beta2", beta2);
  requireNonNegative("AdamW epsilon", epsilon);
}

const arraysOf = (tensors: Tensors): Arrays =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
