/**
 * A latent router as graph over the prompt's embedding, so that it can be exported as one file with its encoder.
 *
 * B prompts, D dimension, K tasks, C candidates.
 */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import { linear, matrix, type ParameterValues, vector } from "../../nn/index.ts";
import type { EmbeddingHeads } from "../export/embedding-graph.ts";
import type { LatentParts } from "./latent-router.ts";
import type { Part } from "./settings.ts";

/** The smallest squared length that is divided by: a prompt at the mean of all prompts has no direction. */
const SMALLEST_SQUARE = 1e-24;

/** Output 0 of a part for all tasks and candidates, [K x C, D] and [K x C], tasks outermost. */
function stacked({ tasks, candidates }: LatentParts, part: Part, dimension: number) {
  const weights = new Float32Array(tasks.length * candidates.length * dimension);
  const biases = new Float32Array(tasks.length * candidates.length);
  for (let task = 0; task < tasks.length; task++) {
    for (const [column, { heads }] of candidates.entries()) {
      const row = task * candidates.length + column;
      const head = heads[part][task]!;
      weights.set(head.weights.subarray(0, dimension), row * dimension);
      biases[row] = head.biases[0]!;
    }
  }
  return { weights, biases };
}

/** f32 [B, C]: sum over tasks of p(task) x head. */
function mixed(probabilities: Value, outputs: Value, tasks: number, candidates: number): Value {
  const batch = outputs.shape[0]!;
  const perTask = ops.reshape(outputs, [batch, tasks, candidates]);
  const weighted = ops.mul(perTask, ops.reshape(probabilities, [batch, tasks, 1]));
  return ops.reshape(ops.reduceSum(weighted, [1]), [batch, candidates]);
}

/** Scores and expected quality. Lengths and forms of answers stay with the router itself. */
export function latentHeads(parts: LatentParts, dimension: number): EmbeddingHeads {
  const { standardisation, posterior, tasks, candidates } = parts;
  const rows = tasks.length * candidates.length;
  const utility = stacked(parts, "utility", dimension);
  const quality = stacked(parts, "quality", dimension);
  const values: Record<string, Float32Array> = {
    "latent.mean": Float32Array.from(standardisation.mean),
    "latent.scale": Float32Array.from(standardisation.deviation, (deviation) => 1 / deviation),
    "latent.tasks.weight": Float32Array.from(posterior.weights),
    "latent.tasks.bias": Float32Array.from(posterior.biases),
    "latent.utility.weight": utility.weights,
    "latent.utility.bias": utility.biases,
    "latent.quality.weight": quality.weights,
    "latent.quality.bias": quality.biases,
  };
  return {
    kind: "latent",
    candidates: candidates.map(({ name }) => name),
    specs: {
      "latent.mean": vector(dimension, 0),
      "latent.scale": vector(dimension, 0),
      "latent.tasks.weight": matrix(tasks.length, dimension, 0),
      "latent.tasks.bias": vector(tasks.length, 0),
      "latent.utility.weight": matrix(rows, dimension, 0),
      "latent.utility.bias": vector(rows, 0),
      "latent.quality.weight": matrix(rows, dimension, 0),
      "latent.quality.bias": vector(rows, 0),
    },
    values: (name) => values[name]!,
    outputs: {
      scores: { meaning: "expected utility per candidate, in spreads of its benchmark; higher is better" },
      quality: { meaning: "expected quality of each candidate's answer, 0 to 1, not calibrated" },
    },
    build: (parameters, embedding) => {
      const x = features(parameters, embedding);
      const of = (name: string): Value =>
        linear(x, parameters(`latent.${name}.weight`), parameters(`latent.${name}.bias`));
      const probabilities = ops.softmax(of("tasks"));
      const expected = mixed(probabilities, of("quality"), tasks.length, candidates.length);
      return {
        scores: mixed(probabilities, of("utility"), tasks.length, candidates.length),
        quality: clamped(expected),
      };
    },
  };
}

/** z / |z|, z = (x - mean) / deviation */
function features(parameters: ParameterValues, embedding: Value): Value {
  const z = ops.mul(ops.sub(embedding, parameters("latent.mean")), parameters("latent.scale"));
  const square = ops.reduceSum(ops.mul(z, z), [-1]);
  const least = ops.scalarLike(square, SMALLEST_SQUARE);
  return ops.div(z, ops.sqrt(ops.where(ops.greater(square, least), square, least)));
}

/** Into [0, 1]. */
function clamped(x: Value): Value {
  const [zero, one] = [ops.scalarLike(x, 0), ops.scalarLike(x, 1)];
  const positive = ops.where(ops.greater(x, zero), x, zero);
  return ops.where(ops.greater(one, positive), positive, one);
}
