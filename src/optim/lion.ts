/**
 * Lion: the sign of an interpolated momentum (Chen et al., arXiv 2302.06675, algorithm 2).
 *
 *   p <- p (1 - lr decay) - lr sign(b1 m + (1 - b1) g)
 *   m <- b2 m + (1 - b2) g
 *
 * Every element moves by the same amount: learning rates are three to ten times smaller than AdamW's, and
 * weight decay as many times larger. One moment instead of two.
 */
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

export interface LionOptions {
  /** @default 0.9 */
  readonly beta1?: number;
  /** @default 0.99 */
  readonly beta2?: number;
}

/** Lion as an {@link Optimizer}; state: first_moment.NAME. */
export function createLion(
  groups: readonly ParameterGroup[],
  parameters: Tensors,
  { beta1 = 0.9, beta2 = 0.99 }: LionOptions = {},
): Optimizer {
  requireShare("Lion beta1", beta1);
  requireShare("Lion beta2", beta2);
  const moments = Object.fromEntries(
    groupedNames(groups).map((name) => [
      `first_moment.${name}`,
      zeros("float32", lookUp(parameters, name).shape) as Float32Tensor,
    ]),
  );
  return {
    kind: "lion",
    state: moments,
    steps: 0,
    async step(values, gradients, { gradientScale, multiplier }) {
      const breathe = createBreather();
      this.steps++;
      for (const { names, learningRate, weightDecay } of groups) {
        const stepSize = learningRate * multiplier;
        const shrink = 1 - stepSize * weightDecay;
        for (const name of names) {
          const parameter = lookUp(values, name).data;
          const gradient = lookUp(gradients, name).data;
          const moment = moments[`first_moment.${name}`]!.data;
          await inPieces(breathe, parameter.length, (start, end) => {
            for (let index = start; index < end; index++) {
              const g = gradient[index]! * gradientScale;
              const m = moment[index]!;
              const direction = Math.sign(beta1 * m + (1 - beta1) * g);
              parameter[index] = parameter[index]! * shrink - stepSize * direction;
              moment[index] = beta2 * m + (1 - beta2) * g;
            }
          });
        }
      }
    },
  };
}
