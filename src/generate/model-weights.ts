/** What generation reads of a model, and how its graphs over caches use the weights. */
import { type Graph, inputName, type Value } from "../graph/ir.ts";
import {
  type CausalModel,
  causalParameterName,
  createCausalModel,
  type HuggingFaceConfig,
  isSeq2SeqConfig,
  openSeq2SeqModel,
  type Seq2SeqModel,
  type WeightPlan,
} from "../models/index.ts";
import { declareParameters, type ParameterValues, weightUses } from "../nn/index.ts";
import type { WeightSource } from "../weights/index.ts";
import { buildDecoderGraph } from "./decoder-graph.ts";
import { buildEncoderGraph, buildSeq2SeqDecoderGraph } from "./seq2seq-graph.ts";

/** A model and how a checkpoint holds its weights. */
export interface StoredModel {
  readonly model: CausalModel | Seq2SeqModel;
  readonly plan: WeightPlan;
}

/**
 * The model that a config.json and the tensors beside it describe.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH
 */
export function openStoredModel(config: HuggingFaceConfig, source: WeightSource): StoredModel {
  if (isSeq2SeqConfig(config)) {
    const { model, parameterNames } = openSeq2SeqModel(config, source);
    const graphs: BuildGraphs = (weights) =>
      [buildEncoderGraph, buildSeq2SeqDecoderGraph].map((build) => build(model, weights).graph);
    return { model, plan: planOf(model, (stored) => parameterNames.get(stored), graphs) };
  }
  const model = createCausalModel(config);
  const graphs: BuildGraphs = (weights) => [buildDecoderGraph(model, weights, 1).graph];
  return { model, plan: planOf(model, (stored) => causalParameterName(model, stored), graphs) };
}

/** The graphs that generation runs. */
type BuildGraphs = (weights: (graph: Graph) => ParameterValues) => readonly Graph[];

function planOf(
  model: CausalModel | Seq2SeqModel,
  nameOf: WeightPlan["nameOf"],
  buildGraphs: BuildGraphs,
): WeightPlan {
  return {
    specs: model.specs,
    nameOf,
    uses: () => {
      let head: Value | undefined;
      const graphs = buildGraphs((empty) => {
        const values = declareParameters(empty, model.specs);
        head = model.head(values);
        return values;
      });
      const nodes = graphs.flatMap((graph) => graph.nodes);
      return { ...weightUses(nodes, model.config.vocabularySize), head: inputName(head!) };
    },
  };
}
