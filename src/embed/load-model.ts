/** Opening a model for embeddings: a sentence-transformers folder, a folder of a model alone, or a .gguf file. */
import {
  type ModelFiles,
  openModelFiles,
  quantizationError,
  readInferenceWeights,
  weightBytes,
} from "../models/index.ts";
import {
  checkParameters,
  declareParameters,
  type InferenceWeights,
  type ParameterSpecs,
  weightUses,
} from "../nn/index.ts";
import { TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { loadTokenizer, type Tokenizer, tokenizerFromGguf } from "../text/index.ts";
import { openWeights } from "../weights/index.ts";
import { type Backbone, createBackbone } from "./backbone.ts";
import { buildEmbeddingGraph, stageParameterName, stageSpecs } from "./embedding-graph.ts";
import { type EmbeddingPipeline, modelFolderOf, readPipeline } from "./pipeline.ts";

export interface LoadEmbeddingModelOptions {
  /**
   * Bits of the weight matrices: 32 float32, 8 blocks of integers with a scale each. Products then round activations to
   * 8 bits too. @default 32
   */
  readonly weightBits?: 8 | 32;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface EmbeddingModel {
  readonly path: string;
  readonly backbone: Backbone;
  readonly pipeline: EmbeddingPipeline;
  /** Parameters of backbone and dense stages. */
  readonly specs: ParameterSpecs;
  readonly weights: InferenceWeights;
  readonly tokenizer: Tokenizer;
  /** Values of an embedding. */
  readonly dimension: number;
  /** Tokens of a text at most, special ones included; what is longer is cut. */
  readonly maxTokens: number;
  /** Which end of a text that is too long is cut off. */
  readonly truncationSide: "left" | "right";
  /** Of the quantised matrices: square root of squared errors over squared weights; 0 for float32. */
  readonly quantizationError: number;
  /** Bytes that the weights take. */
  readonly weightBytes: number;
}

function checkDimensions(path: string, backbone: Backbone, pipeline: EmbeddingPipeline): number {
  let width = backbone.hiddenSize * pipeline.pooling.length;
  for (const stage of pipeline.stages) {
    if (stage.kind !== "dense") continue;
    if (stage.inputs !== width) {
      throw new TuttiError(
        "MODEL_CONFIG_UNSUPPORTED",
        `${stage.folder}: "in_features" is ${stage.inputs}, but the vectors before it have ${width} values`,
        { details: { path } },
      );
    }
    width = stage.outputs;
  }
  return width;
}

/** Dense layers are small: they stay float32. */
function readStages(pipeline: EmbeddingPipeline): Map<string, Float32Tensor> {
  const tensors = new Map<string, Float32Tensor>();
  for (const [index, stage] of pipeline.stages.entries()) {
    if (stage.kind !== "dense") continue;
    const source = openWeights(stage.folder);
    try {
      for (const stored of source.entries.keys()) {
        const { shape, data } = source.read(stored);
        if (data instanceof Float32Array)
          tensors.set(stageParameterName(index, stored), float32(shape, data));
      }
    } finally {
      source.close();
    }
  }
  return tensors;
}

/** Tokens of a text at most; some of its own must fit beside the special ones. */
function tokenLimit(
  path: string,
  pipeline: EmbeddingPipeline,
  files: ModelFiles,
  backbone: Backbone,
  tokenizer: Tokenizer,
): number {
  const { model_max_length: tokenizerLimit } = files.tokenizer().tokenizerConfig;
  const limits = [pipeline.maxTokens ?? tokenizerLimit, backbone.maxPositions];
  const limit = Math.min(...limits.filter((each) => typeof each === "number"));
  const specialTokens = tokenizer.encode("").ids.length;
  if (limit > specialTokens) return limit;
  throw new TuttiError(
    "MODEL_CONFIG_UNSUPPORTED",
    `${path}: "max_seq_length" of sentence_bert_config.json, or else "model_max_length" of tokenizer_config.json, is ${limit}: no room beside ${specialTokens} special tokens`,
    { details: { path, limit }, hint: "copy these files from where the model came from" },
  );
}

function checkVocabulary({ path, vocabularySize }: Tokenizer, { vocabularySize: rows }: Backbone): void {
  if (vocabularySize <= rows) return;
  throw new TuttiError(
    "TOKENIZER_MISMATCH",
    `${path}: has ${vocabularySize} tokens, the model's table ${rows} rows`,
    { details: { path }, hint: "tokenizer and weights belong to different models" },
  );
}

/**
 * Opens a model for embeddings.
 *
 * @param path a sentence-transformers folder (modules.json), a folder with config.json, tokenizer.json and safetensors
 *   weights, or a .gguf file
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED (naming the module or key), TOKENIZER_INVALID,
 *   WEIGHTS_MISMATCH and what the readers of the formats throw
 */
export function loadEmbeddingModel(
  path: string,
  { weightBits = 32, onProgress }: LoadEmbeddingModelOptions = {},
): EmbeddingModel {
  const modelFolder = modelFolderOf(path);
  const files = openModelFiles(modelFolder);
  try {
    const backbone = createBackbone(files.config);
    const pipeline = readPipeline(path, backbone.kind);
    const dimension = checkDimensions(path, backbone, pipeline);
    const tokenizer =
      files.gguf === undefined ? loadTokenizer(modelFolder) : tokenizerFromGguf(modelFolder, files.gguf);
    checkVocabulary(tokenizer, backbone);
    const maxTokens = tokenLimit(path, pipeline, files, backbone, tokenizer);
    const specs = { ...backbone.specs, ...stageSpecs(pipeline) };
    const read = readInferenceWeights(
      {
        specs: backbone.specs,
        nameOf: (stored) => backbone.parameterName(stored),
        uses: () => {
          const declare = (graph: Parameters<typeof declareParameters>[0]) => declareParameters(graph, specs);
          const { graph } = buildEmbeddingGraph(backbone, pipeline, declare, 1);
          return weightUses(graph.nodes, backbone.vocabularySize);
        },
      },
      files.source,
      { bits: weightBits, ...(onProgress && { onTensor: onProgress }) },
    );
    const stages = readStages(pipeline);
    checkParameters(stageSpecs(pipeline), Object.fromEntries(stages), path);
    const weights = { ...read, plain: new Map([...read.plain, ...stages]) };
    return {
      path,
      backbone,
      pipeline,
      specs,
      weights,
      tokenizer,
      dimension,
      maxTokens,
      truncationSide: files.tokenizer().tokenizerConfig.truncation_side === "left" ? "left" : "right",
      quantizationError: quantizationError(weights),
      weightBytes: weightBytes(weights),
    };
  } finally {
    files.close();
  }
}
