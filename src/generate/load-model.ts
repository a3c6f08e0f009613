/** Opening a model for generation: a Hugging Face folder or a .gguf file, with its tokenizer and chat template. */
import {
  type CausalModel,
  type ModelFiles,
  openModelFiles,
  quantizationError,
  readInferenceWeights,
  type Seq2SeqModel,
  weightBytes,
} from "../models/index.ts";
import type { InferenceWeights, WeightBits } from "../nn/index.ts";
import { loadTokenizer, type Tokenizer, tokenizerFromGguf } from "../text/index.ts";
import { openStoredModel } from "./model-weights.ts";

export interface LoadGenerationModelOptions {
  /**
   * Bits of the weight matrices: 32 float32, 8 or 4 blocks of integers with a scale each. Products then round
   * activations to 8 bits too. @default 32
   */
  readonly weightBits?: WeightBits | 32;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface GenerationModel {
  readonly path: string;
  readonly model: CausalModel | Seq2SeqModel;
  readonly weights: InferenceWeights;
  readonly tokenizer: Tokenizer;
  /** Jinja; undefined where the model ships none. */
  readonly chatTemplate: string | undefined;
  /** Tokens that end a text or a turn, by the model's own files. */
  readonly endTokens: readonly number[];
  /** Of the quantised matrices: square root of squared errors over squared weights; 0 for float32. */
  readonly quantizationError: number;
  /** Bytes that the weights take. */
  readonly weightBytes: number;
}

/**
 * Opens a model for generation.
 *
 * @param path folder with config.json, tokenizer.json and safetensors weights, or a .gguf file
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, TOKENIZER_INVALID, WEIGHTS_MISMATCH and what the
 *   readers of the formats throw
 */
export function loadGenerationModel(
  path: string,
  { weightBits = 32, onProgress }: LoadGenerationModelOptions = {},
): GenerationModel {
  const files = openModelFiles(path);
  try {
    const stored = openStoredModel(files.config, files.source);
    const { model } = stored;
    const tokenizer = files.gguf === undefined ? loadTokenizer(path) : tokenizerFromGguf(path, files.gguf);
    const weights = readInferenceWeights(stored.plan, files.source, {
      bits: weightBits,
      ...(onProgress && { onTensor: onProgress }),
    });
    return {
      path,
      model,
      weights,
      tokenizer,
      chatTemplate: files.chatTemplate,
      endTokens: endTokensOf(files, tokenizer, model.config.vocabularySize),
      quantizationError: quantizationError(weights),
      weightBytes: weightBytes(weights),
    };
  } finally {
    files.close();
  }
}

/** Tokens that end a text or a turn, by the model's own files. */
export function endTokensOf(
  files: Pick<ModelFiles, "endTokens">,
  { specialTokens: { eos } }: Pick<Tokenizer, "specialTokens">,
  vocabularySize: number,
): readonly number[] {
  const ends = [...files.endTokens, eos].filter(
    (id): id is number => Number.isInteger(id) && (id as number) < vocabularySize,
  );
  return [...new Set(ends)];
}
