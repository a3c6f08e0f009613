/**
 * Low-rank adapters of linear layers: LoRA (Hu et al., arXiv 2106.09685), rank-stabilised scale (Kalajdzievski,
 * arXiv 2312.03732) and DoRA (Liu et al., arXiv 2402.09353); conventions are those of the peft library.
 *
 *   LoRA   y = x W^T + s (drop(x) A^T) B^T + b,             s = alpha / r, or alpha / sqrt(r) rank-stabilised
 *   DoRA   y = m / |W + s B A| (x W^T + s (x A^T) B^T) + b,  |.| the norm of each row, held constant (section 4.3)
 *
 * W [F, H] frozen, A [r, H], B [F, r], m [F]. Under dropout DoRA's correction reads drop(x) throughout:
 * y = x W^T + (m / |.| - 1) drop(x) W^T + m / |.| s (drop(x) A^T) B^T + b.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { float32 } from "../tensor/host-tensor.ts";
import { dropout } from "./layers.ts";
import { adaptLinear, type LinearAdaptation } from "./linear-adaptation.ts";
import {
  initialiseParameters,
  type ParameterSpec,
  type ParameterSpecs,
  type Parameters,
  type ParameterValues,
} from "./parameters.ts";

/**
 * Which linear layers: every one but embeddings and output heads; those whose module name ends in one of the given
 * ones ("q_proj", "layers.0.mlp.up_proj"); or those whose whole module name matches a regular expression.
 */
export type LoraTargets = "all-linear" | readonly string[] | { readonly pattern: string };

export interface LoraConfig {
  /** Distinguishes adapters of one model: letters, digits, "-" and "_". */
  readonly name: string;
  /** r, at least 1. */
  readonly rank: number;
  readonly alpha: number;
  /** Scale alpha / sqrt(r) instead of alpha / r. @default false */
  readonly isRankStabilized?: boolean;
  /** Train the magnitude of each output too. @default false */
  readonly usesDora?: boolean;
  /** Probability that an element of the adapter's input is zeroed in training. @default 0 */
  readonly dropout?: number;
  readonly targets: LoraTargets;
}

/** The factor s. */
export function loraScale({ alpha, rank, isRankStabilized = false }: LoraConfig): number {
  return alpha / (isRankStabilized ? Math.sqrt(rank) : rank);
}

/** Full parameter names of one adapted layer. */
export function loraNames(module: string, { name }: Pick<LoraConfig, "name">) {
  return {
    a: `${module}.lora_A.${name}.weight`,
    b: `${module}.lora_B.${name}.weight`,
    magnitude: `${module}.lora_magnitude_vector.${name}.weight`,
  };
}

const WEIGHT = ".weight";
/** Matrices that are no linear layer of the hidden space: tables and output heads. */
const NOT_LINEAR =
  /embed|lm_head|^score\.|^shared\.|\bwte\b|\bwpe\b|decoder\.weight$|relative_attention_bias/i;

/**
 * The modules (parameter names without ".weight") that an adapter changes.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for a bad configuration, a pattern that does not parse, targets that
 *   match nothing, or DoRA on a matrix stored [inputs, outputs]
 */
export function loraModules(specs: ParameterSpecs, config: LoraConfig): string[] {
  checkConfig(config);
  const chosen = chooseModules(specs, config.targets);
  const inputsFirst = config.usesDora && chosen.find((module) => specs[module + WEIGHT]!.isInputsFirst);
  if (inputsFirst) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `DoRA cannot adapt "${inputsFirst}": its matrix is [inputs, outputs]`,
      {
        details: { module: inputsFirst },
        hint: "use LoRA, with or without rank stabilisation",
      },
    );
  }
  return chosen;
}

function chooseModules(specs: ParameterSpecs, targets: LoraTargets): string[] {
  const linear = Object.entries(specs)
    .filter(([name, { shape }]) => shape.length === 2 && name.endsWith(WEIGHT) && !NOT_LINEAR.test(name))
    .map(([name]) => name.slice(0, -WEIGHT.length));
  if (targets === "all-linear") return linear;
  const isTarget = "pattern" in targets ? matcherOf(targets.pattern) : endsInOneOf(targets);
  const chosen = linear.filter(isTarget);
  const unmatched =
    "pattern" in targets
      ? chosen.length === 0 && targets.pattern
      : targets.find((target) => !linear.some(endsInOneOf([target])));
  if (unmatched || chosen.length === 0) {
    const endings = [...new Set(linear.map((module) => module.split(".").at(-1)!))];
    throw new TuttiError("INVALID_ARGUMENT", `adapter target "${unmatched}" matches no linear layer`, {
      details: { target: unmatched, linearLayers: endings },
      hint: didYouMean(String(unmatched), endings) || `layers end in ${endings.join(", ")}`,
    });
  }
  return chosen;
}

function checkConfig({ name, rank, alpha, dropout: probability = 0 }: LoraConfig): void {
  const fail = (what: string, received: unknown): never => {
    throw new TuttiError("INVALID_ARGUMENT", `adapter: ${what}, received ${JSON.stringify(received)}`);
  };
  if (!/^[\w-]+$/.test(name)) fail("a name is letters, digits, - and _", name);
  if (!Number.isInteger(rank) || rank < 1) fail("rank must be a positive integer", rank);
  if (!(Number.isFinite(alpha) && alpha > 0)) fail("alpha must be above 0", alpha);
  if (!(probability >= 0 && probability < 1)) fail("dropout must be from 0 to below 1", probability);
}

const endsInOneOf =
  (targets: readonly string[]) =>
  (module: string): boolean =>
    targets.some((target) => module === target || module.endsWith(`.${target}`));

function matcherOf(pattern: string): (module: string) => boolean {
  try {
    const expression = new RegExp(`^(?:${pattern})$`);
    return (module) => expression.test(module);
  } catch (cause) {
    throw new TuttiError("INVALID_ARGUMENT", `adapter target pattern does not parse: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Sizes of a linear layer by the spec of its matrix. */
export function linearSizes({ shape, isInputsFirst }: ParameterSpec): { outputs: number; inputs: number } {
  const [rows, columns] = shape as [number, number];
  return isInputsFirst ? { outputs: columns, inputs: rows } : { outputs: rows, inputs: columns };
}

/** The adapter's own parameters. A starts uniform within 1 / sqrt(H), B at 0: the start changes nothing. */
export function loraSpecs(specs: ParameterSpecs, config: LoraConfig): ParameterSpecs {
  const added: Record<string, ParameterSpecs[string]> = {};
  for (const module of loraModules(specs, config)) {
    const { outputs, inputs } = linearSizes(specs[module + WEIGHT]!);
    const names = loraNames(module, config);
    // Kaiming uniform with a = sqrt(5): bound sqrt(6 / ((1 + 5) H)).
    added[names.a] = {
      shape: [config.rank, inputs],
      initial: { uniformBound: 1 / Math.sqrt(inputs) },
      decays: true,
    };
    added[names.b] = { shape: [outputs, config.rank], initial: { constant: 0 }, decays: true };
    if (config.usesDora) {
      added[names.magnitude] = { shape: [outputs], initial: { constant: 1 }, decays: false };
    }
  }
  return added;
}

/** Fresh adapter parameters over `base`; DoRA's magnitudes start at the row norms of W. */
export function initialiseLora(
  base: Parameters,
  specs: ParameterSpecs,
  config: LoraConfig,
  seed: number,
): Parameters {
  const parameters: Record<string, Parameters[string]> = {
    ...initialiseParameters(loraSpecs(specs, config), seed),
  };
  if (!config.usesDora) return parameters;
  for (const module of loraModules(specs, config)) {
    const weight = base[module + WEIGHT]!;
    const norms = rowNorms(weight.data, weight.shape[0]!);
    parameters[loraNames(module, config).magnitude] = float32([norms.length], norms);
  }
  return parameters;
}

/** Euclidean norm of each row. */
export function rowNorms(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let index = row * columns; index < (row + 1) * columns; index++) sum += matrix[index]! ** 2;
    return Math.sqrt(sum);
  });
}

/**
 * Parameter look-up under which models are built with adapters: hand it to the model in place of `parameters`.
 * Without adapters it removes those of an earlier look-up, so that one graph can hold both forms of a model.
 *
 * @param specs of the base model; `parameters` must know the adapters' parameters too
 * @param adapters several LoRA adapters add up; a DoRA adapter stands alone
 * @throws {TuttiError} INVALID_ARGUMENT when DoRA is combined, or names repeat
 */
export function withLora(
  parameters: ParameterValues,
  specs: ParameterSpecs,
  adapters: readonly LoraConfig[],
  { isTraining = false }: { readonly isTraining?: boolean } = {},
): ParameterValues {
  const repeated = adapters.find(({ name }, index) => adapters.findIndex((a) => a.name === name) !== index);
  if (repeated || (adapters.length > 1 && adapters.some(({ usesDora }) => usesDora))) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      repeated
        ? `two adapters are named "${repeated.name}"`
        : "a DoRA adapter cannot be combined with other adapters",
      { hint: repeated ? "give each its own name" : "merge one of them first" },
    );
  }
  const byModule = new Map<string, LoraConfig[]>();
  for (const adapter of adapters) {
    for (const module of loraModules(specs, adapter)) {
      byModule.set(module, [...(byModule.get(module) ?? []), adapter]);
    }
  }
  return (name) => {
    const value = parameters(name);
    const module = name.endsWith(WEIGHT) ? name.slice(0, -WEIGHT.length) : name;
    const active = byModule.get(module);
    adaptLinear(value, active && adaptation(parameters, module, active, isTraining));
    return value;
  };
}

function adaptation(
  parameters: ParameterValues,
  module: string,
  adapters: readonly LoraConfig[],
  isTraining: boolean,
): LinearAdaptation {
  return (x, weight, product) =>
    adapters.reduce((sum, config) => {
      const names = loraNames(module, config);
      const probability = isTraining ? (config.dropout ?? 0) : 0;
      const input = dropout(x, probability);
      const [a, b] = [parameters(names.a), parameters(names.b)];
      const scale = loraScale(config);
      const low = ops.matmul(input, a, { transposeB: true });
      const delta = ops.matmul(low, b, { transposeB: true, alpha: scale });
      if (!config.usesDora) return ops.add(sum, delta);
      const factor = doraFactor(weight, a, b, scale, parameters(names.magnitude));
      if (probability === 0) return ops.mul(ops.add(sum, delta), factor);
      const dropped = ops.matmul(input, weight, { transposeB: true });
      const correction = ops.mul(dropped, ops.sub(factor, ops.scalarLike(factor, 1)));
      return ops.add(sum, ops.add(correction, ops.mul(delta, factor)));
    }, product);
}

/** m / |W + s B A| [F]. */
function doraFactor(weight: Value, a: Value, b: Value, scale: number, magnitude: Value): Value {
  const adapted = ops.add(weight, ops.matmul(b, a, { alpha: scale }));
  const squares = ops.reshape(ops.reduceSum(ops.mul(adapted, adapted), [1]), magnitude.shape);
  return ops.div(magnitude, ops.stopGradient(ops.sqrt(squares)));
}
