/**
 * Muon: momentum whose matrices are orthogonalised before the step (Jordan 2024; Liu et al., arXiv 2502.16982;
 * the order of operations is torch.optim.Muon's). Hidden matrices only; everything else is AdamW's.
 *
 *   b <- b + (1 - momentum) (g - b);  u = g + momentum (b - g) with Nesterov's look-ahead, else b
 *   p <- p (1 - lr decay) - lr ratio orthogonal(u)
 *
 * ratio: 0.2 sqrt(max(rows, columns)) gives updates of the size that AdamW's have, so that one learning rate
 * serves both ("match-rms-adamw"); sqrt(max(1, rows / columns)) is "original".
 */
import { TuttiError } from "../support/errors.ts";
import { type Breathe, createBreather, inPieces } from "../support/event-loop.ts";
import { type Float32Tensor, float32, zeros } from "../tensor/host-tensor.ts";
import { type AdamWOptions, createAdamW } from "./adamw.ts";
import {
  groupedNames,
  lookUp,
  type Optimizer,
  type ParameterGroup,
  requireShare,
  type Tensors,
} from "./optimizer.ts";

export interface MuonOptions {
  /** @default 0.95 */
  readonly momentum?: number;
  /** @default true */
  readonly isNesterov?: boolean;
  /** @default "match-rms-adamw" */
  readonly learningRateRatio?: "match-rms-adamw" | "original";
  /** Which parameters Muon updates. @default two-dimensional ones that are no embedding and no output head */
  readonly matrixNames?: readonly string[];
  /** For all other parameters. */
  readonly adamW?: AdamWOptions;
}

/** Runs {@link newtonSchulz} on host values. */
export type Orthogonalize = (matrix: Float32Tensor) => Promise<Float32Tensor>;

/** Embedding tables and output heads: matrices whose rows stand for classes, not for a hidden space. */
const CLASS_MATRIX = /embed|lm_head|classifier|\bwte\b|\bwpe\b|decoder\.weight$|routing\.output/i;

/**
 * Muon as an {@link Optimizer}; state: momentum.NAME, and AdamW's for the other parameters.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when a name in matrixNames is not a two-dimensional parameter of a group
 */
export function createMuon(
  groups: readonly ParameterGroup[],
  parameters: Tensors,
  orthogonalize: Orthogonalize,
  options: MuonOptions = {},
): Optimizer {
  const { momentum = 0.95, isNesterov = true, learningRateRatio = "match-rms-adamw" } = options;
  requireShare("Muon momentum", momentum);
  const matrices = matrixNames(groups, parameters, options.matrixNames);
  const others = groups.map((group) => ({
    ...group,
    names: group.names.filter((name) => !matrices.has(name)),
  }));
  const adamW = createAdamW(others, parameters, options.adamW);
  const buffers: Record<string, Float32Tensor> = {};
  for (const name of matrices) {
    buffers[`momentum.${name}`] = zeros("float32", lookUp(parameters, name).shape) as Float32Tensor;
  }
  const updateMatrix = async (
    parameter: Float32Tensor,
    gradient: Float32Array,
    buffer: Float32Array,
    { gradientScale, rate, weightDecay }: { gradientScale: number; rate: number; weightDecay: number },
    breathe: Breathe,
  ): Promise<void> => {
    const direction = new Float32Array(gradient.length);
    await inPieces(breathe, gradient.length, (start, end) => {
      for (let index = start; index < end; index++) {
        const g = gradient[index]! * gradientScale;
        const b = buffer[index]! + (1 - momentum) * (g - buffer[index]!);
        buffer[index] = b;
        direction[index] = isNesterov ? g + momentum * (b - g) : b;
      }
    });
    const { data } = await orthogonalize(float32(parameter.shape, direction));
    const stepSize = rate * ratio(parameter.shape, learningRateRatio);
    const shrink = 1 - rate * weightDecay;
    await inPieces(breathe, data.length, (start, end) => {
      for (let index = start; index < end; index++) {
        parameter.data[index] = parameter.data[index]! * shrink - stepSize * data[index]!;
      }
    });
  };
  return {
    kind: "muon",
    state: { ...adamW.state, ...buffers },
    get steps() {
      return adamW.steps;
    },
    set steps(count) {
      adamW.steps = count;
    },
    async step(values, gradients, scaling) {
      const breathe = createBreather();
      await adamW.step(values, gradients, scaling);
      for (const { names, learningRate, weightDecay } of groups) {
        for (const name of names.filter((candidate) => matrices.has(candidate))) {
          await updateMatrix(
            lookUp(values, name),
            lookUp(gradients, name).data,
            buffers[`momentum.${name}`]!.data,
            {
              gradientScale: scaling.gradientScale,
              rate: learningRate * scaling.multiplier,
              weightDecay,
            },
            breathe,
          );
        }
      }
    },
  };
}

function ratio(shape: readonly number[], kind: "match-rms-adamw" | "original"): number {
  const [rows, columns] = shape as [number, number];
  return kind === "original"
    ? Math.sqrt(Math.max(1, rows / columns))
    : 0.2 * Math.sqrt(Math.max(rows, columns));
}

function matrixNames(
  groups: readonly ParameterGroup[],
  parameters: Tensors,
  chosen: readonly string[] | undefined,
): ReadonlySet<string> {
  const names = groupedNames(groups);
  const isMatrix = (name: string): boolean => lookUp(parameters, name).shape.length === 2;
  if (!chosen) return new Set(names.filter((name) => isMatrix(name) && !CLASS_MATRIX.test(name)));
  const wrong = chosen.find((name) => !names.includes(name) || !isMatrix(name));
  if (wrong !== undefined) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `Muon: matrixNames has "${wrong}", which is not a two-dimensional parameter of an optimiser group`,
      { details: { name: wrong }, hint: "list matrices that are trained; AdamW updates the rest" },
    );
  }
  return new Set(chosen);
}
