/**
 * From token ids to embeddings as one graph with symbolic sizes: hidden states, pooling, dense layers, scaling.
 *
 * B rows, T tokens of each, H hidden size, W weighted pooling modes, E embedding dimension.
 */
import * as ops from "../graph/functions.ts";
import { Graph, type Value } from "../graph/ir.ts";
import { linear, matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/index.ts";
import type { Backbone, BackboneInputs } from "./backbone.ts";
import { noPadding } from "./backbone.ts";
import type { Activation, DenseStage, EmbeddingPipeline } from "./pipeline.ts";
import { weightedModes } from "./pooling.ts";

export interface EmbeddingGraphInputs extends BackboneInputs {
  /** f32 [B, W, T], see pooling.ts; 0 on padding. Not read where W is 0. */
  readonly poolingWeights: Value;
  /** f32 [B, T, 1] or broadcasting to it: 0 for tokens that "max" looks at, very negative for others. */
  readonly poolingBias: Value;
}

/** torch.nn.functional.normalize's guard against vectors of length 0. */
const SMALLEST_LENGTH = 1e-12;

const denseName = (index: number, part: "weight" | "bias"): string => `stages.${index}.linear.${part}`;

/** Parameters of the stages behind the pooling. */
export function stageSpecs(pipeline: EmbeddingPipeline): ParameterSpecs {
  const specs: Record<string, ParameterSpecs[string]> = {};
  for (const [index, stage] of pipeline.stages.entries()) {
    if (stage.kind !== "dense") continue;
    specs[denseName(index, "weight")] = matrix(stage.outputs, stage.inputs, 0.02);
    if (stage.hasBias) specs[denseName(index, "bias")] = vector(stage.outputs, 0);
  }
  return specs;
}

/** The name in {@link stageSpecs} of a tensor of the stage's own file. */
export const stageParameterName = (index: number, stored: string): string => `stages.${index}.${stored}`;

const ACTIVATE: Readonly<Record<Activation, (x: Value) => Value>> = {
  Identity: (x) => x,
  Tanh: ops.tanh,
  ReLU: ops.relu,
  GELU: ops.gelu,
  Sigmoid: ops.sigmoid,
  SiLU: ops.silu,
};

function dense(parameters: ParameterValues, index: number, stage: DenseStage, x: Value): Value {
  const bias = stage.hasBias ? parameters(denseName(index, "bias")) : undefined;
  return ACTIVATE[stage.activation](linear(x, parameters(denseName(index, "weight")), bias));
}

/** x / max(|x|, 1e-12) of each row. */
function normalise(x: Value): Value {
  const length = ops.sqrt(ops.reduceSum(ops.mul(x, x), [-1]));
  const least = ops.scalarLike(x, SMALLEST_LENGTH);
  return ops.div(x, ops.add(ops.relu(ops.sub(length, least)), least));
}

/** Hidden states [B, T, H] -> one vector a row, the modes side by side. */
function pool(pipeline: EmbeddingPipeline, hidden: Value, inputs: EmbeddingGraphInputs): Value {
  const { poolingWeights, poolingBias } = inputs;
  const [batch, , width] = hidden.shape as [Value["shape"][number], unknown, number];
  const weighted = weightedModes(pipeline.pooling);
  const maximum = (): Value => ops.reshape(ops.reduceMax(ops.add(hidden, poolingBias), [1]), [batch, width]);
  if (weighted.length === 0) return maximum();
  const sums = ops.matmul(poolingWeights, hidden);
  if (weighted.length === pipeline.pooling.length) return ops.reshape(sums, [batch, weighted.length * width]);
  const rowOf = (mode: (typeof weighted)[number]): Value => {
    const row = weighted.indexOf(mode);
    return ops.reshape(ops.slice(sums, 1, row, row + 1), [batch, width]);
  };
  return ops.concat(
    pipeline.pooling.map((mode) => (mode === "max" ? maximum() : rowOf(mode))),
    1,
  );
}

/** Embeddings f32 [B, E]. */
export function embeddings(
  backbone: Backbone,
  pipeline: EmbeddingPipeline,
  parameters: ParameterValues,
  inputs: EmbeddingGraphInputs,
): Value {
  const pooled = pool(pipeline, backbone.hidden(parameters, inputs), inputs);
  return pipeline.stages.reduce(
    (x, stage, index) => (stage.kind === "dense" ? dense(parameters, index, stage, x) : normalise(x)),
    pooled,
  );
}

export interface EmbeddingGraph {
  readonly graph: Graph;
  readonly outputs: { readonly embeddings: Value };
}

/**
 * The graph for rows of equal length, which need neither padding nor masks. Inputs: ids and positions i32 [B, T],
 * pooling_weights f32 [B, W, T], pooling_bias f32 [B, T, 1], and what `weights` declares; those that the pipeline does
 * not read are left out of the executable.
 *
 * @param positions no position id is as large
 */
export function buildEmbeddingGraph(
  backbone: Backbone,
  pipeline: EmbeddingPipeline,
  weights: (graph: Graph) => ParameterValues,
  positions: number,
): EmbeddingGraph {
  const graph = new Graph();
  const parameters = weights(graph);
  const inputIds = graph.input("ids", "int32", ["batch", "tokens"]);
  const inputs = {
    inputIds,
    positionIds: graph.input("positions", "int32", ["batch", "tokens"]),
    paddingBias: noPadding(inputIds),
    positions,
    poolingWeights: graph.input("pooling_weights", "float32", [
      "batch",
      weightedModes(pipeline.pooling).length,
      "tokens",
    ]),
    poolingBias: graph.input("pooling_bias", "float32", ["batch", "tokens", 1]),
  };
  return { graph, outputs: { embeddings: embeddings(backbone, pipeline, parameters, inputs) } };
}
