/** Embeddings of texts by a loaded model. */
import { declareWeights, fedWeights, MASKED_BIAS } from "../nn/index.ts";
import { type Backend, createOrtBackend, type Executable } from "../runtime/index.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32, int32 } from "../tensor/host-tensor.ts";
import { equalLengthBatches } from "./batches.ts";
import { buildEmbeddingGraph } from "./embedding-graph.ts";
import type { EmbeddingModel } from "./load-model.ts";
import { poolingWeights, weightedModes } from "./pooling.ts";
import { promptTokens, type TokenizeSettings, tokenizeText } from "./tokenize.ts";

export interface TextEmbedderOptions {
  /** Compute threads. @default 2 */
  readonly threads?: number;
  /** Tokens in one run at most; bounds the memory of activations. @default 512 */
  readonly tokensPerRun?: number;
  /** @default ONNX Runtime with `threads` */
  readonly backend?: Backend;
}

export interface EmbedOptions {
  /** Name of one of the model's prompts; "" for none. @default the model's default prompt */
  readonly prompt?: string;
  /** Ends the work between two runs. */
  readonly signal?: AbortSignal;
  /** Texts done, and all of them. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What fits twice beside the weights while the model is compiled, and below protobuf's 2 GB for one message. */
const MOST_BAKED_BYTES = 2 ** 30;

const TOKENS_PER_RUN = 512;

/** Texts that are sorted by length together: their tokens are all held. */
const WINDOW_TEXTS = 4096;

export class TextEmbedder {
  /** Values of an embedding. */
  readonly dimension: number;
  /** Tokens of a text at most; what is longer is cut. */
  readonly maxTokens: number;
  /** Names of the model's prompts. */
  readonly prompts: readonly string[];
  private readonly model: Pick<EmbeddingModel, "path" | "pipeline">;
  private readonly tokenizing: TokenizeSettings;
  private readonly executable: Executable;
  /** Weights that are no part of the executable. */
  private readonly fed: Readonly<Record<string, Float32Tensor>>;
  private readonly tokensPerRun: number;

  private constructor(
    { path, pipeline, tokenizer, dimension, maxTokens, truncationSide }: EmbeddingModel,
    executable: Executable,
    fed: Readonly<Record<string, Float32Tensor>>,
    tokensPerRun: number,
  ) {
    this.dimension = dimension;
    this.maxTokens = maxTokens;
    this.prompts = Object.keys(pipeline.prompts);
    this.model = { path, pipeline };
    this.tokenizing = { tokenizer, maxTokens, truncationSide, isLowerCased: pipeline.isLowerCased };
    this.executable = executable;
    this.fed = fed;
    this.tokensPerRun = tokensPerRun;
  }

  /**
   * Compiles the model. Weights up to 1 GB become part of the executable, which lays them out for its products; then the
   * embedder needs `model` no longer.
   *
   * @throws {TuttiError} INVALID_ARGUMENT, BACKEND_FAILED
   */
  static async create(model: EmbeddingModel, options: TextEmbedderOptions = {}): Promise<TextEmbedder> {
    const { threads = 2, tokensPerRun = TOKENS_PER_RUN } = options;
    if (!Number.isInteger(tokensPerRun) || tokensPerRun < 1) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `tokensPerRun is ${tokensPerRun}, expected a positive integer`,
      );
    }
    const backend = options.backend ?? createOrtBackend({ threads });
    const baked = model.weightBytes <= MOST_BAKED_BYTES ? "all" : "vectors";
    const { graph, outputs } = buildEmbeddingGraph(
      model.backbone,
      model.pipeline,
      (empty) => declareWeights(empty, model.specs, model.weights, baked),
      model.maxTokens,
    );
    const executable = await backend.compile(graph, outputs);
    return new TextEmbedder(model, executable, fedWeights(model.weights, baked), tokensPerRun);
  }

  /**
   * One vector of `dimension` values a text, in the order of `texts`. A text's vector does not depend on the others but
   * for rounding; a text without a token has a vector of zeros.
   *
   * @throws {TuttiError} INVALID_ARGUMENT for an unknown prompt, INTERRUPTED when `signal` aborts, BACKEND_FAILED
   */
  async embed(
    texts: readonly string[],
    { prompt, signal, onProgress }: EmbedOptions = {},
  ): Promise<Float32Array[]> {
    const prefix = this.promptText(prompt);
    const firstPooled = this.model.pipeline.poolsPrompt ? 0 : promptTokens(prefix, this.tokenizing);
    const vectors: Float32Array[] = texts.map(() => new Float32Array(0));
    let done = 0;
    for (let start = 0; start < texts.length; start += WINDOW_TEXTS) {
      const window = texts.slice(start, start + WINDOW_TEXTS);
      const rows = window.map((text) => tokenizeText(prefix + text, this.tokenizing));
      const lengths = rows.map(({ length }) => length);
      for (const [index, length] of lengths.entries()) {
        if (length === 0) vectors[start + index] = new Float32Array(this.dimension);
      }
      for (const members of equalLengthBatches(lengths, this.tokensPerRun)) {
        if (signal?.aborted) {
          throw new TuttiError("INTERRUPTED", `stopped after ${done} of ${texts.length} texts`);
        }
        const batch = await this.run(
          members.map((member) => rows[member]!),
          firstPooled,
        );
        for (const [row, member] of members.entries()) vectors[start + member] = batch[row]!;
        done += members.length;
        onProgress?.(done, texts.length);
      }
    }
    return vectors;
  }

  /** Frees the executable. */
  async dispose(): Promise<void> {
    await this.executable.dispose();
  }

  private promptText(name: string | undefined): string {
    const { prompts, defaultPrompt } = this.model.pipeline;
    const wanted = name ?? defaultPrompt ?? "";
    if (wanted === "") return "";
    const text = Object.hasOwn(prompts, wanted) ? prompts[wanted] : undefined;
    if (text !== undefined) return text;
    const known = this.prompts.length === 0 ? "none" : this.prompts.join(", ");
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `${this.model.path} has no prompt "${wanted}"; its prompts are: ${known}`,
      { details: { prompt: wanted }, hint: didYouMean(wanted, this.prompts) },
    );
  }

  /** Vectors of rows of one length. */
  private async run(rows: readonly Int32Array[], firstPooled: number): Promise<Float32Array[]> {
    const [batch, tokens] = [rows.length, rows[0]!.length];
    const modes = weightedModes(this.model.pipeline.pooling);
    const weights = poolingWeights(modes, tokens, firstPooled);
    const ids = new Int32Array(batch * tokens);
    const positions = new Int32Array(batch * tokens);
    const allWeights = new Float32Array(batch * weights.length);
    for (const [row, own] of rows.entries()) {
      ids.set(own, row * tokens);
      for (let token = 0; token < tokens; token++) positions[row * tokens + token] = token;
      allWeights.set(weights, row * weights.length);
    }
    const { embeddings } = await this.executable.run({
      ...this.fed,
      ids: int32([batch, tokens], ids),
      positions: int32([batch, tokens], positions),
      pooling_weights: float32([batch, modes.length, tokens], allWeights),
      pooling_bias: float32([batch, tokens, 1], this.poolingBias(batch, tokens, firstPooled)),
    });
    const data = embeddings!.data as Float32Array;
    return rows.map((_, row) => data.slice(row * this.dimension, (row + 1) * this.dimension));
  }

  private poolingBias(batch: number, tokens: number, firstPooled: number): Float32Array {
    const bias = new Float32Array(batch * tokens);
    if (firstPooled === 0 || firstPooled >= tokens) return bias;
    for (let row = 0; row < batch; row++) bias.fill(MASKED_BIAS, row * tokens, row * tokens + firstPooled);
    return bias;
  }
}
