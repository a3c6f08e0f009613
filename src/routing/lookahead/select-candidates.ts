/** The same model for its candidates in another order, or for some of them. */
import type { Parameters } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { type Float32Tensor, float32 } from "../../tensor/host-tensor.ts";
import { isSeparate } from "./rows.ts";
import type { LookaheadSettings } from "./settings.ts";

/**
 * Settings and parameters for the candidates at `indices`. Nothing is trained: identifiers, and rows of the output
 * layer where each candidate has its own, are picked.
 *
 * Scores follow their candidates under every permutation, and under clm, separate mlm and mlc stay what they were when
 * some leave. A joint mlm lets candidates see one another, so leaving some out changes the scores of the rest; running
 * positions depend on the order.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for fewer than two indices, a repeated one or one that is out of range
 */
export function selectCandidates(
  settings: LookaheadSettings,
  parameters: Parameters,
  indices: readonly number[],
): { readonly settings: LookaheadSettings; readonly parameters: Parameters } {
  const isLegal = indices.every((index) => Number.isInteger(index) && index in settings.candidates);
  if (indices.length < 2 || new Set(indices).size !== indices.length || !isLegal) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `candidates at ${indices.join(", ")}: expected two or more different indices below ${settings.candidates.length}`,
    );
  }
  const selected: LookaheadSettings = {
    ...settings,
    candidates: indices.map((index) => settings.candidates[index]!),
    candidateTokenIds:
      settings.variant === "mlc" ? [] : indices.map((index) => settings.candidateTokenIds[index]!),
  };
  if (settings.variant === "clm" || isSeparate(settings)) return { settings: selected, parameters };
  const rows = (name: string): Record<string, Float32Tensor> => ({
    [name]: selectRows(parameters[name]!, indices),
  });
  const output = { ...rows("routing.output.weight"), ...rows("routing.output.bias") };
  return { settings: selected, parameters: { ...parameters, ...output } };
}

function selectRows({ shape, data }: Float32Tensor, indices: readonly number[]): Float32Tensor {
  const [rows, ...rest] = shape;
  const width = data.length / rows!;
  const picked = new Float32Array(indices.length * width);
  for (const [place, index] of indices.entries())
    picked.set(data.subarray(index * width, (index + 1) * width), place * width);
  return float32([indices.length, ...rest], picked);
}
