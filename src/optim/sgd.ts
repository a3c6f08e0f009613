/**
 * Stochastic gradient descent with momentum (Sutskever et al., ICML 2013), in the form of torch.optim.SGD:
 *
 *   g <- g + decay p
 *   b <- momentum b + g          (b = g at the first step)
 *   p <- p - lr (g + momentum b) with Nesterov's look-ahead, else p - lr b
 *
 * Weight decay is coupled: it passes through the momentum, unlike AdamW's.
 */

import { TuttiError } from "../support/errors.ts";
import { createBreather, inPieces } from "../support/event-loop.ts";
import { type Float32Tensor, zeros } from "../tensor/host-tensor.ts";
import {
  groupedNames,
  lookUp,
  type Optimizer,
  type ParameterGroup,
  requireShare,
  type Tensors,
} from "./optimizer.ts";

export interface SgdOptions {
  /** @default 0, which keeps no state */
  readonly momentum?: number;
  /** @default false */
  readonly isNesterov?: boolean;
}

/** SGD as an {@link Optimizer}; state: momentum.NAME, none without momentum. */
export function createSgd(
  groups: readonly ParameterGroup[],
  parameters: Tensors,
  { momentum = 0, isNesterov = false }: SgdOptions = {},
): Optimizer {
  requireShare("SGD momentum", momentum);
  if (isNesterov && momentum === 0) {
    throw new TuttiError("INVALID_ARGUMENT", "Nesterov's look-ahead needs a momentum above 0, received 0");
  }
  const buffers: Record<string, Float32Tensor> = {};
  if (momentum > 0) {
    for (const name of groupedNames(groups)) {
      buffers[`momentum.${name}`] = zeros("float32", lookUp(parameters, name).shape) as Float32Tensor;
    }
  }
  return {
    kind: momentum > 0 ? "sgd-momentum" : "sgd",
    state: buffers,
    steps: 0,
    async step(values, gradients, { gradientScale, multiplier }) {
      const breathe = createBreather();
      const isFirst = this.steps++ === 0;
      for (const { names, learningRate, weightDecay } of groups) {
        for (const name of names) {
          const constants = {
            gradientScale,
            stepSize: learningRate * multiplier,
            weightDecay,
            momentum,
            isNesterov,
            kept: isFirst ? 0 : momentum,
          };
          const parameter = lookUp(values, name).data;
          const gradient = lookUp(gradients, name).data;
          const buffer = buffers[`momentum.${name}`]?.data;
          await inPieces(breathe, parameter.length, (start, end) => {
            updatePiece(
              parameter.subarray(start, end),
              gradient.subarray(start, end),
              buffer?.subarray(start, end),
              constants,
            );
          });
        }
      }
    },
  };
}

interface UpdateConstants {
  readonly gradientScale: number;
  readonly stepSize: number;
  readonly weightDecay: number;
  readonly momentum: number;
  readonly isNesterov: boolean;
  /** The factor on the buffer: 0 at the first step. */
  readonly kept: number;
}

function updatePiece(
  parameter: Float32Array,
  gradient: Float32Array,
  buffer: Float32Array | undefined,
  { gradientScale, stepSize, weightDecay, momentum, isNesterov, kept }: UpdateConstants,
): void {
  for (let index = 0; index < parameter.length; index++) {
    const p = parameter[index]!;
    const g = gradient[index]! * gradientScale + weightDecay * p;
    let direction = g;
    if (buffer) {
      const b = kept * buffer[index]! + g;
      buffer[index] = b;
      direction = isNesterov ? g + momentum * b : b;
    }
    parameter[index] = p - stepSize * direction;
  }
}
