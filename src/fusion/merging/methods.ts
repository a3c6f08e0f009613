/** The merging methods by name, with their parameters. */
import { TuttiError } from "../../support/errors.ts";
import { type DareOptions, dareMerge } from "./methods/dare.ts";
import { linearMerge } from "./methods/linear.ts";
import { type SceOptions, sceMerge } from "./methods/sce.ts";
import { slerpMerge } from "./methods/slerp.ts";
import { taskArithmeticMerge } from "./methods/task-arithmetic.ts";
import { type TiesOptions, tiesMerge } from "./methods/ties.ts";
import { varmMerge } from "./methods/varm.ts";
import type { MergeMethod } from "./pieces.ts";

/** A method with all that it depends on, but for the models and their weights. */
export type MergeSettings =
  | { readonly method: "linear"; readonly isNormalised: boolean }
  | { readonly method: "task-arithmetic"; readonly isNormalised: boolean; readonly scale: number }
  | ({ readonly method: "ties" } & TiesOptions)
  | ({ readonly method: "dare-ties" | "dare-linear" } & DareOptions)
  | ({ readonly method: "sce" } & SceOptions)
  | { readonly method: "varm"; readonly weightFloor: number }
  | { readonly method: "slerp"; readonly t: number };

export type MergeMethodName = MergeSettings["method"];

export const MERGE_METHODS = [
  "sce",
  "varm",
  "ties",
  "dare-ties",
  "dare-linear",
  "task-arithmetic",
  "linear",
  "slerp",
] as const satisfies readonly MergeMethodName[];

/** Methods that find the weights of the models themselves, or need none. */
const UNWEIGHTED: readonly MergeMethodName[] = ["sce", "varm", "slerp"];

function refuse(problem: string, hint: string): never {
  throw new TuttiError("INVALID_ARGUMENT", problem, { hint });
}

function checkWeights(settings: MergeSettings, weights: readonly number[]): void {
  const { method } = settings;
  const least = method === "sce" ? 2 : 1;
  if (weights.length < least)
    refuse(`${method} merges ${weights.length} models, expected at least ${least}`, "name more models");
  if (method === "slerp" && weights.length !== 1)
    refuse(`slerp goes from the base to one model, received ${weights.length}`, "name one model");
  if (!weights.every(Number.isFinite))
    refuse(`weights are ${weights.join(", ")}, expected numbers`, "give every model a weight such as 0.5");
  if (UNWEIGHTED.includes(method) && weights.some((weight) => weight !== 1))
    refuse(`${method} takes no weights, received ${weights.join(", ")}`, "leave the weights out");
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (method === "linear" && settings.isNormalised && Math.abs(sum) < 1e-8)
    refuse(`weights add up to ${sum}, so there is no mean`, "change the weights, or do not normalise");
}

function checkNumbers(settings: MergeSettings): void {
  const within = (name: string, value: number, least: number, most: number): void => {
    if (value >= least && value <= most) return;
    refuse(`${name} of ${settings.method} is ${value}, expected ${least} to ${most}`, "correct it");
  };
  if ("density" in settings) within("density", settings.density, 2 ** -16, 1);
  if ("t" in settings) within("t", settings.t, 0, 1);
  if ("weightFloor" in settings) within("weightFloor", settings.weightFloor, 0, Number.MAX_VALUE);
  if ("scale" in settings) within("scale", settings.scale, -Number.MAX_VALUE, Number.MAX_VALUE);
  if (
    "seed" in settings &&
    !(Number.isInteger(settings.seed) && settings.seed >= 0 && settings.seed < 2 ** 32)
  )
    refuse(`seed is ${settings.seed}, expected a whole number below 2^32`, "give another seed");
}

/**
 * The method of the settings for models of these weights.
 *
 * @throws {TuttiError} INVALID_ARGUMENT: too few models, weights where the method takes none, or a number out of its range
 */
export function createMergeMethod(settings: MergeSettings, weights: readonly number[]): MergeMethod {
  checkWeights(settings, weights);
  checkNumbers(settings);
  switch (settings.method) {
    case "linear":
      return linearMerge(weights, settings.isNormalised);
    case "task-arithmetic":
      return taskArithmeticMerge(weights, settings);
    case "ties":
      return tiesMerge(weights, settings);
    case "dare-ties":
      return dareMerge("signs", weights, settings);
    case "dare-linear":
      return dareMerge("none", weights, settings);
    case "sce":
      return sceMerge(weights.length, settings);
    case "varm":
      return varmMerge(weights.length, settings.weightFloor);
    case "slerp":
      return slerpMerge(settings.t);
  }
}
