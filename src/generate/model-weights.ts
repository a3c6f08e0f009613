/** What generation reads of a model, and how its graph over a key/value cache uses the weights. */
import { inputName } from "../graph/ir.ts";
import { type CausalModel, causalParameterName, type WeightPlan } from "../models/index.ts";
import { declareParameters, weightUses } from "../nn/index.ts";
import { buildDecoderGraph } from "./decoder-graph.ts";

export function generationWeightPlan(model: CausalModel): WeightPlan {
  return {
    specs: model.specs,
    nameOf: (stored) => causalParameterName(model, stored),
    uses: () => {
      let head = "";
      const { graph } = buildDecoderGraph(
        model,
        (empty) => {
          const values = declareParameters(empty, model.specs);
          head = inputName(model.head(values));
          return values;
        },
        1,
      );
      return { ...weightUses(graph.nodes, model.config.vocabularySize), head };
    },
  };
}
