/**
 * Sequence classification as in transformers, on a model of any family: decoders read the last token that is not
 * padding, encoders the first one or the mean. One label is a score: a regression head, as rerankers have.
 *
 * B batch, T tokens, H hidden size, L labels.
 */
import type { Value } from "../graph/ir.ts";
import { binaryCrossEntropyWithLogits } from "../losses/binary-cross-entropy.ts";
import { crossEntropy } from "../losses/cross-entropy.ts";
import { meanSquaredError } from "../losses/mean-squared-error.ts";
import { linear } from "../nn/layers.ts";
import { matrix, type ParameterSpecs, type Parameters, type ParameterValues } from "../nn/parameters.ts";
import { firstTokenWeights, meanTokenWeights, pooledTokens } from "../nn/token-pooling.ts";
import { type Float32Tensor, float32, type HostTensor } from "../tensor/host-tensor.ts";
import { sizeOf } from "../tensor/shape.ts";
import { createCausalModel } from "./causal-families.ts";
import { type CausalConfig, HEAD } from "./causal-model.ts";
import { causalParameterName } from "./causal-weights.ts";
import { type HuggingFaceConfig, readCount, requireOneOf, unsupported } from "./config.ts";
import { createEncoderModel, ENCODER_MODEL_TYPES } from "./encoder-families.ts";
import type { EncoderConfig, EncoderInputs, EncoderOptions } from "./encoder-model.ts";
import { encoderParameterName } from "./encoder-weights.ts";
import { openModelFiles } from "./model-files.ts";
import { readParameters } from "./read-parameters.ts";

const SCORE = "score.weight";

/**
 * - regression: mean squared error to given numbers
 * - single-label: one class a sequence, cross-entropy
 * - multi-label: every class on its own, binary cross-entropy
 */
export type ClassificationProblem = "regression" | "single-label" | "multi-label";

/** A sequence classifier of any family, ready to build graphs. */
export interface SequenceClassifier {
  readonly modelType: string;
  readonly config: CausalConfig | EncoderConfig;
  /** Whether tokens see earlier ones only: the attention bias is then `causalBias`, else `paddingBias` (nn/masks.ts). */
  readonly isCausal: boolean;
  readonly labels: number;
  readonly problem: ClassificationProblem;
  /** Parameters of model and head. */
  readonly specs: ParameterSpecs;
  /** The model's name for a stored tensor, undefined for what it has no use for. */
  parameterName(stored: string): string | undefined;
  /** Final hidden states f32 [B, T, H]. */
  hidden(parameters: ParameterValues, inputs: EncoderInputs, options?: EncoderOptions): Value;
  /** Logits f32 [B, L] of hidden states under `poolingWeights` f32 [B, 1, T]. */
  logits(parameters: ParameterValues, hidden: Value, poolingWeights: Value, options?: EncoderOptions): Value;
  /** What the head reads of each row, f32 [B, 1, T]; both i32 [B, T], the mask 1 for tokens and 0 for padding. */
  poolingWeights(inputIds: HostTensor, attentionMask: HostTensor): Float32Tensor;
}

/** Number of labels of a config.json: entries of `id2label`, else `num_labels`, else 2. */
export function readLabelCount(config: HuggingFaceConfig): number {
  const names = config.id2label ?? undefined;
  if (names === undefined) return readCount("classifier", config, "num_labels", 2);
  if (typeof names !== "object" || Object.keys(names).length === 0) {
    throw unsupported("classifier", "id2label", names, "an object of at least one label");
  }
  return Object.keys(names).length;
}

const PROBLEMS: Readonly<Record<string, ClassificationProblem>> = {
  regression: "regression",
  single_label_classification: "single-label",
  multi_label_classification: "multi-label",
};

/** `problem_type`; without it, one label is a regression and more are classes. */
function readProblem(config: HuggingFaceConfig, labels: number): ClassificationProblem {
  requireOneOf("classifier", config, "problem_type", [...Object.keys(PROBLEMS), undefined]);
  const stated = PROBLEMS[(config.problem_type ?? "") as string];
  return stated ?? (labels === 1 ? "regression" : "single-label");
}

/**
 * The classifier that a Hugging Face config.json describes.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key
 */
export function createSequenceClassifier(config: HuggingFaceConfig): SequenceClassifier {
  const isEncoder = ENCODER_MODEL_TYPES.includes(config.model_type as string);
  return isEncoder ? encoderClassifier(config) : decoderClassifier(config);
}

function encoderClassifier(config: HuggingFaceConfig): SequenceClassifier {
  const model = createEncoderModel(config);
  const labels = readLabelCount(config);
  const head = model.classificationHead;
  const specs = { ...model.specs, ...head.specs(labels) };
  return {
    modelType: model.modelType,
    config: model.config,
    isCausal: false,
    labels,
    problem: readProblem(config, labels),
    specs,
    parameterName: (stored) => encoderParameterName(model, specs, stored),
    hidden: (parameters, inputs, options) => model.encode(parameters, inputs, options),
    logits: (parameters, hidden, poolingWeights, options) =>
      head.logits(parameters, pooledTokens(hidden, poolingWeights), options),
    poolingWeights: (_inputIds, attentionMask) =>
      head.pooling === "mean" ? meanTokenWeights(attentionMask) : firstTokenWeights(attentionMask),
  };
}

/** A linear layer without bias on the last token; there is no language-model head. */
function decoderClassifier(config: HuggingFaceConfig): SequenceClassifier {
  const model = createCausalModel(config);
  const labels = readLabelCount(config);
  const { [HEAD]: _head, ...decoder } = model.specs;
  const padTokenId = Number.isInteger(config.pad_token_id) ? (config.pad_token_id as number) : undefined;
  return {
    modelType: model.modelType,
    config: model.config,
    isCausal: true,
    labels,
    problem: readProblem(config, labels),
    specs: { ...decoder, [SCORE]: matrix(labels, model.config.hiddenSize, 0.02) },
    parameterName: (stored) => (stored === HEAD ? undefined : causalParameterName(model, stored)),
    hidden: (parameters, inputs, options) => model.decoder(parameters, inputs, options),
    logits: (parameters, hidden, poolingWeights) =>
      linear(pooledTokens(hidden, poolingWeights), parameters(SCORE)),
    poolingWeights: (inputIds) => lastTokenWeights(inputIds, padTokenId),
  };
}

/**
 * f32 [B, 1, T]: 1 at each row's rightmost token other than `padTokenId`, whichever side is padded; at the first of
 * a row of padding only; at the last where there is no padding token.
 *
 * @param inputIds i32 [B, T]
 */
export function lastTokenWeights(inputIds: HostTensor, padTokenId: number | undefined): Float32Tensor {
  const [batch, tokens] = inputIds.shape as [number, number];
  const weights = new Float32Array(batch * tokens);
  for (let row = 0; row < batch; row++) {
    let last = tokens - 1;
    while (padTokenId !== undefined && last > 0 && inputIds.data[row * tokens + last] === padTokenId) last--;
    weights[row * tokens + last] = 1;
  }
  return float32([batch, 1, tokens], weights);
}

/**
 * The mean loss over a batch, in the problem's own units (nats, or squared differences).
 *
 * @param targets i32 [B] for single-label (negative = ignored), else f32 [B, L]
 */
export function classificationLoss(problem: ClassificationProblem, logits: Value, targets: Value): Value {
  switch (problem) {
    case "regression":
      return meanSquaredError(logits, targets);
    case "single-label":
      return crossEntropy(logits, targets);
    case "multi-label":
      return binaryCrossEntropyWithLogits(logits, targets, logits.graph.scalar(1 / sizeOf(logits.shape)));
  }
}

export interface LoadedSequenceClassifier {
  readonly classifier: SequenceClassifier;
  readonly parameters: Parameters;
}

/**
 * Model and classification head of a Hugging Face folder.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH and what the readers of the formats throw
 */
export function loadSequenceClassifier(path: string): LoadedSequenceClassifier {
  const files = openModelFiles(path);
  try {
    const classifier = createSequenceClassifier(files.config);
    const { specs } = classifier;
    return { classifier, parameters: readParameters(specs, files.source, classifier.parameterName) };
  } finally {
    files.close();
  }
}
