/** Sequence classification as a training task: which half of the vocabulary the tokens of a row come from. */
import { crossEntropy } from "../../src/losses/index.ts";
import {
  createCausalModel,
  lastTokenWeights,
  sequenceClassifierLogits,
  sequenceClassifierSpecs,
} from "../../src/models/index.ts";
import { causalBias } from "../../src/nn/index.ts";
import { int32 } from "../../src/tensor/host-tensor.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import type { TrainingTask } from "../../src/train/index.ts";

const [BATCH, TOKENS, VOCABULARY, LABELS] = [4, 12, 64, 2];

const model = createCausalModel({
  model_type: "llama",
  vocab_size: VOCABULARY,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: TOKENS,
  tie_word_embeddings: true,
  initializer_range: 0.4,
});

export const classificationTask: TrainingTask = {
  specs: sequenceClassifierSpecs(model, LABELS),
  build: (graph, parameters) => {
    const hidden = model.decoder(parameters, {
      inputIds: graph.input("input_ids", "int32", [BATCH, TOKENS]),
      positionIds: graph.input("position_ids", "int32", [BATCH, TOKENS]),
      attentionBias: graph.input("attention_bias", "float32", [BATCH, 1, TOKENS, TOKENS]),
    });
    const last = graph.input("last_token_weights", "float32", [BATCH, 1, TOKENS]);
    const logits = sequenceClassifierLogits(parameters, hidden, last);
    return { loss: crossEntropy(logits, graph.input("labels", "int32", [BATCH])), metrics: {} };
  },
  microBatches: (step) => {
    const random = new RandomStream({ seed: step, stream: 3 });
    const labels = Int32Array.from({ length: BATCH }, () => random.nextInteger(LABELS));
    const ids = Int32Array.from(
      { length: BATCH * TOKENS },
      (_, flat) =>
        (labels[Math.floor(flat / TOKENS)]! * VOCABULARY) / LABELS + random.nextInteger(VOCABULARY / LABELS),
    );
    const inputIds = int32([BATCH, TOKENS], ids);
    return [
      {
        bucket: {},
        recordIds: Array.from({ length: BATCH }, (_, row) => `row ${step}.${row}`),
        feeds: {
          input_ids: inputIds,
          position_ids: int32(
            [BATCH, TOKENS],
            ids.map((_, flat) => flat % TOKENS),
          ),
          attention_bias: causalBias(int32([BATCH, TOKENS], new Int32Array(BATCH * TOKENS).fill(1))),
          last_token_weights: lastTokenWeights(inputIds, undefined),
          labels: int32([BATCH], labels),
        },
      },
    ];
  },
};
