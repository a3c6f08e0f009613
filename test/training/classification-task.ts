/** Sequence classification as a training task: which half of the vocabulary the tokens of a row come from. */
import { classificationLoss, createSequenceClassifier } from "../../src/models/index.ts";
import { causalBias } from "../../src/nn/index.ts";
import { int32 } from "../../src/tensor/host-tensor.ts";
import { RandomStream } from "../../src/tensor/random.ts";
import type { TrainingTask } from "../../src/train/index.ts";

const [BATCH, TOKENS, VOCABULARY, LABELS] = [4, 12, 64, 2];

const classifier = createSequenceClassifier({
  model_type: "llama",
  num_labels: LABELS,
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
  specs: classifier.specs,
  build: (graph, parameters) => {
    const hidden = classifier.hidden(parameters, {
      inputIds: graph.input("input_ids", "int32", [BATCH, TOKENS]),
      positionIds: graph.input("position_ids", "int32", [BATCH, TOKENS]),
      attentionBias: graph.input("attention_bias", "float32", [BATCH, 1, TOKENS, TOKENS]),
    });
    const last = graph.input("last_token_weights", "float32", [BATCH, 1, TOKENS]);
    const logits = classifier.logits(parameters, hidden, last);
    const labels = graph.input("labels", "int32", [BATCH]);
    return { loss: classificationLoss(classifier.problem, logits, labels), metrics: {} };
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
    const mask = int32([BATCH, TOKENS], new Int32Array(BATCH * TOKENS).fill(1));
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
          attention_bias: causalBias(mask),
          last_token_weights: classifier.poolingWeights(inputIds, mask),
          labels: int32([BATCH], labels),
        },
      },
    ];
  },
};
